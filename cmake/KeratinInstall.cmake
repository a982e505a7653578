# What `cmake --install` leaves: the compiler, what it needs beside it, the C++ API, headers for plug-ins, and a package for
# find_package(Keratin).
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Keratin)

# A plug-in includes "frontend/plugin.h": all that this includes, and what layers are made with beside it. It links nothing.
set(plugin_headers
  frontend/plugin.h frontend/args.h frontend/convolution.h frontend/dtype_policy.h frontend/einsum.h frontend/elementary.h
  frontend/expr.h frontend/json.h frontend/layer.h frontend/linalg.h frontend/pool.h frontend/window.h
  frontend/training/loss_values.h frontend/training/losses.h frontend/training/metrics.h frontend/training/serialized.h
  frontend/training/step_state.h frontend/training/update_rules.h
  ir/attrs.h ir/builder.h ir/error.h ir/graph.h ir/ops.def ir/tensor.h ir/text.h ir/type.h)
foreach(header IN LISTS plugin_headers)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/keratin/${folder})
endforeach()
add_library(keratin_plugin INTERFACE)
add_library(Keratin::plugin ALIAS keratin_plugin)
set_target_properties(keratin_plugin PROPERTIES EXPORT_NAME plugin)
target_compile_features(keratin_plugin INTERFACE cxx_std_20)
target_include_directories(keratin_plugin INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/keratin>)

install(TARGETS keratin keras keratin_plugin EXPORT KeratinTargets)
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
