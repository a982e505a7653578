// What the functions of layers and other objects are made of: a class name and arguments, as Keras serializes them.
#pragma once

#include <keratin/keras/layer.h>
#include <keratin/keras/value.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keratin::keras {

using Arguments = std::vector<std::pair<std::string, Value>>;

/// What all layers have of a config. Without a name, it gets one as in Keras: "dense", "dense_1".
Arguments config_of(std::string_view class_name, const std::string& name, bool trainable,
                    std::string_view dtype);

/// A new layer of a class of keras.layers. `arguments`: all of its own, as get_config() names them.
Layer make_layer(std::string_view class_name, const std::string& name, bool trainable, Arguments arguments,
                 std::string_view dtype = "float32");

/// A serialized object: {"module", "class_name", "config", "registered_name"}. `module`: "keras.optimizers".
Value make_object(std::string_view module, std::string_view class_name, const Arguments& arguments);

/// `value` `count` times if it is a single number: what Keras makes of kernel_size=3.
Value repeated(const Value& value, size_t count);

}  // namespace keratin::keras
