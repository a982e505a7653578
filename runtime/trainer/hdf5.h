// Data sets in HDF5 files, as h5py and others write them.
//
// The format is read here, not by libhdf5: that library would more than double a trainer (3 MB beside 2.3), does not survive malformed files
// and copies what can stay in the file. Read are numbers and strings of fixed width, contiguous or in chunks, with the usual
// filters, in files of all versions; what is not read is refused by name, with the way to rewrite it. Of model files, see
// frontend/h5_file.h.
#pragma once

#include <map>
#include <string>

#include "runtime/trainer/npy.h"

namespace keratin::trainer {

/// By name; "GROUP:NAME" for those in a group. Views of the mapped file where datasets lie in one piece. Throws Error(no_input)
/// or Error(data).
std::map<std::string, Array> read_hdf5(const std::string& path, Strings strings = Strings::refuse);

}  // namespace keratin::trainer
