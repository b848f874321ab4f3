# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# cmake -D ROOT=<include folder> -P includes.cmake: a header includes only from its own row or from rows above it, the
# folders of one row do not include each other in a circle, and only the layer that may know a third party includes it.
cmake_minimum_required(VERSION 3.25)

set(rows
  "core"
  "statistics"
  "kernel"
  "range scheme preset device graph evaluator plan observer"
  "placement calibration correction lowering"
  "ranking search"
  "algorithm"
  "json"
  "config"
  "report"
  "interop")

# What each folder may include besides ptq and the standard library, as regular expressions on the header's name.
set(third_party_of_kernel "^xsimd/" "^immintrin\\.h$" "^arm_neon\\.h$")
set(third_party_of_json "^nlohmann/")
set(third_party_of_config "^nlohmann/" "^boost/hana")
set(third_party_of_interop "^xtensor/" "^xtl/")

set(number 0)
foreach(row IN LISTS rows)
  string(REPLACE " " ";" folders "${row}")
  foreach(folder IN LISTS folders)
    set(row_of_${folder} ${number})
  endforeach()
  math(EXPR number "${number} + 1")
endforeach()

set(faults "")
set(edges "")
file(GLOB_RECURSE headers RELATIVE "${ROOT}" "${ROOT}/ptq/*")
if(NOT headers)
  message(FATAL_ERROR "no headers below ${ROOT}/ptq")
endif()
foreach(header IN LISTS headers)
  file(STRINGS "${ROOT}/${header}" includes REGEX "^[ \t]*#[ \t]*include")
  if(header MATCHES "^ptq/[^/]+\\.hpp$")
    # The top level: version.hpp includes nothing, ptq.hpp what the core target offers.
    foreach(include IN LISTS includes)
      if(NOT include MATCHES "<ptq/[a-z_/]+\\.hpp>" OR include MATCHES "<ptq/(json|config|report|interop)/")
        list(APPEND faults "${header}: ${include}: the top-level headers include ptq's core alone")
      endif()
    endforeach()
    continue()
  endif()
  string(REGEX REPLACE "^ptq/([^/]+)/.*$" "\\1" folder "${header}")
  if(NOT DEFINED row_of_${folder})
    list(APPEND faults "${header}: the folder `${folder}` is in no row of this test")
    continue()
  endif()
  foreach(include IN LISTS includes)
    if(NOT include MATCHES "<([^>]+)>")
      list(APPEND faults "${header}: ${include}: write <ptq/...>")
      continue()
    endif()
    set(name "${CMAKE_MATCH_1}")
    if(name STREQUAL "ptq/version.hpp")
      continue()
    elseif(name MATCHES "^ptq/([^/]+)/")
      set(other "${CMAKE_MATCH_1}")
      if(NOT DEFINED row_of_${other})
        list(APPEND faults "${header}: <${name}>: the folder `${other}` is in no row of this test")
      elseif(row_of_${other} GREATER row_of_${folder})
        list(APPEND faults "${header}: <${name}>: `${other}` comes after `${folder}`")
      elseif(row_of_${other} EQUAL row_of_${folder} AND NOT other STREQUAL folder)
        list(APPEND edges "${folder}>${other}")
      endif()
    elseif(name MATCHES "^ptq/")
      list(APPEND faults "${header}: <${name}>: no header of a layer includes it")
    elseif(NOT name MATCHES "^[a-z_]+$") # A standard header has neither a folder nor an extension.
      set(allowed FALSE)
      foreach(pattern IN LISTS third_party_of_${folder})
        if(name MATCHES "${pattern}")
          set(allowed TRUE)
        endif()
      endforeach()
      if(NOT allowed)
        list(APPEND faults "${header}: <${name}>: `${folder}` does not know it")
      endif()
    endif()
  endforeach()
endforeach()

# Take away the edges into folders that include none of their row, until nothing changes: what is left is a circle.
list(REMOVE_DUPLICATES edges)
set(changed TRUE)
while(edges AND changed)
  set(changed FALSE)
  set(sources ${edges})
  list(TRANSFORM sources REPLACE ">.*$" "")
  foreach(edge IN LISTS edges)
    string(REGEX REPLACE "^.*>" "" target "${edge}")
    if(NOT target IN_LIST sources)
      list(REMOVE_ITEM edges "${edge}")
      set(changed TRUE)
    endif()
  endforeach()
endwhile()
if(edges)
  list(JOIN edges ", " circle)
  list(APPEND faults "folders of one row include each other in a circle: ${circle}")
endif()

if(faults)
  list(JOIN faults "\n  " faults)
  message(FATAL_ERROR "layering:\n  ${faults}")
endif()
