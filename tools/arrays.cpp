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

}  // namespace

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
