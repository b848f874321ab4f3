# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The macros after all headers of ptq, less those after all headers that ptq includes: they begin with PTQ_, and are about
# versions and configuration.
cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE headers RELATIVE "${ROOT}" "${ROOT}/ptq/*.hpp")
set(before "")
set(after "")
foreach(header IN LISTS headers)
  string(APPEND after "#include <${header}>\n")
  file(STRINGS "${ROOT}/${header}" includes REGEX "^[ \t]*#[ \t]*include[ \t]*<")
  foreach(include IN LISTS includes)
    if(NOT include MATCHES "<ptq/")
      # A header for another machine may be missing here.
      string(REGEX REPLACE "^.*(<[^>]+>).*$" "\\1" name "${include}")
      string(APPEND before "#if __has_include(${name})\n#include ${name}\n#endif\n")
    endif()
  endforeach()
endforeach()

foreach(which before after)
  file(WRITE "${SCRATCH}/${which}.cpp" "${${which}}")
  execute_process(COMMAND ${COMPILER} @${FLAGS} -dM -E "${SCRATCH}/${which}.cpp"
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${which}.cpp does not preprocess:\n${output}")
  endif()
  file(WRITE "${SCRATCH}/${which}.txt" "${output}")
  file(STRINGS "${SCRATCH}/${which}.txt" lines REGEX "^#define ")
  list(TRANSFORM lines REPLACE "^#define ([A-Za-z_0-9]+).*$" "\\1" OUTPUT_VARIABLE ${which}_names)
endforeach()

list(REMOVE_ITEM after_names ${before_names})
if(NOT "PTQ_VERSION_MAJOR" IN_LIST after_names)
  message(FATAL_ERROR "PTQ_VERSION_MAJOR is not seen: this test sees nothing")
endif()
list(FILTER after_names EXCLUDE REGEX "^PTQ_")
if(after_names)
  list(JOIN after_names ", " names)
  message(FATAL_ERROR "macros that leave our headers: ${names}")
endif()
