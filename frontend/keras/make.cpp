#include "frontend/keras/make.h"

#include "frontend/keras/node.h"

namespace keratin::keras {

Arguments config_of(std::string_view class_name, const std::string& name, bool trainable,
                    std::string_view dtype) {
  Arguments config = {{"name", name.empty() ? unique_name(class_name) : name}};
  if (!trainable) config.emplace_back("trainable", trainable);
  config.emplace_back("dtype", dtype);
  return config;
}

Layer make_layer(std::string_view class_name, const std::string& name, bool trainable, Arguments arguments,
                 std::string_view dtype) {
  Arguments config = config_of(class_name, name, trainable, dtype);
  config.insert(config.end(), arguments.begin(), arguments.end());
  const Value object = make_object("keras.layers", class_name, config);
  return Layer(std::make_shared<LayerNode>(Json::parse(object.json(), std::string(class_name))));
}

Value make_object(std::string_view module, std::string_view class_name, const Arguments& arguments) {
  return Dict{
      {"module", module}, {"class_name", class_name}, {"config", Dict(arguments)}, {"registered_name", {}}};
}

Value repeated(const Value& value, size_t count) {
  if (!Json::parse(value.json(), "argument").is_number()) return value;
  return Value(std::vector<Value>(count, value));
}

}  // namespace keratin::keras
