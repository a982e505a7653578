// What the printer and the parser of the text form agree on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "ir/graph.h"

namespace keratin {

inline constexpr int64_t kMostElementsInText = 16;

/// True if the array stands in the text: it is small, and printed numbers give back its bytes.
bool fits_in_text(const Tensor& tensor);

/// Characters of a name that needs no quotes; as a value's name it may not start with a digit, which is for %0, %1, ….
bool is_name_character(char c);
std::string plain_name(const std::string& name);  ///< the name, quoted if need be
std::string plain_value_name(const std::string& name);

/// A scalar's text without its dtype.
std::string element_text(const Scalar& value);
/// Undoes element_text; nothing if `text` is no number, or not one of `dtype`.
std::optional<Scalar> parse_element(std::string_view text, DType dtype);

/// The type of the constant that a number stands for as an operand of `op`.
Type literal_type(Op op, const Type& result, DType dtype);

/// Calls `visit` with each Field of an attributes struct.
template <typename Struct, typename Visit>
void for_each_field(Visit visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, Struct::fields);
}

/// Sets the fields that the type of the (first) result tells: shape, to, dtype, layout.
void set_told_fields(Attrs& attrs, const Type& result);
bool is_told_field(std::string_view name);

std::string_view to_text(Role role);

}  // namespace keratin
