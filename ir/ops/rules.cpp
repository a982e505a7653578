#include "ir/ops/rules.h"

#include <algorithm>

namespace keratin::rules {

void fail(std::string message, std::string hint) {
  throw Error(ErrorKind::data, std::move(message), {}, std::move(hint));
}

namespace {

std::string about_operand(Operands operands, size_t i, std::string_view problem) {
  return cat("operand ", i, " is ", to_text(operands[i].type()), ": ", problem);
}

}  // namespace

void fail_operand(Operands operands, size_t i, std::string_view problem) {
  fail(about_operand(operands, i, problem));
}

void fail_shape(Operands operands, size_t i, const Shape& found, const Shape& expected,
                std::string_view problem) {
  throw_unequal(Error(ErrorKind::data, about_operand(operands, i, problem)), found, expected);
}

void expect_count(Operands operands, size_t count) {
  if (operands.size() != count) fail(cat("has ", operands.size(), " operands, expected ", count));
}

void expect_count_at_least(Operands operands, size_t count) {
  if (operands.size() < count) fail(cat("has ", operands.size(), " operands, expected at least ", count));
}

void expect_dtype(Operands operands, size_t i, DTypeSet set) {
  if (!set.contains(operands[i].dtype())) fail_operand(operands, i, cat("its elements must be ", set.name));
}

void expect_rank(Operands operands, size_t i, int64_t rank) {
  if (operands[i].rank() != rank) fail_operand(operands, i, cat("its rank must be ", rank));
}

void expect_row_major(Operands operands, size_t i) {
  if (!operands[i].type().layout.is_row_major()) fail_operand(operands, i, "its layout must be row-major");
}

void expect_same_shape(Operands operands, size_t i, size_t model) {
  const Shape& shape = operands[model].shape();
  if (operands[i].shape() != shape)
    fail_shape(operands, i, operands[i].shape(), shape,
               cat("its shape must be that of operand ", model, ", ", to_text(shape)));
}

void expect_same_dtype(Operands operands, size_t i, size_t model) {
  const DType dtype = operands[model].dtype();
  if (operands[i].dtype() != dtype)
    fail_operand(operands, i, cat("its dtype must be that of operand ", model, ", ", to_text(dtype)));
}

void expect_same_place(Operands operands, size_t i, size_t model) {
  expect_same_shape(operands, i, model);
  if (operands[i].type().layout != operands[model].type().layout)
    fail_operand(operands, i,
                 cat("its layout must be that of operand ", model, ", ", to_text(operands[model].type())));
}

void expect_same_type(Operands operands, size_t i, size_t model) {
  expect_same_place(operands, i, model);
  expect_same_dtype(operands, i, model);
}

void expect_axis(std::string_view name, int64_t axis, int64_t rank) {
  if (axis < 0 || axis >= rank) fail(cat(name, " has ", axis, ", which is no axis of rank ", rank));
}

void expect_axes(std::string_view name, const Ints& axes, int64_t rank) {
  for (int64_t axis : axes) expect_axis(name, axis, rank);
  if (std::adjacent_find(axes.begin(), axes.end(), std::greater_equal<>()) != axes.end())
    fail(cat(name, " is [", join(axes, ","), "]: axes must be in increasing order"));
}

void expect_entries(std::string_view name, const Ints& values, int64_t count) {
  if (static_cast<int64_t>(values.size()) != count)
    fail(cat(name, " has ", values.size(), " entries, expected ", count));
}

void expect_all_at_least(std::string_view name, const Ints& values, int64_t least) {
  for (int64_t value : values)
    if (value < least) fail(cat(name, " has ", value, ", expected at least ", least));
}

void expect_shape(std::string_view name, const Shape& shape) {
  for (Dim dim : shape)
    if (dim.coef < 0) fail(cat(name, " has ", to_text(dim), ", expected no negative dimension"));
}

void expect_all_between(std::string_view name, const Ints& values, int64_t least, int64_t most) {
  expect_all_at_least(name, values, least);
  for (int64_t value : values)
    if (value > most) fail(cat(name, " has ", value, ", expected at most ", most));
}

Ints other_axes(const Ints& axes, int64_t rank) {
  Ints others;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!contains(axes, axis)) others.push_back(axis);
  return others;
}

Shape without_axes(const Shape& shape, const Ints& axes) {
  Shape rest;
  for (int64_t axis : other_axes(axes, static_cast<int64_t>(shape.size()))) rest.push_back(shape[axis]);
  return rest;
}

void accumulate(const GradientArgs& args, size_t i, Value part) {
  if (!args.wanted[i]) return;
  Value& sum = args.operand_gradients[i];
  sum = sum ? args.builder.add(sum, part) : part;
}

}  // namespace keratin::rules
