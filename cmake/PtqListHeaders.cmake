# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# cmake -P cmake/PtqListHeaders.cmake               writes cmake/PtqHeaders.cmake anew from what lies under include/
# cmake -D CHECK=ON -P cmake/PtqListHeaders.cmake   fails if the two differ
cmake_minimum_required(VERSION 3.25)

cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH root)
set(list_file "${CMAKE_CURRENT_LIST_DIR}/PtqHeaders.cmake")

# The folders that belong to a component; all others are ptq::ptq's.
set(folders_of_json json)
set(folders_of_config config)
set(folders_of_xtensor interop)
set(optional json config xtensor)

file(GLOB_RECURSE headers RELATIVE "${root}" "${root}/include/ptq/*.hpp")
list(SORT headers)

set(text "# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n")
string(APPEND text "# Written by `cmake -P cmake/PtqListHeaders.cmake`; run it after adding, moving or removing a header.\n")
foreach(component ptq ${optional})
  string(APPEND text "set(PTQ_HEADERS_${component}\n")
  foreach(header IN LISTS headers)
    set(owner ptq)
    foreach(candidate IN LISTS optional)
      foreach(folder IN LISTS folders_of_${candidate})
        if(header MATCHES "^include/ptq/${folder}/")
          set(owner ${candidate})
        endif()
      endforeach()
    endforeach()
    if(owner STREQUAL component)
      string(APPEND text "  \${PROJECT_SOURCE_DIR}/${header}\n")
    endif()
  endforeach()
  string(APPEND text ")\n")
endforeach()

if(NOT CHECK)
  file(WRITE "${list_file}" "${text}")
  return()
endif()

file(READ "${list_file}" listed)
if(NOT listed STREQUAL text)
  foreach(header IN LISTS headers)
    string(FIND "${listed}" "/${header}\n" at)
    if(at EQUAL -1)
      message(NOTICE "not in cmake/PtqHeaders.cmake: ${header}")
    endif()
  endforeach()
  message(FATAL_ERROR "cmake/PtqHeaders.cmake is not what lies under include/: run `cmake -P cmake/PtqListHeaders.cmake`.")
endif()
