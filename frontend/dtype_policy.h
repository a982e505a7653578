// Dtype policies: what a layer stores its variables in, what it computes in, and how it is quantized.
//
// Keras writes one into every layer's config: a name ("float32", "mixed_bfloat16"), an object that holds one, an object with a mode of
// quantization and the name that it came from, or a map from layers' paths to any of these.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "frontend/json.h"
#include "ir/type.h"

namespace keratin {

enum class Quantization : uint8_t { none, int8, int4, float8, ternary, gptq, awq };

struct DTypePolicy {
  DType variable = DType::f32;  ///< of what is stored
  DType compute = DType::f32;   ///< of inputs, products and outputs
  Quantization quantization = Quantization::none;
  int64_t weight_bits = 8;      ///< of GPTQ
  int64_t group_size = -1;      ///< rows that share a scale, of int4, GPTQ and AWQ; -1: all
  int64_t amax_history = 1024;  ///< how many steps float8 looks back
};

/// The policy that a config's `dtype` gives to the layer at `path`; null is float32. Throws Error, with `where`, if there is no such policy.
DTypePolicy read_dtype_policy(const Json& dtype, std::string_view path, const std::string& where);

/// The dtype of an input or of a result, whose config is a policy's, too.
DType read_dtype(const Json& dtype, const std::string& where);
/// Keras's name: "float32".
std::string_view dtype_name(DType dtype);

}  // namespace keratin
