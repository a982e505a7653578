#include "tools/arrays.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

std::string shape_text(const Tensor& tensor) {
  return cat(to_text(tensor.dtype()), "[", join(tensor.shape(), ","), "]");
}

template <typename Map>
std::string names_of(const Map& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.first);
  return names.empty() ? "none" : join(names, ", ");
}

std::string names_of(std::span<const Port> ports) {
  std::vector<std::string> names;
  for (const Port& port : ports) names.push_back(cat(port.name, " ", to_text(port.type)));
  return join(names, ", ");
}

/// True if `shape` is the port's, with symbols bound as before or for the first time.
bool fits(const Tensor& tensor, const Port& port, Bindings& bindings) {
  if (tensor.dtype() != port.type.dtype || tensor.rank() != port.type.rank()) return false;
  for (size_t i = 0; i < port.type.shape.size(); ++i) {
    const Dim dim = port.type.shape[i];
    const int64_t size = tensor.shape()[i];
    if (dim.is_static()) {
      if (size != dim.value()) return false;
      continue;
    }
    if (size % dim.coef != 0) return false;
    const auto [bound, is_new] = bindings.try_emplace(dim.symbol, size / dim.coef);
    if (bound->second != size / dim.coef) return false;
  }
  return true;
}

bool close_enough(double got, double want, Tolerance tolerance) {
  if (got == want || (std::isnan(got) && std::isnan(want))) return true;
  return std::abs(got - want) <= tolerance.atol + tolerance.rtol * std::abs(want) && std::isfinite(want);
}

/// The indices of element `i`, row-major: "[3, 5]".
std::string place(const Tensor& tensor, int64_t i) {
  std::vector<int64_t> indices(tensor.shape().size());
  for (size_t axis = indices.size(); axis-- > 0;) {
    indices[axis] = i % tensor.shape()[axis];
    i /= tensor.shape()[axis];
  }
  return cat("[", join(indices, ", "), "]");
}

void compare_one(const std::string& name, const Tensor& got, const Tensor& want, Tolerance tolerance,
                 const std::string& where) {
  if (got.shape() != want.shape())
    throw Error(ErrorKind::data,
                cat("output ", name, " is ", shape_text(got), ", expected was ", shape_text(want)), where);
  const bool exact = !is_float(got.dtype()) && !is_float(want.dtype());
  int64_t first = -1, different = 0;
  double largest = 0;
  for (int64_t i = 0; i < got.elements(); ++i) {
    const bool same =
        exact ? got.get_integer(i) == want.get_integer(i) : close_enough(got.get(i), want.get(i), tolerance);
    if (same) continue;
    if (first < 0) first = i;
    ++different;
    largest = std::max(largest, std::abs(got.get(i) - want.get(i)));
  }
  if (different == 0) return;
  throw Error(ErrorKind::data,
              cat("output ", name, " differs first at ", place(got, first), ": got ", got.get(first),
                  ", expected ", want.get(first), " (", different, " of ", got.elements(),
                  " elements differ, by up to ", largest, ")"),
              where,
              exact ? "" : cat("tolerance is ", tolerance.atol, " + ", tolerance.rtol, " * |expected|"));
}

/// The integers of strings, which are rows of bytes.
Tensor encoded(const Port& port, const Tensor& bytes, const std::string& where) {
  std::vector<int64_t> shape(bytes.shape().begin(), bytes.shape().end() - 1);
  const auto width = static_cast<size_t>(bytes.shape().back());
  size_t count = 1;
  for (const int64_t extent : shape) count *= static_cast<size_t>(extent);
  const trainer::StringRows rows(bytes.data(), count, width);
  const bool is_row = port.strings->makes_rows;
  if (is_row && count != static_cast<size_t>(shape.empty() ? 1 : shape[0]))
    throw Error(ErrorKind::data,
                cat("the array ", port.name, " has several strings per sample, the model takes one"), where);
  const Dim each = is_row ? port.type.shape.back() : Dim(1);
  auto length = static_cast<size_t>(each.coef);
  if (!each.is_static()) {  // a multiple of what the model needs multiples of
    const size_t longest = port.strings->length(rows.starts.data(), rows.sizes.data(), count);
    length *= (longest + length - 1) / length;
  }
  if (is_row) shape = {static_cast<int64_t>(count), static_cast<int64_t>(length)};
  Tensor out(DType::i64, shape);
  const int status =
      port.strings->encode(rows.starts.data(), rows.sizes.data(), count, length, out.as<int64_t>().data());
  if (status != 0)
    throw Error(ErrorKind::data,
                cat("the array ", port.name, " cannot be read: ", port.strings->explain(status)), where);
  return out;
}

}  // namespace

Strings strings_of(std::span<const Port> ports) {
  for (const Port& port : ports)
    if (port.strings) return Strings::as_bytes;
  return Strings::refuse;
}

std::vector<Tensor> match_inputs(std::span<const Port> ports, NamedTensors arrays, const std::string& where) {
  if (ports.size() == 1 && !arrays.contains(ports[0].name) && arrays.contains("x")) {
    auto array = arrays.extract("x");
    array.key() = ports[0].name;
    arrays.insert(std::move(array));
  }
  std::vector<Tensor> inputs;
  Bindings bindings;
  for (const Port& port : ports) {
    const auto found = arrays.find(port.name);
    if (found == arrays.end())
      throw Error(ErrorKind::data, cat("there is no array for the input ", port.name), where,
                  cat("the model takes ", names_of(ports), "; the file holds ", names_of(arrays)));
    if (port.strings && found->second.dtype() == DType::i8 && found->second.rank() > 0)
      found->second = encoded(port, found->second, where);
    if (!fits(found->second, port, bindings))
      throw Error(ErrorKind::data,
                  cat("the array ", port.name, " is ", shape_text(found->second), ", the model takes ",
                      to_text(port.type)),
                  where, "dtypes must be the model's own, and the same number of samples in all arrays");
    inputs.push_back(std::move(found->second));
    arrays.erase(found);
  }
  if (!arrays.empty())
    throw Error(ErrorKind::data, cat("no input of the model is called ", names_of(arrays)), where,
                cat("the model takes ", names_of(ports)));
  return inputs;
}

void compare(const NamedTensors& got, const NamedTensors& want, Tolerance tolerance,
             const std::string& where) {
  if (got.size() == 1 && want.size() == 1)
    return compare_one(got.begin()->first, got.begin()->second, want.begin()->second, tolerance, where);
  for (const auto& [name, tensor] : got) {
    const auto expected = want.find(name);
    if (expected == want.end())
      throw Error(ErrorKind::data, cat("there is no array for the output ", name), where,
                  cat("the model gives ", names_of(got), "; the file holds ", names_of(want)));
    compare_one(name, tensor, expected->second, tolerance, where);
  }
  if (got.size() != want.size())
    throw Error(ErrorKind::data, cat("the file holds ", names_of(want), ", the model gives ", names_of(got)),
                where);
}

}  // namespace keratin
