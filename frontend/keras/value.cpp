#include <keratin/keras/value.h>

#include "frontend/json.h"
#include "frontend/keras/make.h"

namespace keratin::keras {
namespace {

std::string object_text(const std::vector<std::pair<std::string, Value>>& members) {
  std::string text = "{";
  for (const auto& [name, value] : members) {
    if (text.size() > 1) text += ", ";
    text += Json::of(name).dump() + ": " + value.json();
  }
  return text + "}";
}

}  // namespace

Value::Value(const Dict& dict) : json_(object_text(dict.members())) {}

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

Value make_object(std::string_view module, std::string_view class_name, const Arguments& arguments) {
  const std::vector<std::pair<std::string, Value>> members = {
      {"module", module},
      {"class_name", class_name},
      {"config", Value::from_json(object_text(arguments))},
      {"registered_name", {}}};
  return Value::from_json(object_text(members));
}

Value repeated(const Value& value, size_t count) {
  if (!Json::parse(value.json(), "argument").is_number()) return value;
  return Value(std::vector<Value>(count, value));
}

}  // namespace keratin::keras
