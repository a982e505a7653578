#include "passes/slices.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "passes/blocks.h"
#include "passes/feasible.h"
#include "passes/traits.h"
#include "passes/weights.h"

namespace keratin {

namespace {

// What is computed with a weight each time that it is read, on average: then reading takes a small part of the time.
constexpr double kUsesOfWeight = 64;
constexpr double kCacheBytes = 512 << 10;  // for the largest value of a slice: what second-level caches hold
constexpr int64_t kLeastSlices = 8;        // of a fixed batch

/// What is computed with weights: multiply-adds, and elements of weights that are read for them.
struct Products {
  double terms = 0, weights = 0;
};

/// `fixed`: by node, whether it depends on weights alone.
Products products_of(const Function& function, const std::vector<bool>& fixed) {
  Products sum;
  for (const auto& node : function.nodes) {
    if ((node->op != Op::dot && node->op != Op::conv) || !fixed[node->operands[1].node->index]) continue;
    sum.terms += multiply_adds_of(*node);
    sum.weights += elements_of(node->operands[1].shape());
  }
  return sum;
}

/// Bytes of the largest value that is computed.
double largest_value(const Function& function) {
  double most = 1;
  for (const auto& node : function.nodes) {
    if (family_of(node->op) == Family::structure || node->op == Op::reshape) continue;
    for (const Type& type : node->types)
      most = std::max(most, elements_of(type.shape) * static_cast<double>(byte_size(type.dtype)));
  }
  return most;
}

/// The samples of a call, if every input has that many, and every result.
std::optional<Dim> batch_of(const Function& function, int64_t fixed) {
  if (function.params.empty() || function.results.empty() || !function.updates.empty()) return {};
  if (function.params.size() > kMostCutArrays || function.results.size() > kMostCutArrays) return {};
  std::optional<Dim> batch;
  const auto has_batch = [&](const Type& type) {
    if (type.shape.empty()) return false;
    if (!batch) batch = type.shape[0];
    return type.shape[0] == *batch;
  };
  for (const Node* param : function.params)
    if (!has_batch(param->type())) return {};
  for (const Result& result : function.results)
    if (!has_batch(result.value.type())) return {};
  if (*batch != (batch->is_static() ? Dim(fixed) : Dim::batch())) return {};
  return batch;
}

/// The axes of a value of which slices have a part each.
BlockedAxes first_axis(const Type& type) {
  BlockedAxes axes(static_cast<size_t>(type.rank()), kWhole);
  axes[0] = 0;
  return axes;
}

/// Blocks of `count` of `batch` samples; nothing if they depend on each other.
std::optional<BlockAnalysis> analysis_of_slices(const Function& function, Dim batch, int64_t count) {
  BlockAnalysis analysis(function, {{batch, count}});
  for (const Result& result : function.results) analysis.need(result.value, first_axis(result.value.type()));
  if (!analysis.run()) return {};
  for (const Node* param : function.params) {
    const BlockedAxes* axes = analysis.axes_of(param->value());
    if (axes == nullptr || *axes != first_axis(param->type())) return {};
  }
  return analysis;
}

Slices slices_of(const Module& module, const Function& function, Dim batch) {
  const double samples = batch.is_static() ? static_cast<double>(batch.coef) : 1;
  const Products products = products_of(function, find_fixed(module, function));
  Slices slices;
  slices.least = std::max<int64_t>(static_cast<int64_t>(std::ceil(kUsesOfWeight * samples * products.weights /
                                                                  std::max(products.terms, 1.0))),
                                   1);
  slices.most = std::max(slices.least, static_cast<int64_t>(kCacheBytes * samples / largest_value(function)));
  return slices;
}

/// The slice of a fixed batch: the largest within the limits, or else the smallest that is not too small.
std::optional<int64_t> slice_of(int64_t batch, const Slices& slices) {
  std::optional<int64_t> best;
  for (int64_t count = slices.least; count <= batch / kLeastSlices; ++count)
    if (batch % count == 0 && (!best || count <= slices.most)) best = count;
  return best;
}

}  // namespace

SlicedModule cut_batches(const Module& module, int64_t fixed) {
  SlicedModule cut;
  cut.module.name = module.name;
  cut.module.variables = module.variables;
  for (const Function& function : module.functions) {
    const std::optional<Dim> batch = batch_of(function, fixed);
    Slices slices;
    if (batch && analysis_of_slices(function, *batch, 1)) slices = slices_of(module, function, *batch);
    if (slices.least > 0 && batch->is_static()) {
      const int64_t count = slice_of(batch->coef, slices).value_or(0);
      slices = {count, count};
    }
    const bool is_block = slices.least > 0 && batch->is_static();
    cut.module.functions.push_back(is_block ? analysis_of_slices(function, *batch, slices.least)->one_block()
                                            : clone(function));
    if (slices.least > 0) cut.slices[function.name] = slices;
  }
  return cut;
}

}  // namespace keratin
