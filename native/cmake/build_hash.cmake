# What both builds of the core for JavaScript are made of, as one number: the addon and the
# WebAssembly module carry it, and the package refuses either that was made of something else.
#
#     cmake -D SOURCE=<repository> -D OUTPUT=<header> -P build_hash.cmake
#
# writes the header; included, this file adds the target that does, `scopeflow_build_hash`.
set(scopeflow_hashed_folders native/src native/include node/native wasm)

if(CMAKE_SCRIPT_MODE_FILE)
  set(listing "")
  foreach(folder IN LISTS scopeflow_hashed_folders)
    file(GLOB_RECURSE files RELATIVE ${SOURCE} ${SOURCE}/${folder}/*.c ${SOURCE}/${folder}/*.h)
    list(SORT files)
    foreach(file IN LISTS files)
      file(SHA256 ${SOURCE}/${file} hash)
      string(APPEND listing "${hash} ${file}\n")
    endforeach()
  endforeach()
  string(SHA256 hash "${listing}")
  string(SUBSTRING ${hash} 0 16 hash)
  file(WRITE ${OUTPUT} "#define SCOPEFLOW_BUILD_HASH \"${hash}\"\n")
  return()
endif()

set(SCOPEFLOW_BUILD_HASH_FOLDER ${CMAKE_CURRENT_BINARY_DIR}/build_hash)
set(SCOPEFLOW_BUILD_HASH_HEADER ${SCOPEFLOW_BUILD_HASH_FOLDER}/scopeflow_build_hash.h)
list(TRANSFORM scopeflow_hashed_folders PREPEND ${PROJECT_SOURCE_DIR}/)
set(scopeflow_hashed_files "")
foreach(folder IN LISTS scopeflow_hashed_folders)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*.c ${folder}/*.h)
  list(APPEND scopeflow_hashed_files ${files})
endforeach()
add_custom_command(
  OUTPUT ${SCOPEFLOW_BUILD_HASH_HEADER}
  COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D OUTPUT=${SCOPEFLOW_BUILD_HASH_HEADER}
          -P ${CMAKE_CURRENT_LIST_FILE}
  DEPENDS ${scopeflow_hashed_files} ${CMAKE_CURRENT_LIST_FILE}
  COMMENT "Hashing what the core is made of"
  VERBATIM)
add_custom_target(scopeflow_build_hash DEPENDS ${SCOPEFLOW_BUILD_HASH_HEADER})
