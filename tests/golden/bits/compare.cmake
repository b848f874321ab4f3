# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# cmake -D PROGRAM=... -D EXPECTED=... -P compare.cmake: the program prints what the file says.
execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE result OUTPUT_VARIABLE printed ERROR_VARIABLE errors)
if(result EQUAL 77)
  message(STATUS "this processor lacks the instructions")
  return()
endif()
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM}: ${result}\n${errors}")
endif()
file(READ "${EXPECTED}" expected)
if(NOT printed STREQUAL expected)
  message(FATAL_ERROR "other bits than recorded:\n${printed}\nrecorded:\n${expected}")
endif()
