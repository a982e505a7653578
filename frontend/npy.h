// NumPy's array files: .npy (one array) and .npz (a zip of them).
//
// What is read and what is refused is said in runtime/trainer/npy.h.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "ir/tensor.h"
#include "runtime/trainer/npy.h"

namespace keratin {

using trainer::Strings;

/// Throws Error(data) with `where`.
Tensor parse_npy(std::string_view bytes, const std::string& where, Strings strings = Strings::refuse);
/// Version 1, C order, little-endian.
std::string format_npy(const Tensor& tensor);

// On files; reading throws Error(no_input) or Error(data), writing is as write_file() does it.
Tensor read_npy(const std::string& path);
void write_npy(const std::string& path, const Tensor& tensor);
/// By name, without ".npy".
std::map<std::string, Tensor> read_npz(const std::string& path, Strings strings = Strings::refuse);
std::map<std::string, Tensor> parse_npz(std::string bytes, const std::string& where,
                                        Strings strings = Strings::refuse);
/// The members are stored, not compressed. Equal arrays give equal files.
void write_npz(const std::string& path, const std::map<std::string, Tensor>& tensors);

}  // namespace keratin
