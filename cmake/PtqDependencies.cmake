# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# What each component needs. Read by the build and by the installed ptqConfig.cmake, so that the two cannot diverge.
set(PTQ_COMPONENTS ptq json config xtensor)

set(PTQ_REQUIRES_ptq     "")
set(PTQ_REQUIRES_json    ptq)
set(PTQ_REQUIRES_config  ptq json)
set(PTQ_REQUIRES_xtensor ptq)

set(PTQ_PACKAGES_ptq     "xsimd 8.1")
set(PTQ_PACKAGES_json    "nlohmann_json 3.11")
set(PTQ_PACKAGES_config  "Boost 1.74")
set(PTQ_PACKAGES_xtensor "xtensor 0.24")

set(PTQ_LIBRARIES_ptq     xsimd)
set(PTQ_LIBRARIES_json    nlohmann_json::nlohmann_json)
set(PTQ_LIBRARIES_config  Boost::headers)
set(PTQ_LIBRARIES_xtensor xtensor)

# Sets PTQ_MISSING to a list of "name >= version", empty where all is there. The version is compared here: the packages
# of xsimd and xtensor call a newer major version incompatible.
macro(ptq_find_packages component)
  set(PTQ_MISSING "")
  foreach(ptq_package_ IN LISTS PTQ_PACKAGES_${component})
    string(REGEX MATCH "^([^ ]+) (.+)$" ptq_package_ "${ptq_package_}")
    set(ptq_name_ "${CMAKE_MATCH_1}")
    set(ptq_version_ "${CMAKE_MATCH_2}")
    find_package(${ptq_name_} CONFIG QUIET)
    if(NOT ${ptq_name_}_FOUND OR (DEFINED ${ptq_name_}_VERSION AND ${ptq_name_}_VERSION VERSION_LESS ptq_version_))
      list(APPEND PTQ_MISSING "${ptq_name_} >= ${ptq_version_}")
    endif()
  endforeach()
  # Debian's xsimd links xtl without looking for it; unresolved, the name would end up as -lxtl.
  if(TARGET xsimd AND NOT TARGET xtl)
    get_target_property(ptq_package_ xsimd INTERFACE_LINK_LIBRARIES)
    if("xtl" IN_LIST ptq_package_)
      find_package(xtl CONFIG QUIET)
      if(NOT xtl_FOUND)
        list(APPEND PTQ_MISSING "xtl (which this xsimd links)")
      endif()
    endif()
  endif()
  unset(ptq_package_)
  unset(ptq_name_)
  unset(ptq_version_)
endmacro()
