// `--precision`, and what it costs in accuracy.
#pragma once

#include <span>
#include <string>

#include "ir/graph.h"
#include "ir/tensor.h"
#include "passes/pipeline.h"
#include "tools/command.h"

namespace keratin {

inline constexpr Option kPrecisionOption{
    "--precision", "P",
    "f32 (the default), or bf16: weights, what they are multiplied with and\nwhat kernels hand on rounded to bf16; sums in f32"};

/// What `--precision` says. Throws Error(usage).
Precision precision_of(const Arguments& arguments);

/// The model as it is computed in that precision, to interpret.
Module in_precision(const Module& model, Precision precision);

/// How far results of `function` in bf16 are from those in f32, computed here from these inputs: one line of text.
std::string bf16_error(const Module& model, const Function& function, std::span<const Tensor> inputs);

}  // namespace keratin
