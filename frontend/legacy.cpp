#include "frontend/legacy.h"

#include <array>
#include <utility>
#include <vector>

namespace keratin {
namespace {

/// An argument that has another name now.
struct Renamed {
  std::string_view class_name, old_name, new_name;
};
constexpr std::array kRenamed = {
    Renamed{"LeakyReLU", "alpha", "negative_slope"},
    Renamed{"InputLayer", "batch_input_shape", "batch_shape"},
};

/// An argument that no longer exists. Keras 2 wrote it into every layer of the class, mostly with a value that changes
/// nothing; `harmless` is that value as JSON ("*": any).
struct Dropped {
  std::string_view class_name, name, harmless;
};
constexpr std::array kDropped = {
    Dropped{"BatchNormalization", "virtual_batch_size", "null"},
    Dropped{"DepthwiseConv2D", "groups", "1"},
    Dropped{"DepthwiseConv1D", "groups", "1"},
    Dropped{"SeparableConv1D", "groups", "1"},
    Dropped{"SeparableConv2D", "groups", "1"},
    Dropped{"Embedding", "input_length", "*"},
    Dropped{"LSTM", "implementation", "*"},
    Dropped{"GRU", "implementation", "*"},
    Dropped{"SimpleRNN", "implementation", "*"},
    Dropped{"LSTMCell", "implementation", "*"},
    Dropped{"GRUCell", "implementation", "*"},
    Dropped{"MultiHeadAttention", "query_shape", "*"},
    Dropped{"MultiHeadAttention", "key_shape", "*"},
    Dropped{"MultiHeadAttention", "value_shape", "*"},
};

struct Conversion {
  std::string_view name, operation;
};
constexpr std::array kFunctions = {
    Conversion{"math.multiply", "Multiply"},
    Conversion{"math.add", "Add"},
    Conversion{"__operators__.add", "Add"},
    Conversion{"math.subtract", "Subtract"},
    Conversion{"math.truediv", "TrueDivide"},
    Conversion{"math.divide", "TrueDivide"},
    Conversion{"math.maximum", "Maximum"},
    Conversion{"math.minimum", "Minimum"},
    Conversion{"math.negative", "Negative"},
    Conversion{"math.abs", "Absolute"},
    Conversion{"math.exp", "Exp"},
    Conversion{"math.log", "Log"},
    Conversion{"math.sqrt", "Sqrt"},
    Conversion{"math.square", "Square"},
    Conversion{"math.tanh", "Tanh"},
    Conversion{"math.sigmoid", "Sigmoid"},
    Conversion{"math.pow", "Power"},
    Conversion{"nn.relu", "Relu"},
};

const Renamed* renaming(std::string_view class_name, std::string_view key) {
  for (const Renamed& row : kRenamed)
    if (row.class_name == class_name && row.old_name == key) return &row;
  return nullptr;
}

bool is_dropped(std::string_view class_name, std::string_view key, const Json& value) {
  for (const Dropped& row : kDropped)
    if (row.class_name == class_name && row.name == key)
      return row.harmless == "*" || row.harmless == value.dump();
  return false;
}

}  // namespace

std::optional<Json> adapt_config(std::string_view class_name, const Json& config) {
  if (!config.is_object()) return std::nullopt;
  bool changed = false;
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, value] : config.members()) {
    const Renamed* row = renaming(class_name, key);
    const bool dropped = is_dropped(class_name, key, value);
    changed |= row != nullptr || dropped;
    if (!dropped) members.emplace_back(row != nullptr ? std::string(row->new_name) : key, value);
  }
  if (!changed) return std::nullopt;
  return Json::object(std::move(members));
}

std::string_view operation_of_function(std::string_view function) {
  for (const Conversion& row : kFunctions)
    if (row.name == function) return row.operation;
  return {};
}

}  // namespace keratin
