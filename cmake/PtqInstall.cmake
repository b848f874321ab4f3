# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(PTQ_INSTALL_CMAKEDIR "${CMAKE_INSTALL_DATADIR}/cmake/ptq" CACHE PATH "Where the package files go, below the prefix.")

# An export set for each component: whoever wants the core alone loads no file that names xtensor.
foreach(component IN LISTS PTQ_COMPONENTS)
  if(TARGET ptq::${component})
    get_target_property(target ptq::${component} ALIASED_TARGET)
    install(TARGETS ${target} EXPORT ${target}Targets FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    install(EXPORT ${target}Targets NAMESPACE ptq:: FILE ptq-${component}-targets.cmake
      DESTINATION "${PTQ_INSTALL_CMAKEDIR}")
  endif()
endforeach()

configure_package_config_file(cmake/ptqConfig.cmake.in ptqConfig.cmake INSTALL_DESTINATION "${PTQ_INSTALL_CMAKEDIR}")
write_basic_package_version_file(ptqConfigVersion.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${PROJECT_BINARY_DIR}/ptqConfig.cmake"
  "${PROJECT_BINARY_DIR}/ptqConfigVersion.cmake"
  cmake/PtqDependencies.cmake
  DESTINATION "${PTQ_INSTALL_CMAKEDIR}")
