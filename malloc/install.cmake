# `cmake --install`: the libraries and what programs find them by, pkg-config and find_package.
install(TARGETS strata-malloc strata-malloc-static EXPORT strata-malloc)
install(DIRECTORY include/ TYPE INCLUDE OPTIONAL FILES_MATCHING PATTERN "*.h")

# Seen from where they are, so that a tree may be moved.
set(of_pkgconfig ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH STRATA_PREFIX ${of_pkgconfig} ${CMAKE_INSTALL_PREFIX})
configure_file(strata-malloc.pc.in strata-malloc.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/strata-malloc.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(of_cmake ${CMAKE_INSTALL_LIBDIR}/cmake/strata-malloc)
install(EXPORT strata-malloc NAMESPACE strata:: FILE strata-malloc-config.cmake
  DESTINATION ${of_cmake})
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/strata-malloc-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/strata-malloc-config-version.cmake
  DESTINATION ${of_cmake})
