#include "ir/attrs.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <string_view>

namespace keratin {

bool ConstantAttrs::operator==(const ConstantAttrs& other) const {
  if (data == nullptr || other.data == nullptr) return data == other.data && splat == other.splat;
  return data == other.data || *data == *other.data;
}

namespace {

size_t mix(size_t seed, size_t value) { return (seed ^ value) * 0x9e3779b97f4a7c15u + (seed >> 29); }

template <typename T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
size_t hash_value(T value) {
  return static_cast<size_t>(value);
}
size_t hash_value(const std::string& value) { return std::hash<std::string>()(value); }
size_t hash_value(const Dim& dim) {
  return mix(hash_value(dim.coef), std::hash<std::string>()(dim.symbol.name()));
}
size_t hash_value(const Layout& layout) {
  return mix(mix(hash_value(layout.axis), hash_value(layout.width)), hash_value(layout.pair_axis));
}
template <typename T>
size_t hash_value(const std::vector<T>& items) {
  size_t hash = items.size();
  for (const T& item : items) hash = mix(hash, hash_value(item));
  return hash;
}
size_t hash_value(const AxisPairs& pairs) { return mix(hash_value(pairs.lhs), hash_value(pairs.rhs)); }

size_t hash_struct(const NameAttrs& attrs) { return hash_value(attrs.name); }

size_t hash_struct(const ConstantAttrs& attrs) {
  if (attrs.data == nullptr) {
    // Adding 0 turns -0 into 0 and all NaNs hash alike: a coarser hash is a valid one.
    const double number = attrs.splat.as_double() + 0.0;
    return number == number ? std::bit_cast<size_t>(number) : 1;
  }
  // The first bytes tell most arrays apart.
  const auto bytes = static_cast<size_t>(std::min<int64_t>(attrs.data->bytes(), 64));
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(attrs.data->data()), bytes});
}

template <typename Struct>
size_t hash_struct(const Struct& attrs) {
  size_t hash = 0;
  std::apply([&](const auto&... field) { ((hash = mix(hash, hash_value(attrs.*field.member))), ...); },
             Struct::fields);
  return hash;
}

}  // namespace

size_t hash_of(const Attrs& attrs) {
  return mix(attrs.index(), std::visit([](const auto& fields) { return hash_struct(fields); }, attrs));
}

}  // namespace keratin
