// What is known of each primitive: one OpDef per op, defined in ir/ops/<family>.cpp.
//
// A rule has no default: an op that leaves one out does not compile, and an op without a definition does not link.
// Opting out is said in words: `.gradient = not_differentiable`.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace keratin {

class Builder;
struct Array;        // ir/array.h
struct EvalContext;  // ir/array.h

/// A rule that cannot be forgotten.
template <typename Fn>
struct Rule {
  Fn* fn;
  Rule() = delete;
  constexpr Rule(Fn* f) : fn(f) {}
  template <typename Lambda>
    requires std::convertible_to<Lambda, Fn*>
  constexpr Rule(Lambda f) : fn(f) {}
};

/// The types of the results, from operands and attributes. Throws Error(data) if they do not fit, saying which
/// operand, found what, expected what; the caller adds the op and its origin.
using InferFn = std::vector<Type>(std::span<const Value> operands, const Attrs& attrs, const Function* body);

/// Adds to `operand_gradients[i]` what `result_gradients` (same order as the results; null: zero) contribute to operand i,
/// building new nodes; leaves null what gets no gradient. Entries of operands that need none may be skipped:
/// `wanted[i]` says so. Gradients have the operands' types.
struct GradientArgs {
  Builder& builder;
  const Node& node;
  std::span<const Value> operands;  ///< the node's operands in the function being built
  std::span<const Value> results;   ///< the node's results in the function being built
  std::span<const Value> result_gradients;
  std::span<const bool> wanted;
  std::span<Value> operand_gradients;
};
using GradientFn = void(const GradientArgs&);

/// The meaning: computes the results from the operands, each element in f64 (integers: i64), sums in f64. The results
/// come as zeros of their types; the caller, evaluate() in ir/array.h, rounds them once to their dtypes.
using EvalFn = void(const EvalContext& context, std::span<const Array* const> operands,
                    std::span<Array> results);

struct OpDef {
  std::string_view
      form;              ///< operands and results, "(a: T[S], b: T[S]) -> bool[S], T numbers": see docs/ir.md
  std::string_view doc;  ///< what it means, for the IR reference
  Rule<InferFn> infer;
  Rule<GradientFn> gradient;
  Rule<EvalFn> eval;
};

const OpDef& def_of(Op op);

/// True if evaluating the op costs much more than a load (division, transcendental functions).
bool is_expensive(Op op);

// Gradient rules of ops that have none.

/// The result does not depend smoothly on any operand.
void not_differentiable(const GradientArgs&);
/// scan, gradient: ir/differentiate.h looks inside. fusion: made after differentiation.
void differentiated_elsewhere(const GradientArgs&);

#define OP(name, family) extern const OpDef def_##name;
#include "ir/ops.def"
#undef OP

}  // namespace keratin
