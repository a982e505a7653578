// winograd: a convolution of 3 × 3 taps, stride 1, channels last, by Winograd's method (ir/winograd.h). Its kernel is transformed
// already: u = G g Gᵀ for each pair of channels, so m + 2 is the extent of its first axes.
//
// Along each space axis there are padded - 2 results, 0 if that is negative. They are computed in tiles of m × m; what a tile reads
// outside the padded input is 0, what it has beyond the result is dropped. Sums run over ascending channels in f64.
#include "ir/winograd.h"

#include <algorithm>
#include <array>

#include "ir/array.h"
#include "ir/conv_axes.h"
#include "ir/ops/elements.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace rules;

std::vector<Type> infer_winograd(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 2);
  expect_dtype(operands, 0, kFloats);
  expect_same_dtype(operands, 1);
  for (size_t i : {0, 1}) expect_rank(operands, i, 4);
  const WinogradAttrs& winograd = attrs_as<WinogradAttrs>(attrs);
  for (const auto& [name, values] :
       {std::pair{"pad_low", &winograd.pad_low}, std::pair{"pad_high", &winograd.pad_high}}) {
    expect_entries(name, *values, 2);
    expect_all_between(name, *values, INT32_MIN, INT32_MAX);
  }
  const Shape &input = operands[0].shape(), &kernel = operands[1].shape();
  if (!kernel[0].is_static() || !is_winograd_size(kernel[0].coef) || kernel[1] != kernel[0])
    fail_operand(operands, 1, "its first two dimensions must be 4 (tiles of 2 x 2) or 6 (tiles of 4 x 4)");
  if (!kernel[2].is_static() || !kernel[3].is_static())
    fail_operand(operands, 1, "its features must have fixed sizes");
  if (kernel[2] != input[3])
    fail_operand(
        operands, 1,
        cat("its input features are ", to_text(kernel[2]), ", those of the input ", to_text(input[3])));
  Shape shape{input[0], 0, 0, kernel[3]};
  for (int64_t axis : {1, 2}) {
    if (!input[axis].is_static())
      fail_operand(operands, 0, cat("space axis ", axis, " must have a fixed size"));
    if (input[axis].coef > INT32_MAX) fail_operand(operands, 0, cat("space axis ", axis, " is too long"));
    shape[axis] = window_count(input[axis].coef + winograd.pad_low[axis - 1] + winograd.pad_high[axis - 1],
                               kWinogradTaps, 1);
  }
  return {Type(operands[0].dtype(), std::move(shape))};
}

void eval_winograd(const EvalContext& context, std::span<const Array* const> operands,
                   std::span<Array> results) {
  const WinogradAttrs& attrs = context.node.as<WinogradAttrs>();
  const xt::xarray<double>&x = operands[0]->real(), &u = operands[1]->real();
  xt::xarray<double>& y = results[0].real();
  const WinogradTransform& transform = winograd_transform(static_cast<int64_t>(u.shape()[0]));
  const int64_t size = transform.size, outputs = transform.outputs;
  const auto extent = [](const xt::xarray<double>& array, size_t axis) {
    return static_cast<int64_t>(array.shape()[axis]);
  };
  const std::array<int64_t, 2> in{extent(x, 1), extent(x, 2)}, out{extent(y, 1), extent(y, 2)};
  const int64_t inputs = extent(x, 3), features = extent(y, 3), products = size * size;

  /// The tile whose first result is at (row, column).
  const auto tile = [&](int64_t n, int64_t row, int64_t column) {
    std::vector<double> sums(static_cast<size_t>(features * products), 0);  // by feature
    for (int64_t c = 0; c < inputs; ++c) {
      std::vector<double> read(static_cast<size_t>(products), 0);
      for (int64_t i = 0; i < size; ++i)
        for (int64_t j = 0; j < size; ++j) {
          const int64_t at_row = row + i - attrs.pad_low[0], at_column = column + j - attrs.pad_low[1];
          if (at_row >= 0 && at_row < in[0] && at_column >= 0 && at_column < in[1])
            read[i * size + j] = x(n, at_row, at_column, c);
        }
      const std::vector<double> v = both_sides(transform.input, read);
      for (int64_t p = 0; p < products; ++p) {
        const double* factors = u.data() + (p * inputs + c) * features;
        for (int64_t k = 0; k < features; ++k) sums[k * products + p] += v[p] * factors[k];
      }
    }
    for (int64_t k = 0; k < features; ++k) {
      const auto first = sums.begin() + k * products;
      const std::vector<double> made =
          both_sides(transform.output, std::vector<double>(first, first + products));
      for (int64_t i = 0; i < std::min(outputs, out[0] - row); ++i)
        for (int64_t j = 0; j < std::min(outputs, out[1] - column); ++j)
          y(n, row + i, column + j, k) = made[i * outputs + j];
    }
  };
  for (int64_t n = 0; n < extent(y, 0); ++n)
    for (int64_t row = 0; row < out[0]; row += outputs)
      for (int64_t column = 0; column < out[1]; column += outputs) tile(n, row, column);
}

[[noreturn]] void no_gradient(const GradientArgs&) {
  throw Error(ErrorKind::unsupported, "the gradient of a winograd convolution is not available", {},
              "differentiate the conv that it was made of");
}

}  // namespace

constinit const OpDef def_winograd{
    .form = "(x: T[B,H,W,C], w: T[M+2,M+2,C,K]) -> T[B,H',W',K], T floats",
    .doc =
        "conv \"b01f_01io->b01f\" of 3 × 3 taps with stride 1, by Winograd's method: M × M results, M being 2 or "
        "4, from (M + 2)² products for each pair of features. `w` holds the transformed taps, G g Gᵀ "
        "(ir/winograd.h); M is told by its shape. An infinity or NaN in x may spread over its tile. The pass "
        "`winograd` makes it of a conv. Not differentiable itself.",
    .infer = infer_winograd,
    .gradient = no_gradient,
    .eval = eval_winograd,
};

}  // namespace keratin
