# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Several test sources as one translation unit: what they include is read, and what it defines is compiled, once for all
# of them. Each source keeps a namespace of its own, so that two may have helpers of the same name; for that what they
# include is read before, at global scope. A source that specialises, or opens a namespace of the library, is compiled alone.
option(PTQ_TESTS_IN_BATCHES "Compile several test sources at once: faster from scratch, slower after a change" OFF)

# ptq_compile_in_batches(<target> [size])
function(ptq_compile_in_batches target)
  # What the tests measure is not their own speed.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  if(NOT PTQ_TESTS_IN_BATCHES)
    return()
  endif()
  set(size 8)
  if(ARGC GREATER 1)
    set(size ${ARGV1})
  endif()
  get_target_property(sources ${target} SOURCES)
  get_target_property(folder ${target} SOURCE_DIR)
  set(includes "")
  foreach(source IN LISTS sources)
    if(NOT source MATCHES "[.]cpp$")
      continue()
    endif()
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${folder}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
    file(STRINGS "${source}" own REGEX "^(#include|namespace ptq|#define|template <>)")
    if(own MATCHES "(namespace ptq|#define|template <>)")
      set_source_files_properties("${source}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    else()
      list(APPEND includes ${own})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES includes)
  list(JOIN includes "\n" includes)
  set(headers "${CMAKE_CURRENT_BINARY_DIR}/${target}.headers.hpp")
  file(CONFIGURE OUTPUT "${headers}" CONTENT "#pragma once\n${includes}\n" @ONLY)
  target_compile_options(${target} PRIVATE "SHELL:-include \"${headers}\"")
  set_target_properties(${target} PROPERTIES
    UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${size} UNITY_BUILD_UNIQUE_ID PTQ_TEST_SOURCE
    UNITY_BUILD_CODE_BEFORE_INCLUDE "namespace PTQ_TEST_SOURCE {" UNITY_BUILD_CODE_AFTER_INCLUDE "}")
endfunction()
