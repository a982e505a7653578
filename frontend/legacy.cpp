#include "frontend/legacy.h"

#include <array>
#include <utility>
#include <vector>

namespace keratin {
namespace {

/// A class that has another name now, or is a special case of another.
struct OldClass {
  std::string_view name, new_name;
};
constexpr std::array kOldClasses = {
    OldClass{"BatchNormalizationV1", "BatchNormalization"},
    OldClass{"BatchNormalizationV2", "BatchNormalization"},
    OldClass{"SyncBatchNormalization", "BatchNormalization"},
    OldClass{"ThresholdedReLU", "ReLU"},  // x above theta, else 0
    OldClass{"CuDNNLSTM", "LSTM"},
    OldClass{"CuDNNGRU", "GRU"},  // their weights: frontend/legacy_weights.h
};

/// An argument that has another name now. The class is the new one.
struct Renamed {
  std::string_view class_name, old_name, new_name;
};
constexpr std::array kRenamed = {
    Renamed{"LeakyReLU", "alpha", "negative_slope"},
    Renamed{"InputLayer", "batch_input_shape", "batch_shape"},
    Renamed{"ReLU", "theta", "threshold"},
};

/// What Keras 2 meant where its file does not say.
struct Meant {
  std::string_view class_name, name, value;  ///< as JSON
};
constexpr std::array kMeant = {
    Meant{"GRU", "reset_after", "false"},
    Meant{"GRU", "recurrent_activation", "\"hard_sigmoid\""},
    Meant{"LSTM", "recurrent_activation", "\"hard_sigmoid\""},
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
    Dropped{"LSTM", "time_major", "false"},
    Dropped{"GRU", "time_major", "false"},
    Dropped{"SimpleRNN", "time_major", "false"},
    Dropped{"GRU", "implementation", "*"},
    Dropped{"SimpleRNN", "implementation", "*"},
    Dropped{"LSTMCell", "implementation", "*"},
    Dropped{"GRUCell", "implementation", "*"},
    Dropped{"MultiHeadAttention", "query_shape", "*"},
    Dropped{"MultiHeadAttention", "key_shape", "*"},
    Dropped{"MultiHeadAttention", "value_shape", "*"},
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

std::string_view class_of_keras3(std::string_view class_name) {
  for (const OldClass& row : kOldClasses)
    if (row.name == class_name) return row.new_name;
  return class_name;
}

std::optional<Json> adapt_config(std::string_view class_name, const Json& config, bool keras2) {
  if (!config.is_object()) return std::nullopt;
  bool changed = false;
  const std::string_view new_name = class_of_keras3(class_name);
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, value] : config.members()) {
    const Renamed* row = renaming(new_name, key);
    const bool dropped = is_dropped(new_name, key, value);
    changed |= row != nullptr || dropped;
    if (!dropped) members.emplace_back(row != nullptr ? std::string(row->new_name) : key, value);
  }
  if (keras2 && class_name == new_name)
    for (const Meant& row : kMeant)
      if (row.class_name == class_name && !config.has(row.name)) {
        members.emplace_back(std::string(row.name), Json::parse(row.value, "default"));
        changed = true;
      }
  if (!changed) return std::nullopt;
  return Json::object(std::move(members));
}

}  // namespace keratin
