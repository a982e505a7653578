#include "frontend/einsum.h"

#include <string>
#include <utility>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin {
namespace {

bool has(std::string_view axes, char letter) { return axes.find(letter) != std::string_view::npos; }

bool has_twice(std::string_view axes) {
  for (size_t i = 0; i < axes.size(); ++i)
    if (has(axes.substr(i + 1), axes[i])) return true;
  return false;
}

/// An operand without the axes that only it has, which are summed.
struct Factor {
  Factor(const Expr& x, std::string_view letters, std::string_view of_other, std::string_view of_result) {
    Ints summed;
    for (size_t i = 0; i < letters.size(); ++i) {
      if (has(of_other, letters[i]) || has(of_result, letters[i]))
        axes += letters[i];
      else
        summed.push_back(static_cast<int64_t>(i));
    }
    value = summed.empty() ? x : sum(x, summed);
  }
  int64_t axis(char letter) const { return static_cast<int64_t>(axes.find(letter)); }

  Expr value;
  std::string axes;
};

/// The axes of the dot of two factors: those of both that the result has, in its order, then what each has alone.
std::string product_axes(const Factor& a, const Factor& b, std::string_view result) {
  std::string axes;
  for (char letter : result)
    if (has(a.axes, letter) && has(b.axes, letter)) axes += letter;
  for (char letter : a.axes)
    if (!has(b.axes, letter)) axes += letter;
  for (char letter : b.axes)
    if (!has(a.axes, letter)) axes += letter;
  return axes;
}

Expr product(const Factor& a, const Factor& b, std::string_view result) {
  DotAttrs attrs;
  const auto pair = [&](AxisPairs& pairs, char letter) {
    pairs.lhs.push_back(a.axis(letter));
    pairs.rhs.push_back(b.axis(letter));
  };
  for (char letter : result)
    if (has(a.axes, letter) && has(b.axes, letter)) pair(attrs.batch, letter);
  for (char letter : a.axes)
    if (has(b.axes, letter) && !has(result, letter)) pair(attrs.contract, letter);
  Builder& builder = a.value.builder();
  return {builder, builder.make(Op::dot, {a.value.value(), b.value.value()}, std::move(attrs))};
}

}  // namespace

Expr einsum(const Expr& a, std::string_view a_axes, const Expr& b, std::string_view b_axes,
            std::string_view result_axes) {
  const std::string equation = cat(a_axes, ",", b_axes, "->", result_axes);
  if (static_cast<int64_t>(a_axes.size()) != a.rank() || static_cast<int64_t>(b_axes.size()) != b.rank())
    throw Error(ErrorKind::data, cat("the einsum ", equation, " does not fit ", to_text(a.shape()), " and ",
                                     to_text(b.shape())));
  if (has_twice(a_axes) || has_twice(b_axes))
    throw Error(ErrorKind::unsupported, cat("the einsum ", equation, " takes a diagonal"));
  const DType dtype = promote(a.dtype(), b.dtype());
  const Factor left(cast(a, dtype), a_axes, b_axes, result_axes),
      right(cast(b, dtype), b_axes, a_axes, result_axes);
  for (char letter : left.axes)
    if (has(right.axes, letter)) {
      const Dim own = left.value.dim(left.axis(letter)), other = right.value.dim(right.axis(letter));
      if (own != other)
        throw_unequal(Error(ErrorKind::data, cat("in the einsum ", equation, ", the axis ",
                                                 std::string_view(&letter, 1), " of ", to_text(a.shape()),
                                                 " has another extent than that of ", to_text(b.shape()))),
                      {own}, {other});
    }

  // One of the two orders may leave nothing to transpose.
  const bool swap = product_axes(left, right, result_axes) != result_axes &&
                    product_axes(right, left, result_axes) == result_axes;
  const Factor& first = swap ? right : left;
  const Factor& second = swap ? left : right;
  const std::string axes = product_axes(first, second, result_axes);
  Ints order;
  for (char letter : result_axes) {
    if (!has(axes, letter))
      throw Error(ErrorKind::data,
                  cat("in the einsum ", equation, ", no tensor has the axis ", std::string_view(&letter, 1)));
    order.push_back(static_cast<int64_t>(axes.find(letter)));
  }
  if (has_twice(result_axes))
    throw Error(ErrorKind::data, cat("the einsum ", equation, " has an axis of its result twice"));
  return transpose(product(first, second, result_axes), std::move(order));
}

Expr product_of_matrices(Expr a, Expr b) {
  const bool is_row = a.rank() == 1, is_column = b.rank() == 1;
  if (is_row) a = expand_dims(a, 0);
  if (is_column) b = expand_dims(b, 1);
  Expr y;
  if (b.rank() == 2) {
    y = matmul(a, b);
  } else {
    const Shape batch = broadcast_shape(Shape(a.shape().begin(), a.shape().end() - 2),
                                        Shape(b.shape().begin(), b.shape().end() - 2));
    const auto in_batch = [&](const Expr& x) {
      Shape shape = batch;
      shape.insert(shape.end(), x.shape().end() - 2, x.shape().end());
      return broadcast_to(x, shape);
    };
    std::string common;
    for (size_t i = 0; i < batch.size(); ++i) common += static_cast<char>('d' + i);
    y = einsum(in_batch(a), common + "ab", in_batch(b), common + "bc", common + "ac");
  }
  if (is_column) y = squeeze(y, {-1});
  return is_row ? squeeze(y, {is_column ? -1 : -2}) : y;
}

}  // namespace keratin
