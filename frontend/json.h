// JSON as a tree that knows where each value stands, so that errors can say "config.layers[3].config.units".
//
// Files are from strangers: depth, size and numbers are limited, duplicate keys and trailing text are errors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace keratin {

class Json {
 public:
  enum class Kind : uint8_t { null, boolean, integer, real, string, array, object };

  Json() = default;
  /// Throws Error(data) with `where`, line and column.
  static Json parse(std::string_view text, const std::string& where);
  std::string dump() const;  ///< compact text

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_number() const { return kind_ == Kind::integer || kind_ == Kind::real; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }

  // Each throws Error(data), naming path(), the kind found and the kind expected.
  bool as_bool() const;
  int64_t as_int() const;  ///< also of a real that is whole
  double as_double() const;
  const std::string& as_string() const;
  const std::vector<Json>& items() const;
  const std::vector<std::pair<std::string, Json>>& members() const;  ///< in the file's order

  /// The member, or null (a value of kind null with the path of what is absent).
  const Json& operator[](std::string_view key) const;
  const Json& at(size_t i) const;  ///< Throws Error(data) if out of range.
  bool has(std::string_view key) const;
  size_t size() const;  ///< of an array or object; 0 otherwise

  const std::string& path() const { return path_; }

  // Making values, for writers and tests.
  static Json null() { return Json(); }
  static Json of(bool value);
  static Json of(int64_t value);
  static Json of(double value);
  static Json of(std::string value);
  static Json array(std::vector<Json> items);
  static Json object(std::vector<std::pair<std::string, Json>> members);

 private:
  Kind kind_ = Kind::null;
  bool boolean_ = false;
  int64_t integer_ = 0;
  double real_ = 0;
  std::string string_, path_;
  std::vector<Json> items_;
  std::vector<std::pair<std::string, Json>> members_;
};

}  // namespace keratin
