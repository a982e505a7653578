// The gradient of a scan is a scan in the other direction.
//
//     h' = tanh(x_t · w + h · u), y_t = h'          put out, too:   h_t, tanh(…)
//     dz = (dh' + dy_t) · (1 - h'²)                 the reverse scan's carries: dh, and the sums dw, du so far
//     dh = dz · uᵀ, dw += x_tᵀ · dz, du += h_tᵀ · dz, dx_t = dz · wᵀ
//
// What the reverse step reads of the forward step is put out by the forward scan and stacked if it is the carry, or if it costs
// more than a few operations: contractions, reductions, transcendental functions, random bits. What follows from such
// values, from sequences and from captured operands by arithmetic and index maps is computed again.
#pragma once

#include <memory>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace keratin {

class ScanGradient {
 public:
  /// `wanted`: which operands get a gradient; `read`: which results may have one.
  ScanGradient(const Node& scan, const std::vector<bool>& wanted, const std::vector<bool>& read);

  /// The scan on `operands`, with what the reverse scan reads. Gives the results of the original one.
  std::vector<Value> forward(Builder& builder, const std::vector<Value>& operands);

  /// Adds to `of_operands` what `of_results` (null: zero) means for them. Requires: forward() was called with this builder.
  void backward(Builder& builder, const std::vector<Value>& operands, const std::vector<Value>& of_results,
                std::vector<Value>& of_operands);

 private:
  const Node& scan_;
  std::shared_ptr<const Function> forward_body_, backward_body_;
  ScanAttrs reverse_;  ///< of the reverse scan

  // By place among the reverse scan's operands: which of the results, operands and additional results of the forward scan.
  std::vector<size_t> carries_;    ///< results whose gradients are carried, which are operands, too
  std::vector<size_t> sums_;       ///< captured operands whose gradients are summed up
  size_t kept_ = 0;                ///< additional results of the forward scan, which are read step by step
  std::vector<size_t> sequences_;  ///< operands that are read step by step, too
  std::vector<size_t> outputs_;    ///< results whose gradients are read step by step
  std::vector<size_t> captured_;   ///< captured operands
  std::vector<size_t> stepwise_;   ///< operands, sequences, whose gradients the reverse scan puts out

  const Node* built_ = nullptr;  ///< the forward scan
};

}  // namespace keratin
