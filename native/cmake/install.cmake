# `cmake --install`: the header, both libraries, and what lets CMake and pkg-config find them.
# Everything is found from where it was put, so that the folder may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(scopeflow_package ${CMAKE_INSTALL_LIBDIR}/cmake/scopeflow)
set_target_properties(scopeflow_core PROPERTIES
  OUTPUT_NAME scopeflow
  EXPORT_NAME scopeflow_static)
install(TARGETS scopeflow scopeflow_core EXPORT scopeflow
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/native/include/scopeflow
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT scopeflow NAMESPACE scopeflow:: FILE scopeflowTargets.cmake
  DESTINATION ${scopeflow_package})
# As with the shared library's name: until 1.0 a minor version may break callers.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(scopeflow_compatibility SameMinorVersion)
else()
  set(scopeflow_compatibility SameMajorVersion)
endif()
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/scopeflowConfigVersion.cmake
  COMPATIBILITY ${scopeflow_compatibility})
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/scopeflowConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/scopeflowConfig.cmake
  DESTINATION ${scopeflow_package})

file(RELATIVE_PATH scopeflow_prefix_of_pc
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" scopeflow_prefix_of_pc ${scopeflow_prefix_of_pc})
configure_file(${CMAKE_CURRENT_LIST_DIR}/scopeflow.pc.in scopeflow.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/scopeflow.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
