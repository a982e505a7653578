// The text form of modules.
//
//     module @mnist {
//       var @dense/kernel : f32[784,32] trainable
//       func @predict(%x: f32[N,784]) -> (%out: f32[N,32]) {
//         %0 = dot %x, @dense/kernel {contract = [1]x[0]} : f32[N,32]
//         %1 = max %0, 0.0 : f32[N,32]
//         return %1
//       }
//     }
//
// It is complete: parse(print(m)) equals m, and print(parse(text)) is the text in canonical form. One statement per
// node, in order, with every result's type. What is read where it is used has no statement: parameters (%x), variables
// (@name), and numbers: 0.5, 3:i32, true stand for a constant of the result's shape in a pointwise op, for a scalar
// elsewhere. Attributes that the result's type tells (shape, to, dtype, layout) are left out, and so are those with
// their default value. A name that is not plain is quoted: @"my layer/kernel", %"1".
//
// Arrays of up to 16 elements stand in the text, constant [1.0, 2.0] : f32[2]; larger ones, and the variables' data,
// in a file beside it, m.kir.safetensors beside m.kir: constant data("c0") : f32[64,64]; a variable's data has the
// variable's name there.
//
// Files are from strangers: nesting, ranks and numbers are limited, and whatever the parser is given, it returns a
// module that passes check() or throws.
#pragma once

#include <string>
#include <string_view>

#include "ir/graph.h"
#include "ir/safetensors.h"

namespace keratin {

struct PrintOptions {
  bool origins = false;  ///< ends each statement of known origin with loc("encoder/dense")
};

std::string print(const Module& module, PrintOptions options = {});
std::string print(const Function& function, PrintOptions options = {});
/// What the text of `module` calls data("…"), and the data of its variables, by name.
TensorStore collect_data(const Module& module);

/// Throws Error(data) with `file_name`, line and column. Without `data` no text may refer to any.
Module parse_module(std::string_view text, const std::string& file_name, const TensorStore* data = nullptr);

}  // namespace keratin
