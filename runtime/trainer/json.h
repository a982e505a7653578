// The JSON that is read: class weights, and the headers of safetensors files. Keys that occur twice are refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/trainer/class_weight.h"

namespace keratin::trainer {

/// {"0": 1.0, "3": 2.5}. Throws Error(usage).
ClassWeight parse_class_weight(std::string_view text);

/// An array of a safetensors file: its bytes are those from `begin` to `end` behind the header.
struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  uint64_t begin = 0, end = 0;
};
/// Throws Error(data) with `where`.
std::vector<TensorEntry> parse_safetensors_header(std::string_view text, const std::string& where);
std::string format_safetensors_header(const std::vector<TensorEntry>& entries);

}  // namespace keratin::trainer
