// HDF5 files as Keras writes them, made by the helper process keratin-h5: libhdf5 is in no other program.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "frontend/h5_file.h"

namespace keratin {

/// The bytes of a file that holds the datasets and attributes of `file`; a group of which there are only attributes is empty.
/// Equal contents give equal bytes, and parse_h5() reads them back. Requires: each attribute is one text; nothing was skipped.
/// Throws Error with `where` if the helper cannot make it: Error(data), or Error(no_input) if it is not installed.
std::string format_h5(const H5File& file, const std::string& where);

/// The same, and where in it the elements of each dataset begin. They lie in one piece, row-major; empty ones lie nowhere.
struct H5Image {
  std::string bytes;
  std::map<std::string, uint64_t> offsets;
};
H5Image format_h5_image(const H5File& file, const std::string& where);

}  // namespace keratin
