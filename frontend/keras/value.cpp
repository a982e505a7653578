#include <keratin/keras/value.h>

#include "frontend/json.h"

namespace keratin::keras {

Value::Value(const Dict& dict) : json_("{") {
  for (const auto& [name, value] : dict.members())
    json_ += (json_.size() > 1 ? ", " : "") + Json::of(name).dump() + ": " + value.json();
  json_ += "}";
}

Value Value::from_json(std::string text) {
  Json::parse(text, "Value::from_json");  // throws if it is none
  Value value;
  value.json_ = std::move(text);
  return value;
}

std::string Value::of_real(double number) { return Json::of(number).dump(); }
std::string Value::of_text(std::string_view text) { return Json::of(std::string(text)).dump(); }

std::string Value::of_list(const Value* values, size_t count) {
  std::string text = "[";
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + values[i].json();
  return text + "]";
}

}  // namespace keratin::keras
