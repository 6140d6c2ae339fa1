# The core as a shared library: the same objects as in the static one. What is not marked as the
# API is hidden, by the visibility that the top folder sets.
#
# Until 1.0 a minor version may break callers (CHANGELOG.md), so that the file that they ask for at
# run time names it too: libscopeflow.so.0.1, and from then on libscopeflow.so.1.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(SCOPEFLOW_SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
else()
  set(SCOPEFLOW_SOVERSION ${PROJECT_VERSION_MAJOR})
endif()

add_library(scopeflow SHARED $<TARGET_OBJECTS:scopeflow_core>)
add_library(scopeflow::scopeflow ALIAS scopeflow)
set_target_properties(scopeflow PROPERTIES
  LINKER_LANGUAGE C
  VERSION ${PROJECT_VERSION}
  SOVERSION ${SCOPEFLOW_SOVERSION})
target_include_directories(scopeflow
  INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/native/include>)
target_link_libraries(scopeflow PRIVATE Threads::Threads)
# What is missing is said here, not to whoever loads the library. Sanitizers come with the program.
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT SCOPEFLOW_SANITIZE)
  target_link_options(scopeflow PRIVATE -Wl,--no-undefined)
endif()
