# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Each header of a kernel, that is each that has `template <class Arch`, is included by a source of this folder.
cmake_minimum_required(VERSION 3.25)

file(GLOB sources "${SOURCES}/*.cpp")
set(included "")
foreach(source IN LISTS sources)
  file(READ "${source}" text)
  string(APPEND included "${text}")
endforeach()

set(missing "")
file(GLOB headers RELATIVE "${KERNELS}" "${KERNELS}/*.hpp")
foreach(header IN LISTS headers)
  file(READ "${KERNELS}/${header}" text)
  if(text MATCHES "class Arch" AND NOT included MATCHES "<ptq/kernel/${header}>")
    list(APPEND missing ${header})
  endif()
endforeach()
if(missing)
  message(FATAL_ERROR "kernels whose symbols nobody looks at: ${missing}")
endif()
