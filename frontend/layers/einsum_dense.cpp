// EinsumDense: a dense layer whose equation says which axes its kernel contracts, which it keeps, and which it adds.
#include <algorithm>

#include "frontend/einsum.h"
#include "frontend/layers/lora.h"
#include "frontend/layers/quantized.h"
#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kEinsumDenseArgs[] = {
    {"equation", ArgKind::any},
    {"output_shape", ArgKind::any},
    {"activation", ArgKind::any, "null"},
    {"bias_axes", ArgKind::any, "null"},
    kLoraRankArg,
    kLoraAlphaArg,
    kQuantizationArg,
    {"gptq_unpacked_column_size", ArgKind::any, "null"},  // Keras finds it anew
};

/// The letters of an equation's parts, those that stand for an ellipsis included, and the extents that the config gives for the
/// output: 0 where it leaves them open.
struct Equation {
  std::string input, kernel, output;
  std::string elided;  ///< those of the ellipsis
  Ints output_extents;
};

constexpr std::string_view kEllipsis = "...",
                           kForms = "[X],[Y]->[Z], ...[X],[Y]->...[Z] or [X]...,[Y]->[Z]...";

bool are_letters(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

/// `count` letters that `used` does not have.
std::string other_letters(std::string_view used, int64_t count) {
  std::string letters;
  for (char letter = 'a'; letter <= 'z' && static_cast<int64_t>(letters.size()) < count; ++letter)
    if (used.find(letter) == std::string_view::npos) letters += letter;
  return letters;
}

/// Takes an ellipsis off the front or the end.
bool take_ellipsis(std::string_view& text, bool front) {
  if (!(front ? text.starts_with(kEllipsis) : text.ends_with(kEllipsis))) return false;
  if (front)
    text.remove_prefix(kEllipsis.size());
  else
    text.remove_suffix(kEllipsis.size());
  return true;
}

Equation read_equation(Call& call, const Expr& x) {
  const Args& args = call.args();
  const auto reject = [&](std::string_view problem) {
    args.reject("equation", problem, {}, ErrorKind::data);
  };
  if (!args.json("equation").is_string()) reject("expected a text");
  const std::string& text = args.json("equation").as_string();
  const size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || comma > arrow)
    reject(cat("expected ", kForms));
  std::string_view input = std::string_view(text).substr(0, comma);
  const std::string_view kernel = std::string_view(text).substr(comma + 1, arrow - comma - 1);
  std::string_view output = std::string_view(text).substr(arrow + 2);
  const bool left = take_ellipsis(input, true), right = take_ellipsis(input, false);
  if (take_ellipsis(output, true) != left || take_ellipsis(output, false) != right || (left && right) ||
      !are_letters(input) || !are_letters(kernel) || !are_letters(output))
    reject(cat("expected ", kForms));

  const int64_t elided = x.rank() - static_cast<int64_t>(input.size());
  if (elided < 0 || (elided > 0 && !left && !right))
    reject(cat("it does not fit the input ", to_text(x.shape())));
  Equation equation{.kernel = std::string(kernel), .elided = other_letters(text, elided)};
  if (static_cast<int64_t>(equation.elided.size()) != elided) reject("it has too many axes");
  const std::string before = left ? equation.elided : "", after = right ? equation.elided : "";
  equation.input = cat(before, input, after);
  equation.output = cat(before, output, after);

  // The config leaves out the batch and what the ellipsis stands for.
  const Json& shape = args.json("output_shape");
  for (const Json& extent : shape.is_array() ? shape.items() : std::vector{shape}) {
    if (!extent.is_null() && extent.kind() != Json::Kind::integer)
      args.reject("output_shape", "expected integers and null", {}, ErrorKind::data);
    equation.output_extents.push_back(extent.is_null() ? 0 : extent.as_int());
  }
  const size_t given_from = left && elided > 0 ? before.size() : 1;
  equation.output_extents.insert(equation.output_extents.begin(), given_from, 0);
  equation.output_extents.resize(equation.output_extents.size() + after.size(), 0);
  if (equation.output_extents.size() != equation.output.size())
    args.reject("output_shape", cat("it does not fit the equation ", text), {}, ErrorKind::data);
  return equation;
}

/// The kernel, whose axes are those of the output where it has them, else of the input.
VariableSpec kernel_of(Call& call, const Equation& equation, const Expr& x) {
  VariableSpec kernel{"kernel", {}, "glorot_uniform"};
  kernel.fans.emplace();
  for (size_t i = 0; i < equation.kernel.size(); ++i) {
    const size_t in = equation.input.find(equation.kernel[i]), out = equation.output.find(equation.kernel[i]);
    const std::string_view letter = std::string_view(equation.kernel).substr(i, 1);
    if (out != std::string::npos) {
      if (equation.output_extents[out] < 1)
        call.args().reject("output_shape", cat("it leaves the kernel's axis ", letter, " open"), {},
                           ErrorKind::data);
      kernel.shape.push_back(equation.output_extents[out]);
      kernel.fans->out.push_back(static_cast<int64_t>(i));
    } else if (in != std::string::npos) {
      kernel.shape.push_back(x.extent(static_cast<int64_t>(in)));
      kernel.fans->in.push_back(static_cast<int64_t>(i));
    } else {
      call.args().reject("equation", cat("only the kernel has the axis ", letter), {}, ErrorKind::data);
    }
  }
  return kernel;
}

/// A bias has the axes of the output from the first of `axes` on; those that are not among them have extent 1.
Shape bias_shape(Call& call, const Equation& equation, const Shape& y, const std::string& axes) {
  size_t first = equation.output.size();
  for (char letter : axes) {
    const size_t at = equation.output.find(letter);
    if (at == std::string::npos || equation.elided.find(letter) != std::string::npos)
      call.args().reject("bias_axes",
                         cat("the output of the equation has no axis ", std::string_view(&letter, 1)), {},
                         ErrorKind::data);
    first = std::min(first, at);
  }
  Shape shape;
  for (size_t axis = first; axis < equation.output.size(); ++axis) {
    const bool is_biased = axes.find(equation.output[axis]) != std::string::npos;
    if (is_biased && !y[axis].is_static())
      call.args().reject("bias_axes", "it names an axis whose extent is free");
    shape.push_back(is_biased ? y[axis] : Dim(1));
  }
  return shape;
}

/// The extents of the output; rejects a config that says something else.
Shape output_shape(Call& call, const Equation& equation, const Expr& x, const Shape& kernel) {
  Shape shape;
  for (char axis : equation.output) {
    const size_t in_x = equation.input.find(axis), in_kernel = equation.kernel.find(axis);
    if (in_x == std::string::npos && in_kernel == std::string::npos)
      call.args().reject("equation", cat("only the output has the axis ", std::string_view(&axis, 1)), {},
                         ErrorKind::data);
    shape.push_back(in_x != std::string::npos ? x.dim(static_cast<int64_t>(in_x)) : kernel[in_kernel]);
  }
  for (size_t i = 0; i < shape.size(); ++i)
    if (const int64_t wanted = equation.output_extents[i]; wanted > 0 && shape[i] != Dim(wanted))
      call.args().reject("output_shape", cat("the equation gives ", to_text(shape)), {}, ErrorKind::data);
  return shape;
}

Outputs einsum_dense(Call& call) {
  const Expr x = call.float_input();
  const Equation equation = read_equation(call, x);
  Product parts{.x = x,
                .x_axes = equation.input,
                .kernel = kernel_of(call, equation, x),
                .kernel_axes = equation.kernel,
                .y_axes = equation.output};
  const Shape shape = output_shape(call, equation, x, parts.kernel.shape);
  const Json& bias_axes = call.args().json("bias_axes");
  if (!bias_axes.is_null()) {
    if (!are_letters(bias_axes.is_string() ? bias_axes.as_string() : ""))
      call.args().reject("bias_axes", "expected letters", {}, ErrorKind::data);
    parts.bias = {"bias", bias_shape(call, equation, shape, bias_axes.as_string()), "zeros"};
  }
  parts.kernel = frozen_by_adapters(call, parts.kernel);
  if (call.layer().policy().quantization != Quantization::none)
    return call.activate("activation", product(call, call.layer(), parts));
  const Expr own = of_sane_size(call.variable(parts.kernel));
  const Expr bias = parts.bias ? call.variable(*parts.bias) : Expr();
  const Expr y =
      einsum(parts.x, parts.x_axes, with_adapters(call, parts.kernel, own), parts.kernel_axes, parts.y_axes);
  return call.activate("activation", bias ? y + bias : y);
}

constexpr LayerDef kLayers[] = {{"EinsumDense", kEinsumDenseArgs, Masks::drop, einsum_dense}};

}  // namespace

std::span<const LayerDef> einsum_dense_layers() { return kLayers; }

}  // namespace keratin
