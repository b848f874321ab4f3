# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installs into an empty prefix and finds there each header of the tree and nothing else.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE "${PREFIX}")
execute_process(COMMAND ${CMAKE_COMMAND} --install "${BUILD}" --prefix "${PREFIX}" --config "${CONFIG}"
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE wanted RELATIVE "${INCLUDE}" "${INCLUDE}/*")
file(GLOB_RECURSE installed RELATIVE "${PREFIX}/include" "${PREFIX}/include/*")
list(SORT wanted)
list(SORT installed)
if(NOT wanted STREQUAL installed)
  message(FATAL_ERROR "installed headers are not those of the tree:\n${installed}\n${wanted}")
endif()
