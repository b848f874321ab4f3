# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
cmake_minimum_required(VERSION 3.25)
set(ENV{LC_ALL} C)

# -S, not -fsyntax-only: what is instantiated at the end of the file counts too.
macro(compile)
  execute_process(COMMAND ${COMPILER} @${FLAGS} -O0 -S -o /dev/null ${ARGN} "${SOURCE}"
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
endmacro()

file(STRINGS "${SOURCE}" expectations REGEX "^// expect: ")
if(NOT expectations)
  message(FATAL_ERROR "expects nothing: a compile-fail source has at least one line `// expect: <regex>`")
endif()

compile()
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the control does not compile:\n${output}")
endif()
compile(-DPTQ_EXPECT_ERROR)
if(result EQUAL 0)
  message(FATAL_ERROR "compiles, but must not")
endif()
foreach(expectation IN LISTS expectations)
  string(REPLACE "// expect: " "" regex "${expectation}")
  if(NOT output MATCHES "${regex}")
    message(FATAL_ERROR "no diagnostic matches `${regex}`:\n${output}")
  endif()
endforeach()
