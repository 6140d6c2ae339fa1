# Which languages take part. Sets, for each of PYTHON, NODE, WASM and GO:
#   SCOPEFLOW_<LANGUAGE>       what was asked for: AUTO (default), ON or OFF
#   SCOPEFLOW_HAVE_<LANGUAGE>  whether its folder is part of the graph
# and the programs that the folders use: Python_EXECUTABLE, SCOPEFLOW_NODE_PROGRAM,
# SCOPEFLOW_NPM_PROGRAM, SCOPEFLOW_GO_PROGRAM, SCOPEFLOW_WASM_COMPILER, SCOPEFLOW_WASM_LINKER.

set(SCOPEFLOW_NODE_MINIMUM 20)
set(SCOPEFLOW_GO_MINIMUM 1.24)
set(SCOPEFLOW_PYTHON_MINIMUM 3.10)

# A caller that includes scopeflow wants the C library only, and a wheel the Python module only.
set(scopeflow_default_others OFF)
if(scopeflow_develop)
  set(scopeflow_default_others AUTO)
endif()
set(scopeflow_default_python ${scopeflow_default_others})
if(DEFINED SKBUILD)
  set(scopeflow_default_python ON)
endif()

set(SCOPEFLOW_PYTHON ${scopeflow_default_python} CACHE STRING "Python package: AUTO, ON or OFF")
set(SCOPEFLOW_NODE ${scopeflow_default_others} CACHE STRING "Node addon: AUTO, ON or OFF")
set(SCOPEFLOW_WASM ${scopeflow_default_others} CACHE STRING "WebAssembly build: AUTO, ON or OFF")
set(SCOPEFLOW_GO ${scopeflow_default_others} CACHE STRING "Go module: AUTO, ON or OFF")

# Sets SCOPEFLOW_HAVE_<language> from what was asked for and from `missing`, a text that says what
# the toolchain lacks, empty when it is complete.
function(scopeflow_decide language missing)
  set(wanted ${SCOPEFLOW_${language}})
  if(wanted STREQUAL "AUTO")
    if(missing)
      message(STATUS "scopeflow: ${language} left out: ${missing}")
      set(wanted OFF)
    else()
      set(wanted ON)
    endif()
  elseif(wanted AND missing)
    message(FATAL_ERROR "scopeflow: SCOPEFLOW_${language} is ON, but ${missing}")
  endif()
  if(wanted)
    message(STATUS "scopeflow: ${language} is built")
  endif()
  set(SCOPEFLOW_HAVE_${language} ${wanted} PARENT_SCOPE)
endfunction()

# Sets `out` to what is missing of a program whose `arguments` print a version.
function(scopeflow_check_version out program title minimum)
  set(missing "")
  if(NOT ${program})
    set(missing "${title} was not found (${minimum} or later is needed)")
  else()
    execute_process(COMMAND ${${program}} ${ARGN} OUTPUT_VARIABLE text ERROR_QUIET)
    string(REGEX MATCH "[0-9]+(\\.[0-9]+)+" version "${text}")
    if(NOT version OR version VERSION_LESS minimum)
      set(missing "${title} ${version} is too old (${minimum} or later is needed)")
    endif()
  endif()
  set(${out} "${missing}" PARENT_SCOPE)
endfunction()

set(scopeflow_missing "")
if(NOT SCOPEFLOW_PYTHON STREQUAL "OFF")
  find_package(Python ${SCOPEFLOW_PYTHON_MINIMUM} QUIET COMPONENTS Interpreter Development.Module)
  if(NOT Python_FOUND)
    set(scopeflow_missing
        "Python ${SCOPEFLOW_PYTHON_MINIMUM} or later with its headers was not found")
  endif()
endif()
scopeflow_decide(PYTHON "${scopeflow_missing}")

set(scopeflow_missing "")
if(NOT SCOPEFLOW_NODE STREQUAL "OFF")
  find_program(SCOPEFLOW_NODE_PROGRAM NAMES node nodejs)
  find_program(SCOPEFLOW_NPM_PROGRAM NAMES npm)
  scopeflow_check_version(scopeflow_missing SCOPEFLOW_NODE_PROGRAM Node ${SCOPEFLOW_NODE_MINIMUM}
                          --version)
  if(NOT scopeflow_missing AND NOT SCOPEFLOW_NPM_PROGRAM)
    set(scopeflow_missing "npm was not found")
  endif()
endif()
scopeflow_decide(NODE "${scopeflow_missing}")

set(scopeflow_missing "")
if(NOT SCOPEFLOW_WASM STREQUAL "OFF")
  find_program(SCOPEFLOW_WASM_COMPILER NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15
                                             clang-14)
  find_program(SCOPEFLOW_WASM_LINKER NAMES wasm-ld wasm-ld-19 wasm-ld-18 wasm-ld-17 wasm-ld-16
                                           wasm-ld-15 wasm-ld-14)
  if(NOT SCOPEFLOW_WASM_COMPILER OR NOT SCOPEFLOW_WASM_LINKER)
    set(scopeflow_missing "clang and wasm-ld (package lld) are needed")
  endif()
endif()
scopeflow_decide(WASM "${scopeflow_missing}")

set(scopeflow_missing "")
if(NOT SCOPEFLOW_GO STREQUAL "OFF")
  find_program(SCOPEFLOW_GO_PROGRAM NAMES go)
  scopeflow_check_version(scopeflow_missing SCOPEFLOW_GO_PROGRAM Go ${SCOPEFLOW_GO_MINIMUM} version)
endif()
scopeflow_decide(GO "${scopeflow_missing}")
