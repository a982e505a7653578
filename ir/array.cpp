#include "ir/array.h"

#include <algorithm>

namespace keratin {

std::vector<int64_t> Array::shape() const {
  return std::visit([](const auto& a) { return std::vector<int64_t>(a.shape().begin(), a.shape().end()); },
                    data);
}

int64_t Array::elements() const {
  return std::visit([](const auto& a) { return static_cast<int64_t>(a.size()); }, data);
}

Array make_array(const Type& type, const Bindings& bindings) {
  std::vector<size_t> shape;
  for (Dim dim : type.shape) shape.push_back(static_cast<size_t>(dim.value(bindings)));
  if (is_float(type.dtype)) return {type.dtype, xt::xarray<double>(shape, 0.0)};
  return {type.dtype, xt::xarray<int64_t>(shape, int64_t{0})};
}

Array to_array(const Tensor& tensor) {
  Array array = make_array(tensor.type(), {});
  if (!is_float(tensor.dtype())) {
    auto& elements = array.integer().storage();
    for (int64_t i = 0; i < tensor.elements(); ++i) elements[i] = tensor.get_integer(i);
  } else if (tensor.dtype() == DType::f32) {
    std::ranges::copy(tensor.as<float>(), array.real().storage().begin());
  } else {
    auto& elements = array.real().storage();
    for (int64_t i = 0; i < tensor.elements(); ++i) elements[i] = tensor.get(i);
  }
  return array;
}

Tensor to_tensor(const Array& array) {
  Tensor tensor(array.dtype, array.shape());
  if (!is_float(array.dtype)) {
    const auto& elements = array.integer().storage();
    for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set_integer(i, elements[i]);
  } else if (array.dtype == DType::f32) {
    std::ranges::transform(array.real().storage(), tensor.as<float>().begin(),
                           [](double v) { return static_cast<float>(v); });
  } else {
    const auto& elements = array.real().storage();
    for (int64_t i = 0; i < tensor.elements(); ++i) tensor.set(i, elements[i]);
  }
  return tensor;
}

void round_elements(Array& array) {
  if (array.dtype == DType::f64) return;
  if (array.dtype == DType::f32) {
    for (double& v : array.real().storage()) v = static_cast<float>(v);
  } else if (is_float(array.dtype)) {
    for (double& v : array.real().storage()) v = round_to(array.dtype, v);
  } else {
    for (int64_t& v : array.integer().storage()) v = wrap_to(array.dtype, v);
  }
}

}  // namespace keratin
