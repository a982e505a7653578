#include "ir/text_rules.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>

#include "ir/text.h"

namespace keratin {

bool fits_in_text(const Tensor& tensor) {
  if (tensor.elements() > kMostElementsInText) return false;
  Tensor again(tensor.dtype(), tensor.shape());
  for (int64_t i = 0; i < tensor.elements(); ++i) set_scalar(again, i, scalar_at(tensor, i));
  return again == tensor;
}

// Names.

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_plain(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), is_name_character);
}

}  // namespace

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.' ||
         c == '/' || c == '-';
}

std::string plain_name(const std::string& name) { return is_plain(name) ? name : quoted(name); }

std::string plain_value_name(const std::string& name) {
  return is_plain(name) && !is_digit(name[0]) ? name : quoted(name);
}

// Numbers.

std::string element_text(const Scalar& value) {
  std::string text = to_text(value);
  return text.substr(0, text.find(':'));
}

namespace {

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || last != end) return std::nullopt;
  return number;
}

std::optional<Scalar> parse_real(std::string_view text, DType dtype) {
  if (text == "nan") return Scalar::of(dtype, std::numeric_limits<double>::quiet_NaN());
  if (text.find_first_of("iInN") != std::string_view::npos && text != "inf" && text != "-inf")
    return std::nullopt;
  if (dtype == DType::f64) {
    const auto number = parse_number<double>(text);
    return number ? std::optional(Scalar::of(dtype, *number)) : std::nullopt;
  }
  const auto number = parse_number<float>(text);
  return number ? std::optional(Scalar::of(dtype, *number)) : std::nullopt;
}

}  // namespace

std::optional<Scalar> parse_element(std::string_view text, DType dtype) {
  if (is_float(dtype)) return parse_real(text, dtype);
  if (dtype == DType::boolean) {
    if (text != "true" && text != "false") return std::nullopt;
    return Scalar::of_integer(dtype, text == "true");
  }
  if (dtype == DType::u64) {
    const auto number = parse_number<uint64_t>(text);
    return number ? std::optional(Scalar::of_integer(dtype, static_cast<int64_t>(*number))) : std::nullopt;
  }
  const auto number = parse_number<int64_t>(text);
  if (!number || wrap_to(dtype, *number) != *number) return std::nullopt;
  return Scalar::of_integer(dtype, *number);
}

Type literal_type(Op op, const Type& result, DType dtype) {
  return family_of(op) == Family::pointwise ? Type(dtype, result.shape, result.layout) : Type(dtype, {});
}

// Attributes.

bool is_told_field(std::string_view name) {
  return name == "shape" || name == "to" || name == "dtype" || name == "layout";
}

void set_told_fields(Attrs& attrs, const Type& result) {
  std::visit(
      [&](auto& fields) {
        using Struct = std::decay_t<decltype(fields)>;
        for_each_field<Struct>([&](const auto& field) {
          using T = std::decay_t<decltype(fields.*field.member)>;
          if (!is_told_field(field.name)) return;
          if constexpr (std::is_same_v<T, Shape>) fields.*field.member = result.shape;
          if constexpr (std::is_same_v<T, DType>) fields.*field.member = result.dtype;
          if constexpr (std::is_same_v<T, Layout>) fields.*field.member = result.layout;
        });
      },
      attrs);
}

std::string_view to_text(Role role) {
  switch (role) {
    case Role::weight: return "weight";
    case Role::state: return "state";
    case Role::prepared: return "prepared";
    case Role::strings: return "strings";
  }
  __builtin_unreachable();
}

}  // namespace keratin
