#include "runtime/mpi/reduce.h"

#include <type_traits>

#include "runtime/abi.h"

namespace keratin::mpi {
namespace {

/// The greater, or the lesser, as the op max means it: NaN if one of them is.
template <typename T>
T greater(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (a != a) return a;
  return b <= a ? a : b;
}
template <typename T>
T lesser(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (a != a) return a;
  return a <= b ? a : b;
}

template <typename T, typename Join>
void join_all(std::byte* total, const std::byte* more, size_t count, Join join) {
  T* to = reinterpret_cast<T*>(total);
  const T* from = reinterpret_cast<const T*>(more);
  for (size_t i = 0; i < count; ++i) to[i] = static_cast<T>(join(to[i], from[i]));
}

/// Integers as unsigned ones of 64 bits where they wrap.
template <typename T>
using Wrapping = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;

template <typename T>
void reduce_as(uint32_t reduction, std::byte* total, const std::byte* more, size_t count) {
  using W = Wrapping<T>;
  switch (reduction) {
    case KRT_SUM:
      return join_all<T>(total, more, count, [](T a, T b) { return static_cast<W>(a) + static_cast<W>(b); });
    case KRT_PROD:
      return join_all<T>(total, more, count, [](T a, T b) { return static_cast<W>(a) * static_cast<W>(b); });
    case KRT_MAX: return join_all<T>(total, more, count, greater<T>);
    default: return join_all<T>(total, more, count, lesser<T>);
  }
}

}  // namespace

void reduce_into(uint32_t reduction, uint32_t dtype, std::byte* total, const std::byte* more, size_t count) {
  switch (dtype) {
    case KRT_BOOL:
    case KRT_U8: return reduce_as<uint8_t>(reduction, total, more, count);
    case KRT_I8: return reduce_as<int8_t>(reduction, total, more, count);
    case KRT_I16: return reduce_as<int16_t>(reduction, total, more, count);
    case KRT_I32: return reduce_as<int32_t>(reduction, total, more, count);
    case KRT_I64: return reduce_as<int64_t>(reduction, total, more, count);
    case KRT_U16: return reduce_as<uint16_t>(reduction, total, more, count);
    case KRT_U32: return reduce_as<uint32_t>(reduction, total, more, count);
    case KRT_U64: return reduce_as<uint64_t>(reduction, total, more, count);
    case KRT_F64: return reduce_as<double>(reduction, total, more, count);
    default: return reduce_as<float>(reduction, total, more, count);  // those of 16 bits are never reduced
  }
}

size_t element_bytes(uint32_t dtype) {
  switch (dtype) {
    case KRT_BOOL:
    case KRT_I8:
    case KRT_U8: return 1;
    case KRT_I16:
    case KRT_U16: return 2;
    case KRT_I64:
    case KRT_U64:
    case KRT_F64: return 8;
    default: return 4;
  }
}

}  // namespace keratin::mpi
