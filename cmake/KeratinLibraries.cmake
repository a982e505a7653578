# Everything that comes from outside, with the one place that uses it.
find_package(Threads REQUIRED)
find_package(LLVM 19.1 REQUIRED CONFIG)     # codegen: native code, objects
find_package(xtensor REQUIRED)              # ir: the reference interpreter's arrays
# frontend/archive.cpp: .keras and .npz are zip files. By name, because the CMake files of Debian's libzip-dev
# demand programs that other packages hold.
find_library(LIBZIP zip REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)   # frontend/json.cpp: model configurations; runtime/trainer/json.cpp
find_package(CLI11 REQUIRED)                # tools/, runtime/trainer/command_line.cpp: the command line
find_package(HDF5 REQUIRED COMPONENTS C)    # frontend/h5_helper_main.c: weights, in a process of its own

# LLD as a library links shared objects, so that no linker is needed where models are compiled.
find_library(LLD_ELF lldELF HINTS ${LLVM_LIBRARY_DIRS} REQUIRED)
find_library(LLD_COMMON lldCommon HINTS ${LLVM_LIBRARY_DIRS} REQUIRED)
find_library(ZSTD zstd REQUIRED)
find_package(ZLIB REQUIRED)
if(KERATIN_TESTS)
  find_package(GTest REQUIRED)
endif()

# runtime/trainer/npz.cpp: .npz files. The archives themselves, because trainers need nothing but libc when they run.
find_library(MINIZIP_STATIC libminizip.a REQUIRED)
find_library(ZLIB_STATIC libz.a REQUIRED)
# runtime/trainer/image_png.cpp and image_jpeg.cpp. Their archives cannot be part of a shared object.
find_library(PNG_STATIC libpng16.a REQUIRED)
find_library(JPEG_STATIC libjpeg.a REQUIRED)
find_library(PNG_SHARED libpng16.so REQUIRED)
find_library(JPEG_SHARED libjpeg.so REQUIRED)
