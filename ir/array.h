// The reference interpreter's arrays, held by xtensor. Included only by the interpreter and the ops' eval rules.
//
// Floats of every dtype are held as f64 and integers and booleans as i64, each element already rounded or wrapped to the
// dtype; u64 is held as the same bits. So an eval rule is written for two element types instead of thirteen.
#pragma once

#include <functional>
#include <span>
#include <variant>
#include <vector>

#include <xtensor/xarray.hpp>

#include "ir/graph.h"
#include "ir/tensor.h"
#include "ir/type.h"

namespace keratin {

class Ranks;  // ir/executor.h

struct Array {
  DType dtype = DType::f32;
  std::variant<xt::xarray<double>, xt::xarray<int64_t>> data;

  xt::xarray<double>& real() { return std::get<0>(data); }
  const xt::xarray<double>& real() const { return std::get<0>(data); }
  xt::xarray<int64_t>& integer() { return std::get<1>(data); }
  const xt::xarray<int64_t>& integer() const { return std::get<1>(data); }

  std::vector<int64_t> shape() const;
  int64_t elements() const;
};

Array to_array(const Tensor& tensor);
Tensor to_tensor(const Array& array);
/// Zeros of the concrete shape that `type` has under `bindings`.
Array make_array(const Type& type, const Bindings& bindings);
/// Rounds or wraps every element to the array's dtype.
void round_elements(Array& array);

/// The results of one node, rounded to their dtypes, by its op's eval rule; param and var have no rule of their own.
std::vector<Array> evaluate(const Node& node, std::span<const Array* const> operands,
                            const Bindings& bindings);

/// What an eval rule may need beside its operands.
struct EvalContext {
  const Node& node;
  const Bindings& bindings;
  Ranks* ranks;  ///< null: a single one
  /// Runs a region of the node: scan, fusion.
  std::vector<Array> (*run)(const Function& body, std::vector<Array> params, const EvalContext& context);
};

}  // namespace keratin
