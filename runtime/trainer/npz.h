// NumPy's .npz, a zip of .npy arrays.
#pragma once

#include <map>
#include <string>

#include "runtime/trainer/npy.h"

namespace keratin::trainer {

/// By name, without ".npy". Stored members (numpy.savez) are views of the mapped file, deflated ones (savez_compressed) are
/// inflated; checksums are compared. Throws Error(no_input) or Error(data).
std::map<std::string, Array> read_npz(const std::string& path, Strings strings = Strings::refuse);

/// The members are stored, not compressed; equal arrays give equal files. Written beside `path`, then renamed.
void write_npz(const std::string& path, const std::map<std::string, Array>& arrays);

}  // namespace keratin::trainer
