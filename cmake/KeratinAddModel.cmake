# keratin_add_model(TARGET MODEL FILE [NAME NAME] [SHARED] [CPU CPU] [SHAPE NAME=D1,D2 ...])
#
# Compiles a Keras model when the project is built and makes it a library to link with:
#
#     keratin_add_model(digits MODEL digits_mlp.keras)
#     target_link_libraries(app PRIVATE digits)        # and #include "digits.h"
#
# NAME is the first part of all names in C, and the header's; otherwise TARGET. SHARED makes a shared object instead of an
# archive. CPU is what `keratin compile --cpu` takes, such as x86-64-v2,x86-64-v4; SHAPE fixes inputs that the model leaves free.
function(keratin_add_model target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "SHARED" "MODEL;NAME;CPU" "SHAPE")
  if(NOT ARG_MODEL OR ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "usage: keratin_add_model(TARGET MODEL FILE [NAME NAME] [SHARED] [CPU CPU] [SHAPE NAME=D1,D2 ...])")
  endif()
  cmake_path(ABSOLUTE_PATH ARG_MODEL BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  if(NOT ARG_NAME)
    set(ARG_NAME ${target})
  endif()
  if(ARG_SHARED)
    set(kind SHARED)
    set(suffix .so)
  else()
    set(kind STATIC)
    set(suffix .a)
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.model)
  set(library ${folder}/${ARG_NAME}${suffix})
  file(MAKE_DIRECTORY ${folder})

  set(options --name ${ARG_NAME})
  if(ARG_CPU)
    list(APPEND options --cpu ${ARG_CPU})
  endif()
  foreach(shape IN LISTS ARG_SHAPE)
    list(APPEND options --shape ${shape})
  endforeach()
  add_custom_command(
    OUTPUT ${library} ${folder}/${ARG_NAME}.h
    COMMAND Keratin::keratin compile ${ARG_MODEL} -o ${library} ${options}
    DEPENDS ${ARG_MODEL} Keratin::keratin
    COMMENT "Compiling the model ${ARG_NAME}"
    VERBATIM)
  add_custom_target(${target}_compile DEPENDS ${library} ${folder}/${ARG_NAME}.h)

  add_library(${target} ${kind} IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${library}
    INTERFACE_INCLUDE_DIRECTORIES ${folder})
  add_dependencies(${target} ${target}_compile)
endfunction()
