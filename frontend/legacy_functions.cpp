#include "frontend/legacy_functions.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

namespace keratin {
namespace {

constexpr std::array kFunctions = {
    // arithmetic
    OldFunction{"__operators__.add", "Add"},
    OldFunction{"math.add", "Add"},
    OldFunction{"math.subtract", "Subtract"},
    OldFunction{"math.multiply", "Multiply"},
    OldFunction{"math.truediv", "TrueDivide"},
    OldFunction{"math.divide", "TrueDivide"},
    OldFunction{"math.divide_no_nan", "DivideNoNan"},
    OldFunction{"compat.v1.floor_div", "FloorDivide"},
    OldFunction{"math.floordiv", "FloorDivide"},
    OldFunction{"math.floormod", "Mod"},
    OldFunction{"math.pow", "Power"},
    OldFunction{"math.maximum", "Maximum"},
    OldFunction{"math.minimum", "Minimum"},
    OldFunction{"math.atan2", "Arctan2", "x=x2"},
    OldFunction{"clip_by_value", "Clip", "clip_value_min=x_min clip_value_max=x_max"},
    // elementary functions
    OldFunction{"math.abs", "Absolute"},
    OldFunction{"math.negative", "Negative"},
    OldFunction{"math.sign", "Sign"},
    OldFunction{"math.square", "Square"},
    OldFunction{"math.sqrt", "Sqrt"},
    OldFunction{"math.rsqrt", "Rsqrt"},
    OldFunction{"math.reciprocal", "Reciprocal"},
    OldFunction{"math.exp", "Exp"},
    OldFunction{"math.expm1", "Expm1"},
    OldFunction{"math.log", "Log"},
    OldFunction{"math.log1p", "Log1p"},
    OldFunction{"math.floor", "Floor"},
    OldFunction{"math.ceil", "Ceil"},
    OldFunction{"math.round", "Round"},
    OldFunction{"math.sin", "Sin"},
    OldFunction{"math.cos", "Cos"},
    OldFunction{"math.tan", "Tan"},
    OldFunction{"math.asin", "Arcsin"},
    OldFunction{"math.acos", "Arccos"},
    OldFunction{"math.atan", "Arctan"},
    OldFunction{"math.sinh", "Sinh"},
    OldFunction{"math.cosh", "Cosh"},
    OldFunction{"math.asinh", "Arcsinh"},
    OldFunction{"math.acosh", "Arccosh"},
    OldFunction{"math.atanh", "Arctanh"},
    OldFunction{"math.tanh", "Tanh"},
    OldFunction{"math.sigmoid", "Sigmoid"},
    OldFunction{"math.erf", "Erf"},
    OldFunction{"math.is_nan", "Isnan"},
    OldFunction{"math.is_inf", "Isinf"},
    OldFunction{"math.is_finite", "Isfinite"},
    // activations
    OldFunction{"nn.relu", "Relu"},
    OldFunction{"nn.relu6", "Relu6"},
    OldFunction{"nn.elu", "Elu"},
    OldFunction{"nn.selu", "Selu"},
    OldFunction{"nn.silu", "Silu", "-beta=1.0"},
    OldFunction{"nn.gelu", "Gelu", "+approximate=false"},
    OldFunction{"nn.leaky_relu", "LeakyRelu", "alpha=negative_slope"},
    OldFunction{"nn.softmax", "Softmax"},
    OldFunction{"nn.log_softmax", "LogSoftmax"},
    OldFunction{"math.softplus", "Softplus"},
    OldFunction{"nn.softsign", "Softsign"},
    OldFunction{"math.log_sigmoid", "LogSigmoid"},
    OldFunction{"math.l2_normalize", "Normalize", "+axis=-1"},
    // comparisons and logic
    OldFunction{"math.equal", "Equal"},
    OldFunction{"__operators__.eq", "Equal"},
    OldFunction{"math.not_equal", "NotEqual"},
    OldFunction{"__operators__.ne", "NotEqual"},
    OldFunction{"math.greater", "Greater"},
    OldFunction{"math.greater_equal", "GreaterEqual"},
    OldFunction{"math.less", "Less"},
    OldFunction{"math.less_equal", "LessEqual"},
    OldFunction{"math.logical_and", "LogicalAnd"},
    OldFunction{"math.logical_or", "LogicalOr"},
    OldFunction{"math.logical_not", "LogicalNot"},
    OldFunction{"math.logical_xor", "LogicalXor"},
    OldFunction{"where", "Where", "x=x1 y=x2"},
    // reductions
    OldFunction{"math.reduce_sum", "Sum"},
    OldFunction{"math.reduce_mean", "Mean"},
    OldFunction{"math.reduce_max", "Max"},
    OldFunction{"math.reduce_min", "Min"},
    OldFunction{"math.reduce_prod", "Prod"},
    OldFunction{"math.reduce_std", "Std"},
    OldFunction{"math.reduce_variance", "Var"},
    OldFunction{"math.reduce_logsumexp", "Logsumexp"},
    OldFunction{"math.reduce_any", "Any"},
    OldFunction{"math.reduce_all", "All"},
    OldFunction{"math.argmax", "Argmax", "+axis=0"},
    OldFunction{"math.argmin", "Argmin", "+axis=0"},
    OldFunction{"math.cumsum", "Cumsum", "+axis=0"},
    OldFunction{"math.cumprod", "Cumprod", "+axis=0"},
    OldFunction{"compat.v1.norm", "Norm", "-ord=\"euclidean\""},
    OldFunction{"norm", "Norm", "-ord=\"euclidean\""},
    OldFunction{"math.top_k", "TopK"},
    // products
    OldFunction{"linalg.matmul", "Matmul", "b=x2 ~transpose_a=0 ~transpose_b=1"},
    OldFunction{"tensordot", "Tensordot", "b=x2"},
    // shapes
    OldFunction{"reshape", "Reshape", "shape=newshape"},
    OldFunction{"compat.v1.transpose", "Transpose", "perm=axes"},
    OldFunction{"transpose", "Transpose", "perm=axes"},
    OldFunction{"expand_dims", "ExpandDims"},
    OldFunction{"compat.v1.squeeze", "Squeeze"},
    OldFunction{"squeeze", "Squeeze"},
    OldFunction{"tile", "Tile", "multiples=repeats"},
    OldFunction{"broadcast_to", "BroadcastTo"},
    OldFunction{"reverse", "Flip"},
    OldFunction{"roll", "Roll"},
    OldFunction{"compat.v1.pad", "Pad", "paddings=pad_width"},
    OldFunction{"pad", "Pad", "paddings=pad_width"},
    OldFunction{"concat", "Concatenate", "", true},
    OldFunction{"stack", "Stack", "", true},
    OldFunction{"split", "Split", "num_or_size_splits=indices_or_sections"},
    OldFunction{"unstack", "Unstack"},
    OldFunction{"__operators__.getitem", "GetItem", "slice_spec=key"},
    OldFunction{"compat.v1.gather", "Take", "+axis=0 -batch_dims=0"},
    OldFunction{"gather", "Take", "+axis=0 -batch_dims=0"},
    OldFunction{"one_hot", "OneHot", "depth=num_classes"},
    OldFunction{"cast", "Cast"},
    OldFunction{"identity", "Copy"},
    OldFunction{"stop_gradient", "StopGradient"},
    OldFunction{"zeros_like", "ZerosLike"},
    OldFunction{"ones_like", "OnesLike"},
    // images
    OldFunction{"nn.avg_pool2d", "AveragePool", "ksize=pool_size -data_format=\"NHWC\""},
    OldFunction{"nn.max_pool2d", "MaxPool", "ksize=pool_size -data_format=\"NHWC\""},
    OldFunction{"image.resize", "Resize", "method=interpolation"},
    OldFunction{"nn.depth_to_space", "DepthToSpace"},
    OldFunction{"nn.space_to_depth", "SpaceToDepth"},
};

/// Calls `visit` with each word of `text`.
template <typename Visit>
void for_words(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const size_t blank = text.find(' ');
    visit(text.substr(0, blank));
    text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  }
}

Json special(std::string_view class_name, Json config) {
  return Json::object({{"class_name", Json::of(std::string(class_name))}, {"config", std::move(config)}});
}

Json adapt_index(const Json& index) {
  if (index.is_object() && index.has("start")) return special("__slice__", index);
  if (index.is_string() && index.as_string() == "...") return special("__ellipsis__", Json::object({}));
  return index;
}

}  // namespace

const OldFunction* find_old_function(std::string_view name) {
  const auto row = std::find_if(kFunctions.begin(), kFunctions.end(),
                                [&](const OldFunction& each) { return each.name == name; });
  return row == kFunctions.end() ? nullptr : &*row;
}

std::string_view word_of(const OldFunction& function, std::string_view sign, std::string_view name) {
  std::string_view found;
  for_words(function.arguments, [&](std::string_view word) {
    if (!word.starts_with(sign)) return;
    word.remove_prefix(sign.size());
    if (word.starts_with(name) && word.substr(name.size(), 1) == "=") found = word.substr(name.size() + 1);
  });
  return found;
}

Json adapt_value(std::string_view name, const Json& value) {
  if (name == "slice_spec") {
    if (!value.is_array()) return adapt_index(value);
    std::vector<Json> items;
    for (const Json& item : value.items()) items.push_back(adapt_index(item));
    return Json::array(std::move(items));
  }
  if (name == "num_or_size_splits" && value.is_array()) {
    std::vector<Json> places;
    int64_t place = 0;
    for (size_t i = 0; i + 1 < value.size(); ++i) places.push_back(Json::of(place += value.at(i).as_int()));
    return Json::array(std::move(places));
  }
  if ((name == "padding" || name == "mode") && value.is_string()) {
    std::string text = value.as_string();
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return Json::of(std::move(text));
  }
  return value;
}

Json given_arguments(const OldFunction& function) {
  std::vector<std::pair<std::string, Json>> members;
  for_words(function.arguments, [&](std::string_view word) {
    if (!word.starts_with('+')) return;
    const size_t sign = word.find('=');
    members.emplace_back(std::string(word.substr(1, sign - 1)),
                         Json::parse(word.substr(sign + 1), "default"));
  });
  return Json::object(std::move(members));
}

}  // namespace keratin
