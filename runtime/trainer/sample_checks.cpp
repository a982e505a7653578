#include "runtime/trainer/sample_checks.h"

#include <cmath>
#include <utility>

#include "runtime/abi.h"
#include "runtime/strings.h"
#include "runtime/trainer/convert.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

/// What would work in the place of an array of a wrong shape, where that can be told.
std::string shape_hint(const Shape& found, const Signature& wanted, bool is_target) {
  if (!is_target || found.empty()) return {};
  const bool one_per_sample = found.size() == 1 || (found.size() == 2 && found[1] == 1);
  const bool column = !wanted.shape.empty() && wanted.shape.back() == 1;
  if (wanted.classes > 0 && found.back() == wanted.classes &&
      found.size() == wanted.shape.size() + (column ? 1 : 2))
    return "the model wants the classes' numbers: y.argmax(axis=-1)";
  if (one_per_sample && !wanted.shape.empty() && wanted.shape.back() > 1)
    return cat("the model wants one number per class: numpy.eye(", wanted.shape.back(), ")[y]");
  return {};
}

}  // namespace

void fail_data(const std::string& message, const std::string& where, const std::string& hint) {
  throw Error(ErrorKind::data, message, where, hint);
}

std::string batch_shape_text(const Shape& shape) {
  std::string text = "(N";
  for (const int64_t n : shape) text += cat(", ", n);
  return text + (shape.empty() ? ",)" : ")");
}

int64_t element_count(const Shape& shape) {
  int64_t n = 1;
  for (const int64_t dimension : shape) n *= dimension;
  return n;
}

Array fitted(const Array& array, const Signature& wanted, const std::string& where, bool is_target) {
  const Shape& found = array.shape();
  if (!found.empty()) {
    Shape shape = {found[0]};
    shape.insert(shape.end(), wanted.shape.begin(), wanted.shape.end());
    if (found == shape) return array;
    const auto is_column = [](const Shape& s, size_t rank) {
      return s.size() == rank || (s.size() == rank + 1 && s[rank] == 1);
    };
    if (is_column(found, 1) && is_column(wanted.shape, 0)) return array.reshaped(shape);
  }
  fail_data(cat("has the shape ", shape_text(found), ", wanted is ", batch_shape_text(wanted.shape)), where,
            shape_hint(found, wanted, is_target));
}

Array as_numbers(const Array& array, const Signature& wanted, const std::string& where) {
  if (!array.holds_strings()) return array;
  if (wanted.strings == nullptr) fail_data("holds strings, where numbers are needed", where);
  if (array.shape().size() < 2) fail_data("has the shape (), wanted is (N,)", where);
  const size_t width = static_cast<size_t>(array.shape().back());
  const bool makes_rows = krt_strings_makes_rows(wanted.strings) != 0;
  Shape shape(array.shape().begin(), array.shape().end() - 1);
  const auto count = static_cast<size_t>(element_count(shape));
  if (makes_rows && count != static_cast<size_t>(shape[0]))
    fail_data("has several strings per sample, the model takes one", where);
  const StringRows rows(array.data(), count, width);
  if (makes_rows) return encoded(rows, wanted, where);
  return encoded(rows, wanted, where).reshaped(std::move(shape));
}

Array encoded(const StringRows& rows, const Signature& wanted, const std::string& where) {
  const size_t count = rows.starts.size();
  const bool makes_rows = krt_strings_makes_rows(wanted.strings) != 0;
  const size_t length = makes_rows ? static_cast<size_t>(wanted.shape.back()) : 1;
  Shape shape = {static_cast<int64_t>(count)};
  if (makes_rows) shape.push_back(wanted.shape.back());
  Array out(DType::i64, std::move(shape));
  const int status = krt_strings_encode(wanted.strings, rows.starts.data(), rows.sizes.data(), count, length,
                                        reinterpret_cast<int64_t*>(out.mutable_data()));
  if (status != KRT_OK) fail_data(cat("cannot be read: ", krt_strerror(status)), where);
  return out;
}

void check_values(const Array& array, const Signature& wanted,
                  const std::function<std::string(int64_t row)>& place) {
  const int64_t each = element_count(wanted.shape);
  const int64_t misfit = first_misfit(array.dtype(), array.data(), wanted.dtype, array.elements());
  if (misfit >= 0) {
    const double value = array.number(misfit);
    const std::string where = place(misfit / each);
    if (std::isnan(value))
      fail_data("holds NaN", where, "fill gaps, or leave such samples out, before training");
    if (std::isinf(value)) fail_data("holds infinity", where);
    fail_data(cat("holds ", value, ", which is no value of type ", to_text(wanted.dtype)), where);
  }
  if (wanted.classes == 0) return;
  for (int64_t i = 0; i < array.elements(); ++i) {
    const double value = array.number(i);
    if (value >= 0 && value < static_cast<double>(wanted.classes) && value == std::trunc(value)) continue;
    fail_data(
        cat("the label ", value, " is no class; classes are whole numbers from 0 to ", wanted.classes - 1),
        place(i / each));
  }
}

}  // namespace keratin::trainer
