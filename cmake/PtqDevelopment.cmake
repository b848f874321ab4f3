# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# For the tests, examples and benchmarks of this repository; a user of the library never reads this file.

# Links the warnings that this repository is free of. Whether they are errors is the preset's choice.
add_library(ptq_warnings INTERFACE)
target_compile_options(ptq_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wdouble-promotion -Wold-style-cast
  -Wnon-virtual-dtor
  # What g++ 12 says of `"text" + string` and of std::optional, when it optimises, is wrong (its bugs 105651 and 80635).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict$<SEMICOLON>-Wno-maybe-uninitialized$<SEMICOLON>-Wno-array-bounds$<SEMICOLON>-Wno-stringop-overflow>)

find_program(PTQ_CCACHE ccache DOC "Speeds up rebuilds; not required.")
if(PTQ_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${PTQ_CCACHE}")
endif()

# ptq_need(<package> <version> <purpose> [COMPONENTS ...]): finds it, or says how to get it.
macro(ptq_need package version purpose)
  find_package(${package} ${version} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR
      "${package} >= ${version} is missing. On Debian: scripts/install-dependencies.sh ${purpose}\n"
      "Or leave out what needs it: -DPTQ_BUILD_TESTS=OFF, -DPTQ_BUILD_EXAMPLES=OFF, -DPTQ_BUILD_BENCHMARKS=OFF")
  endif()
endmacro()

# ptq_need_components(<purpose> <component>...): the same for the library's own optional targets.
function(ptq_need_components purpose)
  foreach(component IN LISTS ARGN)
    if(NOT TARGET ptq::${component})
      list(JOIN PTQ_PACKAGES_${component} ", " packages)
      message(FATAL_ERROR "ptq::${component} needs ${packages}. On Debian: scripts/install-dependencies.sh ${purpose}")
    endif()
  endforeach()
endfunction()
