// What Keras 2 wrote differently, in one place: names of classes and of arguments. Its operators are in frontend/legacy_functions.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "frontend/json.h"

namespace keratin {

/// The class that one of Keras 2 is now: "CuDNNLSTM" is "LSTM". Others are what they were.
std::string_view class_of_keras3(std::string_view class_name);

/// `config` of a layer in the form of Keras 3, or nothing if it has that form already.
std::optional<Json> adapt_config(std::string_view class_name, const Json& config, bool keras2);

}  // namespace keratin
