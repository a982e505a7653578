# Language level, warnings, sanitizers; ccache and a fast linker where they are installed.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)   # the runtime talks to Linux: futex, CPU sets
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # Relative paths, so that a second clone finds what the first has compiled.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})   # as its manual asks for precompiled headers
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD mold)
find_program(LLD ld.lld)
if(MOLD)
  add_link_options(-fuse-ld=mold)
elseif(LLD)
  add_link_options(-fuse-ld=lld)
endif()

add_library(keratin_flags INTERFACE)
target_compile_options(keratin_flags INTERFACE -Wall -Wextra -Wpedantic -Wno-missing-field-initializers)
if(KERATIN_WERROR)
  target_compile_options(keratin_flags INTERFACE -Werror)
endif()
target_include_directories(keratin_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(KERATIN_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=address,undefined)
endif()

# keratin_precompiled(target owner header): `header`, named from the root, is compiled once, with `owner`, for all targets that name that
# owner. It is looked for among the include directories, so that what ccache keeps of it names no clone's folder.
function(keratin_precompiled target owner header)
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE <${header}>)
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()

# keratin_takes_plugins(target): plug-ins that the program loads find what frontend/plugin.h declares.
function(keratin_takes_plugins target)
  set(exports ${PROJECT_SOURCE_DIR}/frontend/plugin_exports.map)
  target_link_options(${target} PRIVATE LINKER:--dynamic-list=${exports})
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${exports})
endfunction()

# keratin_library(NAME PUBLIC targets … PRIVATE targets … [WITHOUT subfolder]): the sources of a folder.
function(keratin_library name)
  cmake_parse_arguments(ARG "" "WITHOUT" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "_main\\.cpp$")
  if(ARG_WITHOUT)
    list(FILTER sources EXCLUDE REGEX "^${CMAKE_CURRENT_SOURCE_DIR}/${ARG_WITHOUT}/")
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE keratin_flags ${ARG_PRIVATE})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  # Plug-ins call what programs have of it: keratin_takes_plugins.
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET default)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-semantic-interposition>)
  keratin_precompiled(${name} keratin_ir ir/precompiled.h)
endfunction()
