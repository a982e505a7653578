// safetensors: named arrays in one file.
//
// Eight bytes with the header's length, the header, JSON that gives each array's dtype, shape and place, then the
// arrays, row-major, little-endian, in order and without gaps. Files are from strangers: the header's length is limited, the
// places must tile the rest of the file exactly, and nothing is believed that does not agree with it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "ir/tensor.h"

namespace keratin {

using TensorStore = std::map<std::string, std::shared_ptr<const Tensor>, std::less<>>;

/// The arrays in the bytes of a file. `where` is for messages. Throws Error(data).
TensorStore parse_safetensors(std::string_view bytes, const std::string& where);
/// The bytes of a file that holds `tensors`, by name.
std::string format_safetensors(const TensorStore& tensors);

}  // namespace keratin
