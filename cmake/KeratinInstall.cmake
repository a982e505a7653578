# What `cmake --install` leaves: the compiler, what it needs beside it, the C++ API, and a package for find_package(Keratin).
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Keratin)

install(TARGETS keratin keras EXPORT KeratinTargets)
install(DIRECTORY frontend/keras/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT KeratinTargets NAMESPACE Keratin:: DESTINATION ${package})
configure_package_config_file(cmake/KeratinConfig.cmake.in ${PROJECT_BINARY_DIR}/KeratinConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/KeratinConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/KeratinConfig.cmake
  ${PROJECT_BINARY_DIR}/KeratinConfigVersion.cmake
  cmake/KeratinAddModel.cmake
  DESTINATION ${package})
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The same name in a tree that adds this one.
add_executable(Keratin::keratin ALIAS keratin)
