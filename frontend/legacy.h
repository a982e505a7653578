// What Keras 2 wrote differently, in one place: names of arguments, and operators as TFOpLambda layers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "frontend/json.h"

namespace keratin {

/// `config` of a layer in the form of Keras 3, or nothing if it has that form already.
std::optional<Json> adapt_config(std::string_view class_name, const Json& config);

/// The class of keras.ops that a TFOpLambda's function is: "math.multiply" is "Multiply"; empty if there is none.
std::string_view operation_of_function(std::string_view function);

}  // namespace keratin
