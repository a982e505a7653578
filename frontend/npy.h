// NumPy's array files: .npy (one array) and .npz (a zip of them).
//
// Format versions 1 to 3, C and Fortran order, both byte orders, booleans, integers and floats of 1 to 8 bytes; two raw
// bytes ("V2", as bfloat16 arrays are saved) are read as bf16. Shape and type must account for every byte. Arrays
// of Python objects, records and complex numbers are refused by name, and so are strings ("S", "U") unless they are asked for.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "ir/tensor.h"

namespace keratin {

/// What becomes of strings: an error, or rows of bytes, UTF-8, along a further axis that zeros fill up: i8, which no input of numbers beside
/// strings is.
enum class Strings { refuse, as_bytes };

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
