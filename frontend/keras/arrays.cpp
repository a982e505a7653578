#include "frontend/keras/arrays.h"

#include <keratin/keras/array.h>

#include <algorithm>
#include <cstring>

#include "frontend/keras/node.h"
#include "frontend/layer.h"
#include "ir/error.h"
#include "ir/text.h"
#include "runtime/trainer/convert.h"
#include "runtime/trainer/npz.h"

namespace keratin::keras {
namespace {

trainer::DType trainer_dtype(DType dtype) { return static_cast<trainer::DType>(dtype); }
static_assert(static_cast<int>(trainer::DType::f64) == static_cast<int>(DType::f64) &&
              static_cast<int>(trainer::DType::u8) == static_cast<int>(DType::u8) &&
              trainer::kDTypeCount == kDTypeCount);

DType dtype_named(std::string_view name) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (dtype_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  throw Error(ErrorKind::usage, cat("there is no dtype ", quoted(std::string(name))));
}

std::vector<int64_t> extents_of(const Type& type) {
  std::vector<int64_t> extents;
  for (const Dim dim : type.shape) extents.push_back(dim.value());
  return extents;
}

int64_t product(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t extent : shape) n *= extent;
  return n;
}

}  // namespace

// --- the public class ---

Array::Array() : Array("float32", {0}, nullptr) {}

Array::Array(std::string_view dtype, std::vector<int64_t> shape, std::shared_ptr<const void> data)
    : dtype_(dtype), shape_(std::move(shape)), data_(std::move(data)) {}

Array::Array(const std::vector<std::string>& strings) {
  set_strings(strings, {static_cast<int64_t>(strings.size())});
}

void Array::set_strings(const std::vector<std::string>& strings, std::vector<int64_t> shape) {
  size_t width = 1;
  for (const std::string& string : strings) width = std::max(width, string.size());
  auto bytes = std::make_shared<std::vector<char>>(strings.size() * width);
  for (size_t i = 0; i < strings.size(); ++i)
    std::copy(strings[i].begin(), strings[i].end(), bytes->begin() + static_cast<int64_t>(i * width));
  dtype_ = kStringDType;
  shape_ = std::move(shape);
  string_bytes_ = static_cast<int64_t>(width);
  const void* data = bytes->data();
  data_ = std::shared_ptr<const void>(std::move(bytes), data);
}

int64_t Array::size() const { return product(shape_); }

void Array::convert_to(std::string_view dtype, void* elements) const {
  trainer::convert(trainer_dtype(dtype_named(dtype_)), data(), trainer_dtype(dtype_named(dtype)), elements,
                   size());
}

void Array::expect_rank(size_t rank) const {
  if (shape_.size() != rank)
    throw Error(ErrorKind::usage,
                cat("the array has the shape ", trainer::shape_text(shape_), ", expected is rank ", rank));
}

const Array& Arrays::operator[](size_t i) const {
  if (i >= list_.size())
    throw Error(ErrorKind::usage, cat("there is no array ", i, ": there are ", list_.size()));
  return list_[i].second;
}

const Array& Arrays::operator[](std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [own, array] : list_) {
    if (own == name) return array;
    names.push_back(own);
  }
  throw Error(ErrorKind::usage, cat("there is no array ", quoted(std::string(name))), {},
              cat("there are ", join(names, ", ")));
}

const Array& Arrays::one() const {
  if (list_.size() != 1)
    throw Error(ErrorKind::usage, cat("there are ", list_.size(), " arrays where one is expected"), {},
                "take one of them, by its number or its name: y[0]");
  return list_[0].second;
}

Arrays load_npz(const std::string& path) {
  Arrays::Named named;
  for (const auto& [name, array] : trainer::read_npz(path)) named.emplace_back(name, to_array(array));
  return named;
}

// --- conversions ---

Array to_array(std::shared_ptr<const keratin::Tensor> tensor) {
  const void* data = tensor->data();
  return {dtype_name(tensor->dtype()), tensor->shape(), std::shared_ptr<const void>(std::move(tensor), data)};
}

Array to_array(const trainer::Array& array) {
  const auto own = std::make_shared<const trainer::Array>(array);
  return {dtype_name(static_cast<DType>(array.dtype())), array.shape(),
          std::shared_ptr<const void>(own, own->data())};
}

trainer::Array view_of(const Array& array) {
  if (array.dtype() == kStringDType) {
    trainer::Shape shape = array.shape();
    shape.push_back(array.string_bytes());
    return trainer::Array::view(trainer::DType::i8, std::move(shape), array.data(), array.owner())
        .as_strings();
  }
  return trainer::Array::view(trainer_dtype(dtype_named(array.dtype())), array.shape(), array.data(),
                              array.owner());
}

trainer::Array view_of(const std::shared_ptr<const keratin::Tensor>& tensor) {
  return trainer::Array::view(trainer_dtype(tensor->dtype()), tensor->shape(), tensor->data(), tensor);
}

std::shared_ptr<const keratin::Tensor> to_tensor(const Array& array, const Type& type,
                                                 const std::string& where) {
  const trainer::Array given = view_of(array);
  if (given.shape() != extents_of(type))
    throw Error(ErrorKind::data,
                cat("has the shape ", trainer::shape_text(given.shape()), ", expected ",
                    trainer::shape_text(extents_of(type))),
                where);
  auto tensor = std::make_shared<keratin::Tensor>(type.dtype, array.shape());
  trainer::convert(given.dtype(), given.data(), trainer_dtype(type.dtype), tensor->data(), array.size());
  return tensor;
}

std::shared_ptr<const keratin::Tensor> to_tensor(const trainer::Array& array) {
  auto tensor = std::make_shared<keratin::Tensor>(static_cast<DType>(array.dtype()), array.shape());
  if (array.bytes() > 0) std::memcpy(tensor->data(), array.data(), static_cast<size_t>(array.bytes()));
  return tensor;
}

void add_arrays(const std::string& letter, const Arrays& arrays, const std::vector<std::string>& names,
                std::map<std::string, trainer::Array>& all) {
  const auto has_name = [](const auto& each) { return !each.first.empty(); };
  const bool by_name = std::any_of(arrays.named().begin(), arrays.named().end(), has_name);
  if (!by_name && arrays.size() != names.size())
    throw Error(ErrorKind::usage,
                cat(letter, " has ", arrays.size(), arrays.size() == 1 ? " array" : " arrays", ", expected ",
                    names.size(), ": ", join(names, ", ")));
  for (size_t i = 0; i < arrays.size(); ++i) {
    const auto& [name, array] = arrays.named()[i];
    if (by_name && std::find(names.begin(), names.end(), name) == names.end())
      throw Error(ErrorKind::usage, cat(letter, " names ", quoted(name), ", which the model does not have"),
                  {}, cat("it has ", join(names, ", ")));
    all[cat(letter, ":", by_name ? name : names[i])] = view_of(array);
  }
}

}  // namespace keratin::keras
