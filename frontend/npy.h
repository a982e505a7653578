// NumPy's array files: .npy (one array) and .npz (a zip of them).
//
// Format versions 1 to 3, C and Fortran order, both byte orders, booleans, integers and floats of 1 to 8 bytes; two raw
// bytes ("V2", as bfloat16 arrays are saved) are read as bf16. Shape and type must account for every byte. Arrays
// of Python objects, strings, records and complex numbers are refused by name.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "ir/tensor.h"

namespace keratin {

/// Throws Error(data) with `where`.
Tensor parse_npy(std::string_view bytes, const std::string& where);
/// Version 1, C order, little-endian.
std::string format_npy(const Tensor& tensor);

// On files; reading throws Error(no_input) or Error(data), writing is as write_file() does it.
Tensor read_npy(const std::string& path);
void write_npy(const std::string& path, const Tensor& tensor);
/// By name, without ".npy".
std::map<std::string, Tensor> read_npz(const std::string& path);
std::map<std::string, Tensor> parse_npz(std::string bytes, const std::string& where);
/// The members are stored, not compressed. Equal arrays give equal files.
void write_npz(const std::string& path, const std::map<std::string, Tensor>& tensors);

}  // namespace keratin
