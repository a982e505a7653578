// The JSON that is read: class weights, headers of safetensors files, the state of checkpoints. Keys that occur twice are refused.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/trainer/checkpoint.h"
#include "runtime/trainer/class_weight.h"
#include "runtime/trainer/encoding.h"

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
/// `metadata`: gets the texts of "__metadata__"; may be null. Throws Error(data) with `where`.
std::vector<TensorEntry> parse_safetensors_header(std::string_view text, const std::string& where,
                                                  std::map<std::string, std::string>* metadata);
std::string format_safetensors_header(const std::vector<TensorEntry>& entries,
                                      const std::map<std::string, std::string>& metadata);

/// All of a snapshot but its arrays, and the arrays' checksums by their names. Numbers read back exactly, NaN and infinity too.
std::string format_snapshot(const Snapshot& snapshot, const std::map<std::string, uint32_t>& checksums);
/// Throws Error(data) with `where`.
Snapshot parse_snapshot(std::string_view text, const std::string& where,
                        std::map<std::string, uint32_t>& checksums);

/// What parse_encoding() reads.
std::string format_encoding(const Encoding& encoding);
/// Throws Error(data) with `where`.
Encoding parse_encoding(std::string_view text, const std::string& where);

}  // namespace keratin::trainer
