// Arguments that Keras takes in several forms: a number or a tuple, a name or an object, None.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keratin::keras {

class Dict;

/// None, a number, a text, a list, a dictionary, or an object of Keras's with its arguments:
///
///     Value a = 3, b = {3, 3}, c = "relu", d = {}, e = optimizers::Adam({.learning_rate = 0.01});
class Value {
 public:
  Value() = default;  ///< None
  Value(std::nullptr_t) {}
  template <std::integral T>
  Value(T number) : json_(of(number)) {}
  template <std::floating_point T>
  Value(T number) : json_(of_real(static_cast<double>(number))) {}
  Value(const char* text) : json_(text == nullptr ? "null" : of_text(text)) {}
  Value(std::string_view text) : json_(of_text(text)) {}
  Value(const std::string& text) : json_(of_text(text)) {}
  Value(std::initializer_list<Value> list) : json_(of_list(list.begin(), list.size())) {}
  template <typename T>
  Value(const std::vector<T>& list) {
    const std::vector<Value> values(list.begin(), list.end());
    json_ = of_list(values.data(), values.size());
  }
  Value(const Dict& dict);

  /// What Keras serializes: {"class_name": "Adam", "config": {"learning_rate": 0.01}}.
  static Value from_json(std::string text);
  const std::string& json() const { return json_; }
  bool is_none() const { return json_ == "null"; }

 private:
  template <std::integral T>
  static std::string of(T number) {
    if constexpr (std::same_as<T, bool>)
      return number ? "true" : "false";
    else
      return std::to_string(number);
  }
  static std::string of_real(double number);
  static std::string of_text(std::string_view text);
  static std::string of_list(const Value* values, size_t count);

  std::string json_ = "null";
};

/// Values by name: `.loss = Dict{{"digit", "mse"}, {"parity", "binary_crossentropy"}}`.
class Dict {
 public:
  Dict(std::initializer_list<std::pair<std::string, Value>> members) : members_(members) {}
  explicit Dict(std::vector<std::pair<std::string, Value>> members) : members_(std::move(members)) {}
  const std::vector<std::pair<std::string, Value>>& members() const { return members_; }

 private:
  std::vector<std::pair<std::string, Value>> members_;
};

}  // namespace keratin::keras
