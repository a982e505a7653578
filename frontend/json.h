// JSON as a tree that knows where each value stands, so that errors can say "config.layers[3].config.units".
//
// Files are from strangers: size, depth and the number of values are limited; duplicate keys, zero bytes and
// trailing text are errors. NaN, Infinity and -Infinity are read and written as numbers, as Python does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace keratin {

class Json {
 public:
  enum class Kind : uint8_t { null, boolean, integer, real, string, array, object };

  Json() = default;
  /// Throws Error(data) with `where`, line and column.
  static Json parse(std::string_view text, const std::string& where);
  std::string dump() const;  ///< compact text

  Kind kind() const { return static_cast<Kind>(value_.index()); }
  bool is_null() const { return kind() == Kind::null; }
  bool is_number() const { return kind() == Kind::integer || kind() == Kind::real; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_array() const { return kind() == Kind::array; }
  bool is_object() const { return kind() == Kind::object; }

  // Each throws Error(data), naming path(), the kind found and the kind expected.
  bool as_bool() const;
  int64_t as_int() const;  ///< also of a real that is whole
  double as_double() const;
  const std::string& as_string() const;
  const std::vector<Json>& items() const;
  const std::vector<std::pair<std::string, Json>>& members() const;  ///< in the file's order

  /// The member; or, if this is no object or has no such member, a value of kind null with the path of what
  /// is absent. That value is shared: its path holds until this thread next asks for an absent member.
  const Json& operator[](std::string_view key) const;
  const Json& at(size_t i) const;  ///< Throws Error(data) if out of range.
  bool has(std::string_view key) const;
  size_t size() const;  ///< of an array or object; 0 otherwise

  std::string path() const;  ///< empty for the outermost value and for values that were made

  // Making values, for writers and tests.
  static Json null() { return Json(); }
  static Json of(bool value);
  static Json of(int64_t value);
  static Json of(double value);
  static Json of(std::string value);
  static Json array(std::vector<Json> items);
  static Json object(std::vector<std::pair<std::string, Json>> members);

 private:
  friend class JsonReader;
  using Items = std::vector<Json>;
  using Members = std::vector<std::pair<std::string, Json>>;
  struct Place;  // of a container or member; items of one array share the array's

  template <typename T>
  const T& get(std::string_view expected) const;
  const Json* find(std::string_view key) const;

  std::variant<std::monostate, bool, int64_t, double, std::string, Items, Members>
      value_;  // in the order of Kind
  std::shared_ptr<const Place> place_;
  int64_t index_ = -1;  // within the array at place_; -1: this value is at place_ itself
};

}  // namespace keratin
