// Arrays of numbers or strings that go into a model, and of numbers that come out: xtensor's, of any element type and rank.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <xtensor/xarray.hpp>
#include <xtensor/xtensor.hpp>

namespace keratin::keras {

/// Element types by Keras's names: "float32".
template <typename T>
constexpr std::string_view dtype_of() {
  if constexpr (std::is_same_v<T, bool>) return "bool";
  if constexpr (std::is_same_v<T, float>) return "float32";
  if constexpr (std::is_same_v<T, double>) return "float64";
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    constexpr bool is_signed = std::is_signed_v<T>;
    switch (sizeof(T)) {
      case 1: return is_signed ? "int8" : "uint8";
      case 2: return is_signed ? "int16" : "uint16";
      case 4: return is_signed ? "int32" : "uint32";
      default: return is_signed ? "int64" : "uint64";
    }
  }
}

template <typename E>
concept XtensorExpression = xt::is_xexpression<std::decay_t<E>>::value;

/// Whether an xtensor type holds its elements row by row, without gaps: xarray, xtensor.
template <typename E>
inline constexpr bool kIsRowMajorContainer = false;
template <typename EC, typename SC, typename Tag>
inline constexpr bool kIsRowMajorContainer<xt::xarray_container<EC, xt::layout_type::row_major, SC, Tag>> =
    true;
template <typename EC, size_t N, typename Tag>
inline constexpr bool kIsRowMajorContainer<xt::xtensor_container<EC, N, xt::layout_type::row_major, Tag>> =
    true;

/// A row-major array. One that is made of an xarray or xtensor which has a name refers to it, as a std::span would: the container must
/// outlive it, and keep its size. Of anything else, a view or an expression, it is a copy. Strings, in UTF-8, are copied.
class Array {
 public:
  Array();  ///< float32, no elements
  Array(const std::vector<std::string>& strings);
  template <XtensorExpression E>
  Array(E&& expression) {
    using Plain = std::decay_t<E>;
    using T = typename Plain::value_type;
    if constexpr (std::is_convertible_v<T, std::string>) {
      const std::vector<std::string> strings(expression.template begin<xt::layout_type::row_major>(),
                                             expression.template end<xt::layout_type::row_major>());
      set_strings(strings, {expression.shape().begin(), expression.shape().end()});
    } else if constexpr (std::is_lvalue_reference_v<E> && kIsRowMajorContainer<Plain>) {
      set<T>(expression, std::shared_ptr<const void>(std::shared_ptr<void>(), expression.data()));
    } else {
      auto own = std::make_shared<xt::xarray<T, xt::layout_type::row_major>>(std::forward<E>(expression));
      set<T>(*own, std::shared_ptr<const void>(own, own->data()));
    }
  }
  Array(std::string_view dtype, std::vector<int64_t> shape, std::shared_ptr<const void> data);

  const std::string& dtype() const { return dtype_; }  ///< of strings "string"
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t size() const;  ///< elements
  /// Strings lie in rows of string_bytes() bytes, filled up with zeros.
  const void* data() const { return data_.get(); }
  int64_t string_bytes() const { return string_bytes_; }
  const std::shared_ptr<const void>& owner() const { return data_; }

  /// A copy of the elements, as T.
  template <typename T>
  xt::xarray<T> to() const {
    xt::xarray<T> copy;
    copy.resize(std::vector<size_t>(shape_.begin(), shape_.end()));
    convert_to(dtype_of<T>(), copy.data());
    return copy;
  }
  template <typename T>
  operator xt::xarray<T>() const {
    return to<T>();
  }
  /// Throws if it has another rank.
  template <typename T, size_t N>
  operator xt::xtensor<T, N>() const {
    expect_rank(N);
    return to<T>();
  }

 private:
  template <typename T, typename E>
  void set(const E& elements, std::shared_ptr<const void> data) {
    static_assert(!dtype_of<T>().empty(), "arrays hold numbers or booleans");
    dtype_ = dtype_of<T>();
    shape_.assign(elements.shape().begin(), elements.shape().end());
    data_ = std::move(data);
  }
  void set_strings(const std::vector<std::string>& strings, std::vector<int64_t> shape);
  void convert_to(std::string_view dtype, void* elements) const;
  void expect_rank(size_t rank) const;

  std::string dtype_;
  std::vector<int64_t> shape_;
  std::shared_ptr<const void> data_;
  int64_t string_bytes_ = 0;
};

/// One array, several in order, or several by name.
class Arrays {
 public:
  using Named = std::vector<std::pair<std::string, Array>>;

  Arrays() = default;
  Arrays(Array one) : list_{{std::string(), std::move(one)}} {}
  Arrays(const std::vector<std::string>& one) : Arrays(Array(one)) {}
  template <XtensorExpression E>
  Arrays(E&& one) : Arrays(Array(std::forward<E>(one))) {}
  Arrays(std::initializer_list<Array> list) {
    for (const Array& array : list) list_.emplace_back(std::string(), array);
  }
  Arrays(std::initializer_list<std::pair<std::string, Array>> by_name) : list_(by_name) {}
  Arrays(Named by_name) : list_(std::move(by_name)) {}

  size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  const Named& named() const { return list_; }  ///< names are empty where arrays come in order
  /// Throws if there is none.
  const Array& operator[](size_t i) const;
  const Array& operator[](std::string_view name) const;

  /// The only one. Throws if there are several.
  const Array& one() const;
  template <typename T>
  operator xt::xarray<T>() const {
    return one();
  }
  template <typename T, size_t N>
  operator xt::xtensor<T, N>() const {
    return one();
  }

 private:
  Named list_;
};

/// The arrays of a `.npz` file, by name. Those that are stored, not compressed, are mapped, not read.
Arrays load_npz(const std::string& path);

}  // namespace keratin::keras
