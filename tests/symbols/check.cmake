# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
cmake_minimum_required(VERSION 3.25)

separate_arguments(OPTIONS UNIX_COMMAND "${OPTIONS}")
execute_process(COMMAND ${LAUNCHER} ${COMPILER} @${FLAGS} -O0 -fno-sanitize=all ${OPTIONS} -c "${SOURCE}" -o "${OBJECT}"
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "does not compile:\n${output}")
endif()
execute_process(COMMAND ${NM} -C --defined-only "${OBJECT}" OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)

file(WRITE "${OBJECT}.symbols" "${output}")
file(STRINGS "${OBJECT}.symbols" weak REGEX "^[0-9a-f]+ [Ww] ")
if(NOT weak)
  message(FATAL_ERROR "no weak function at all: the source instantiates nothing")
endif()
list(TRANSFORM weak REPLACE "^[0-9a-f]+ [Ww] " "")
set(shared ${weak})
# Harmless: the masks of AVX-512, which nothing else has, and clang's call to std::terminate, which has no vectors.
list(FILTER shared EXCLUDE REGEX "xsimd::(sse|avx|fma|types::simd_avx512_bool_register<)|^__clang_call_terminate$")
if(shared)
  list(JOIN shared "\n  " shared)
  message(FATAL_ERROR "no instruction set in the name:\n  ${shared}")
endif()
