// Layers that turn raw inputs into numbers to compute with.
#include "frontend/layers/categories.h"
#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Appends the numbers of nested lists and sets their shape, which is that of `shape` from `depth` on.
void read_numbers(Call& call, std::string_view argument, const Json& value, size_t depth,
                  std::vector<int64_t>& shape, std::vector<double>& numbers) {
  if (value.is_number()) {
    if (depth != shape.size())
      call.args().reject(argument, "expected a number or lists of equal lengths", {}, ErrorKind::data);
    numbers.push_back(value.as_double());
    return;
  }
  if (!value.is_array())
    call.args().reject(argument, "expected a number or a list of numbers", {}, ErrorKind::data);
  if (depth == shape.size() && numbers.empty()) shape.push_back(static_cast<int64_t>(value.size()));
  if (depth >= shape.size() || shape[depth] != static_cast<int64_t>(value.size()))
    call.args().reject(argument, "expected lists of equal lengths", {}, ErrorKind::data);
  for (const Json& item : value.items()) read_numbers(call, argument, item, depth + 1, shape, numbers);
}

/// A number or nested lists of numbers as a constant.
Expr constant_argument(Call& call, std::string_view argument) {
  const Json& given = call.args().json(argument);
  // Arrays may be wrapped: {"class_name": "__numpy__", "config": {"value": …}}.
  const Json& value = given.is_object() ? given["config"]["value"] : given;
  std::vector<int64_t> shape;
  std::vector<double> numbers;
  read_numbers(call, argument, value, 0, shape, numbers);
  Builder& b = call.builder();
  if (shape.empty()) return {b, b.constant(call.compute_dtype(), numbers[0])};
  auto data = std::make_shared<Tensor>(call.compute_dtype(), shape);
  for (size_t i = 0; i < numbers.size(); ++i) data->set(static_cast<int64_t>(i), numbers[i]);
  return {b, b.constant(std::move(data))};
}

constexpr Arg kRescalingArgs[] = {
    {"scale", ArgKind::any},
    {"offset", ArgKind::any, "0.0"},
};

Outputs rescaling(Call& call) {
  return cast(call.input(), call.compute_dtype()) * constant_argument(call, "scale") +
         constant_argument(call, "offset");
}

constexpr Arg kNormalizationArgs[] = {
    {"axis", ArgKind::any, "null"},
    {"mean", ArgKind::any, "null"},
    {"variance", ArgKind::any, "null"},
    {"invert", ArgKind::boolean, "false"},
};

/// Mean and variance by position on the kept axes: statistics in the file if the layer was adapted, arguments otherwise.
Outputs normalization(Call& call) {
  constexpr double kEpsilon = 1e-7;
  const Args& args = call.args();
  const Expr x = cast(call.input(), call.compute_dtype());
  const Ints kept = args.is_null("axis") ? Ints{} : normalized_axes(x, to_ints(args.json("axis")));
  if (args.is_null("mean") != args.is_null("variance"))
    args.reject("mean", "mean and variance must both be given", {}, ErrorKind::data);

  const auto statistic = [&](std::string_view argument, std::string_view initializer) {
    if (args.is_null(argument)) {
      Shape shape;
      for (int64_t axis : kept) shape.push_back(x.extent(axis));
      return align(call.variable({argument, shape, initializer, false}), x, kept);
    }
    const Expr given = constant_argument(call, argument);
    if (given.rank() > static_cast<int64_t>(kept.size()))
      args.reject(argument, cat("it has more axes than are kept, ", kept.size()), {}, ErrorKind::data);
    return align(given, x, Ints(kept.end() - given.rank(), kept.end()));
  };
  const Expr mean_of_x = statistic("mean", "zeros");
  const Expr spread = maximum(unary(Op::sqrt, statistic("variance", "ones")), kEpsilon);
  // How many samples the statistics come from; files have it, nothing reads it.
  if (args.is_null("mean"))
    call.variable({.name = "count", .initializer = "zeros", .trainable = false, .dtype = DType::i32});
  if (args.boolean("invert")) return mean_of_x + x * spread;
  return (x - mean_of_x) / spread;
}

constexpr Arg kDiscretizationArgs[] = {
    {"bin_boundaries", ArgKind::any, "null"},
    {"num_bins", ArgKind::any, "null"},  // these two say how boundaries were found
    {"epsilon", ArgKind::any, "null"},
    {"output_mode", ArgKind::choice, "int", "int|one_hot|multi_hot|count"},
    kDenseCategoriesArg,
};

/// How many boundaries are not above the value.
Outputs discretization(Call& call) {
  const Args& args = call.args();
  if (args.is_null("bin_boundaries"))
    call.fail("has no boundaries yet", "adapt it to data before the model is saved", ErrorKind::data);
  const Expr x = call.float_input();
  const Expr boundaries = constant_argument(call, "bin_boundaries");
  if (boundaries.rank() != 1)
    args.reject("bin_boundaries", "expected a list of numbers", {}, ErrorKind::data);
  const Expr bins = sum(cast(less_equal(boundaries, expand_dims(x, -1)), DType::i32), {-1});
  const std::string& mode = args.choice("output_mode");
  return mode == "int" ? bins : encode_categories(bins, boundaries.extent(0) + 1, mode, call.compute_dtype());
}

constexpr Arg kCategoryEncodingArgs[] = {
    {"num_tokens", ArgKind::count},
    {"output_mode", ArgKind::choice, "multi_hot", "one_hot|multi_hot|count"},
    kDenseCategoriesArg,
};
constexpr std::string_view kCountWeights[] = {"count_weights"};

Outputs category_encoding(Call& call) {
  const std::string& mode = call.args().choice("output_mode");
  const Expr weights = call.tensor(kCountWeights[0]);
  if (weights && mode != "count")
    call.args().reject("output_mode", "count_weights are for \"count\" only", {}, ErrorKind::data);
  const Expr categories = cast(call.input(), DType::i64);
  return encode_categories(categories, call.args().integer("num_tokens"), mode, category_dtype(call, mode),
                           weights);
}

constexpr LayerDef kLayers[] = {
    {"Rescaling", kRescalingArgs, Masks::pass, rescaling},
    {"Normalization", kNormalizationArgs, Masks::pass, normalization},
    {"Discretization", kDiscretizationArgs, Masks::drop, discretization},
    {.class_name = "CategoryEncoding",
     .args = kCategoryEncodingArgs,
     .masks = Masks::drop,
     .trace = category_encoding,
     .tensors = kCountWeights,
     .casts_outputs = false},
};

}  // namespace

std::span<const LayerDef> preprocessing_layers() { return kLayers; }

}  // namespace keratin
