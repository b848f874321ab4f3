# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# One INTERFACE library for each component whose packages are there: ptq::ptq always, the others where they can be.
include(PtqDependencies)
include(PtqHeaders)

foreach(component IN LISTS PTQ_COMPONENTS)
  ptq_find_packages(${component})
  foreach(required IN LISTS PTQ_REQUIRES_${component})
    if(NOT TARGET ptq::${required})
      list(APPEND PTQ_MISSING "ptq::${required}")
    endif()
  endforeach()
  if(PTQ_MISSING)
    list(JOIN PTQ_MISSING ", " missing)
    if(component STREQUAL "ptq")
      message(FATAL_ERROR "ptq::ptq needs ${missing}. On Debian: scripts/install-dependencies.sh run")
    endif()
    message(STATUS "ptq::${component} is left out: it needs ${missing}")
    continue()
  endif()

  if(component STREQUAL "ptq")
    set(target ptq)
  else()
    set(target ptq_${component})
  endif()
  add_library(${target} INTERFACE)
  add_library(ptq::${component} ALIAS ${target})
  target_compile_features(${target} INTERFACE cxx_std_20)
  list(TRANSFORM PTQ_REQUIRES_${component} PREPEND "ptq::" OUTPUT_VARIABLE required)
  target_link_libraries(${target} INTERFACE ${required} ${PTQ_LIBRARIES_${component}})
  target_sources(${target} INTERFACE
    FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${PTQ_HEADERS_${component}})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${component}
    VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
endforeach()
