// NumPy's array file, .npy.
//
// Format versions 1 to 3, C and Fortran order, both byte orders, booleans, integers and floats of 1 to 8 bytes; two raw
// bytes ("V2", as bfloat16 arrays are saved) are read as bf16. Shape and type must account for every byte. Strings ("S", "U") become
// rows of bytes, UTF-8, along a further axis that zeros fill up, where they are asked for. Arrays of Python objects, records and complex
// numbers are refused by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/trainer/array.h"

namespace keratin::trainer {

/// What becomes of strings: an error, or rows of bytes along a further axis, i8, which the array tells from numbers.
enum class Strings { refuse, as_bytes };

/// Of such rows: where strings begin and how long they are, as runtime/strings.h takes them.
struct StringRows {
  std::vector<const char*> starts;
  std::vector<size_t> sizes;

  StringRows() = default;
  StringRows(const std::byte* bytes, size_t count, size_t width);
};

/// The array in `bytes`, which `owner` keeps: a view of them if their order is row-major and this machine's, otherwise a copy.
/// Throws Error(data) with `where`.
Array parse_npy(std::string_view bytes, std::shared_ptr<const void> owner, const std::string& where,
                Strings strings = Strings::refuse);

/// What stands before the elements in a .npy file of version 1, C order, little-endian.
std::string npy_header(DType dtype, const Shape& shape);

}  // namespace keratin::trainer
