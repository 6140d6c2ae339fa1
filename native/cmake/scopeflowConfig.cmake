# find_package(scopeflow) gives the targets scopeflow::scopeflow, the shared library, and
# scopeflow::scopeflow_static.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/scopeflowTargets.cmake)
