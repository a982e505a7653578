// dot and conv: values against the definition written out, what they refuse, gradients.
#include <gtest/gtest.h>

#include "ir/conv_axes.h"
#include "tests/ir/gradient_check.h"

namespace keratin::testing {
namespace {

Tensor contract(Op op, const Tensor& a, const Tensor& b, const Attrs& attrs) {
  return run({a.type(), b.type()}, {a, b},
             [&](Builder& builder, auto& p) { return std::vector{builder.make(op, p, attrs)}; })[0];
}

std::string error(const Type& a, const Type& b, Op op, const Attrs& attrs) {
  return error_of({a, b}, [&](Builder& builder, auto& p) { return std::vector{builder.make(op, p, attrs)}; });
}

// ---- dot ----

TEST(Dot, MultipliesMatrices) {
  const Tensor a = f32({2, 3}, {1, 2, 3, 4, 5, 6}), b = f32({3, 2}, {1, 0, 0, 1, 1, 1});
  EXPECT_EQ(contract(Op::dot, a, b, DotAttrs{{{1}, {0}}, {}}), f32({2, 2}, {4, 5, 10, 11}));
  EXPECT_EQ(contract(Op::dot, a, a, DotAttrs{{{0, 1}, {0, 1}}, {}}), f32({}, {91}));
  EXPECT_EQ(contract(Op::dot, f32({2}, {1, 2}), f32({2}, {3, 4}), DotAttrs{}), f32({2, 2}, {3, 4, 6, 8}));
  EXPECT_EQ(contract(Op::dot, f32({}, {3}), f32({2}, {1, 2}), DotAttrs{}), f32({2}, {3, 6}));
}

TEST(Dot, PutsBatchAxesFirst) {
  // y[n, i, j] = Σ_k a[i, n, k] b[k, j, n]
  const Tensor a = counting({2, 3, 2}), b = counting({2, 4, 3});
  const Tensor y = contract(Op::dot, a, b, DotAttrs{{{2}, {0}}, {{1}, {2}}});
  ASSERT_EQ(y.shape(), (std::vector<int64_t>{3, 2, 4}));
  for (int64_t n = 0; n < 3; ++n)
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t j = 0; j < 4; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < 2; ++k) sum += a.get((i * 3 + n) * 2 + k) * b.get((k * 4 + j) * 3 + n);
        EXPECT_EQ(y.get((n * 2 + i) * 4 + j), sum);
      }
}

TEST(Dot, WrapsIntegersAndAllowsEmptySums) {
  EXPECT_EQ(contract(Op::dot, tensor(DType::i8, {2}, {100, 100}), tensor(DType::i8, {2}, {1, 1}),
                     DotAttrs{{{0}, {0}}, {}}),
            tensor(DType::i8, {}, {-56}));
  EXPECT_EQ(
      contract(Op::dot, Tensor(DType::f32, {2, 0}), Tensor(DType::f32, {0, 2}), DotAttrs{{{1}, {0}}, {}}),
      f32({2, 2}, {0, 0, 0, 0}));
}

TEST(Dot, Refuses) {
  EXPECT_EQ(error(f32({kN, 3}), f32({4, 2}), Op::dot, DotAttrs{{{1}, {0}}, {}}),
            "dot: contract pairs axis 1 of f32[N,3] with axis 0 of f32[4,2]: 3 is not 4");
  EXPECT_EQ(error(f32({kN, 3}), f32({kT, 3}), Op::dot, DotAttrs{{{1}, {1}}, {{0}, {0}}}),
            "dot: batch pairs axis 0 of f32[N,3] with axis 0 of f32[T,3]: N is not T");
  EXPECT_EQ(error(f32({3, 3}), f32({3, 3}), Op::dot, DotAttrs{{{1}, {0}}, {{1}, {1}}}),
            "dot: batch and contract use axis 1 twice");
  EXPECT_EQ(error(f32({3}), f32({3}), Op::dot, DotAttrs{{{1}, {0}}, {}}),
            "dot: contract has 1, which is no axis of rank 1");
  EXPECT_EQ(error(f32({3}), i32({3}), Op::dot, DotAttrs{{{0}, {0}}, {}}),
            "dot: operand 1 is i32[3]: its dtype must be that of operand 0, f32");
}

TEST(DotGradient, OfManyForms) {
  Random random(11);
  auto check = [&](std::vector<int64_t> a, std::vector<int64_t> b, const DotAttrs& attrs,
                   std::vector<Type> types = {}) {
    check_gradient({Op::dot,
                    {random_tensor(random, std::move(a)), random_tensor(random, std::move(b))},
                    attrs,
                    std::move(types)});
  };
  check({2, 3}, {3, 4}, {{{1}, {0}}, {}}, {Type(DType::f64, {kN, 3}), Type(DType::f64, {3, 4})});
  check({3, 2}, {4, 3}, {{{0}, {1}}, {}});
  check({2, 3, 4}, {2, 4, 3}, {{{1, 2}, {2, 1}}, {}});
  check({2, 3, 4, 2}, {4, 2, 5, 2}, {{{2}, {0}}, {{0, 3}, {1, 3}}});
  check({2, 3, 2, 3}, {3, 2, 2, 2}, {{{3, 0}, {0, 2}}, {{2}, {1}}});
  check({3}, {2}, {});
  check({2, 3}, {2, 3}, {{{0, 1}, {0, 1}}, {}});
  check({2, 3, 4}, {2, 3, 4}, {{{2}, {2}}, {{0}, {0}}},
        {Type(DType::f64, {kN, kT, 4}), Type(DType::f64, {kN, kT, 4})});
}

// ---- conv ----

ConvAttrs conv_attrs(std::string dims, size_t space) {
  return {.dims = std::move(dims),
          .stride = Ints(space, 1),
          .pad_low = Ints(space, 0),
          .pad_high = Ints(space, 0),
          .input_dilation = Ints(space, 1),
          .kernel_dilation = Ints(space, 1)};
}

/// A two-dimensional convolution "b01f_01io->b01f" by its definition, on the dilated and padded input.
Tensor written_out(const Tensor& x, const Tensor& w, const ConvAttrs& a) {
  const auto &xs = x.shape(), &ws = w.shape();
  int64_t padded[2], size[2];
  for (int i : {0, 1}) {
    padded[i] = dilated(xs[i + 1], a.input_dilation[i]) + a.pad_low[i] + a.pad_high[i];
    size[i] = window_count(padded[i], dilated(ws[i], a.kernel_dilation[i]), a.stride[i]);
  }
  auto input = [&](int64_t b, int64_t row, int64_t column, int64_t f) {
    int64_t at[2] = {row - a.pad_low[0], column - a.pad_low[1]};
    for (int i : {0, 1}) {
      if (at[i] < 0 || at[i] % a.input_dilation[i] != 0) return 0.0;
      at[i] /= a.input_dilation[i];
      if (at[i] >= xs[i + 1]) return 0.0;
    }
    return x.get(((b * xs[1] + at[0]) * xs[2] + at[1]) * xs[3] + f);
  };
  const int64_t batch = xs[0] / a.batch_groups, outputs = ws[3];
  Tensor y(DType::f64, {batch, size[0], size[1], outputs});
  int64_t at = 0;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t row = 0; row < size[0]; ++row)
      for (int64_t column = 0; column < size[1]; ++column)
        for (int64_t o = 0; o < outputs; ++o) {
          double sum = 0;
          const int64_t g = o / (outputs / a.groups), p = o / (outputs / a.batch_groups);
          for (int64_t t = 0; t < ws[0]; ++t)
            for (int64_t u = 0; u < ws[1]; ++u)
              for (int64_t i = 0; i < ws[2]; ++i)
                sum += input(p * batch + b, row * a.stride[0] + t * a.kernel_dilation[0],
                             column * a.stride[1] + u * a.kernel_dilation[1], g * ws[2] + i) *
                       w.get(((t * ws[1] + u) * ws[2] + i) * ws[3] + o);
          y.set(at++, sum);
        }
  return y;
}

/// Configurations over x[4,5,6,F] and w[3,2,I,O].
struct Conv2D {
  Ints stride, pad_low, pad_high, input_dilation, kernel_dilation;
  int64_t groups = 1, batch_groups = 1, features = 2, outputs = 4;
};
std::vector<Conv2D> configurations() {
  return {
      {{1, 1}, {0, 0}, {0, 0}, {1, 1}, {1, 1}},
      {{2, 3}, {1, 0}, {1, 1}, {1, 1}, {1, 1}},
      {{1, 2}, {0, 2}, {2, 0}, {1, 1}, {2, 3}},
      {{1, 1}, {2, 1}, {1, 0}, {2, 3}, {1, 1}},
      {{2, 1}, {-1, 0}, {1, -2}, {1, 2}, {1, 2}},
      {{2, 2}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 2, 1, 4, 4},
      {{1, 1}, {1, 1}, {0, 0}, {1, 1}, {2, 1}, 4, 1, 4, 8},
      {{1, 2}, {1, 0}, {0, 1}, {2, 1}, {1, 1}, 1, 2, 2, 4},
      {{2, 1}, {0, 0}, {0, 0}, {1, 1}, {1, 2}, 1, 4, 1, 4},
  };
}
ConvAttrs attrs_of(const Conv2D& c, std::string dims = "b01f_01io->b01f") {
  return {.dims = std::move(dims),
          .stride = c.stride,
          .pad_low = c.pad_low,
          .pad_high = c.pad_high,
          .input_dilation = c.input_dilation,
          .kernel_dilation = c.kernel_dilation,
          .groups = c.groups,
          .batch_groups = c.batch_groups};
}

TEST(Conv, IsItsDefinition) {
  Random random(21);
  for (const Conv2D& c : configurations()) {
    const Tensor x = random_tensor(random, {4, 5, 6, c.features});
    const Tensor w = random_tensor(random, {3, 2, c.features / c.groups, c.outputs});
    const Tensor y = contract(Op::conv, x, w, attrs_of(c)), expected = written_out(x, w, attrs_of(c));
    ASSERT_EQ(y.shape(), expected.shape());
    for (int64_t i = 0; i < y.elements(); ++i) ASSERT_NEAR(y.get(i), expected.get(i), 1e-12);
  }
}

TEST(Conv, TakesAxesInAnyOrderAndNumber) {
  // One dimension, channels first: y[o, s] = Σ x[i, s + t] w[o, i, t]
  const Tensor x = f32({1, 2, 4}, {1, 2, 3, 4, 10, 20, 30, 40}), w = f32({1, 2, 2}, {1, -1, 0.5, 0});
  EXPECT_EQ(contract(Op::conv, x, w, conv_attrs("bf0_oi0->bf0", 1)), f32({1, 1, 3}, {4, 9, 14}));
  // None: a matrix product
  EXPECT_EQ(contract(Op::conv, f32({1, 2}, {1, 2}), f32({2, 2}, {1, 2, 3, 4}), conv_attrs("bf_io->bf", 0)),
            f32({1, 2}, {7, 10}));
  // Three
  Tensor ones(DType::f32, {1, 2, 2, 2, 1}), cube(DType::f32, {2, 2, 2, 1, 1});
  for (int64_t i = 0; i < 8; ++i) ones.set(i, 1), cube.set(i, static_cast<double>(i));
  EXPECT_EQ(contract(Op::conv, ones, cube, conv_attrs("b012f_012io->b012f", 3)), f32({1, 1, 1, 1, 1}, {28}));
}

TEST(Conv, WindowThatDoesNotFitGivesNothing) {
  EXPECT_EQ(contract(Op::conv, Tensor(DType::f32, {1, 2, 1}), Tensor(DType::f32, {3, 1, 1}),
                     conv_attrs("b0f_0io->b0f", 1)),
            Tensor(DType::f32, {1, 0, 1}));
}

TEST(Conv, Refuses) {
  const Type x = f32({kN, 8, 3}), w = f32({3, 3, 4});
  const ConvAttrs attrs = conv_attrs("b0f_0io->b0f", 1);
  auto with = [&](auto change) {
    ConvAttrs changed = attrs;
    change(changed);
    return changed;
  };
  EXPECT_EQ(error(x, w, Op::conv, attrs), "no error");
  EXPECT_EQ(
      error(x, f32({3, 2, 4}), Op::conv, attrs),
      "conv: operand 1 is f32[3,2,4]: its input feature dimension is 2, but each group of the input has 3");
  EXPECT_EQ(error(x, w, Op::conv, with([](ConvAttrs& a) { a.groups = 2; })),
            "conv: the input's feature dimension, 3, is not a multiple of groups, 2");
  EXPECT_EQ(error(x, f32({3, 1, 4}), Op::conv, with([](ConvAttrs& a) { a.groups = 3; })),
            "conv: the kernel's output feature dimension, 4, is not a multiple of groups, 3");
  EXPECT_EQ(error(x, w, Op::conv, with([](ConvAttrs& a) { a.batch_groups = 2; })),
            "conv: the batch, N, is not a multiple of batch_groups, 2");
  EXPECT_EQ(error(x, w, Op::conv, with([](ConvAttrs& a) { a.stride = {0}; })),
            "conv: stride has 0, expected at least 1");
  EXPECT_EQ(error(x, w, Op::conv, with([](ConvAttrs& a) { a.kernel_dilation = {int64_t{1} << 62}; })),
            "conv: kernel_dilation has 4611686018427387904, expected at most 2147483647");
  EXPECT_EQ(error(x, w, Op::conv, with([](ConvAttrs& a) { a.pad_low = {}; })),
            "conv: pad_low has 0 entries, expected 1");
  EXPECT_EQ(error(x, f32({kT, 3, 4}), Op::conv, attrs),
            "conv: operand 1 is f32[T,3,4]: the kernel's axis 0 must have a fixed size");
  EXPECT_EQ(error(f32({4, kT, 3}), w, Op::conv, with([](ConvAttrs& a) { a.batch_groups = 2; })),
            "conv: batch_groups are for space axes of fixed length");
  EXPECT_EQ(error(x, f32({3, 3}), Op::conv, attrs), "conv: operand 1 is f32[3,3]: its rank must be 3");
  for (const char* dims :
       {"", "b0f", "b0f_0io", "b0f_0io->b00f", "b0f_0io->bf", "b1f_1io->b1f", "bbf_0io->b0f"})
    EXPECT_TRUE(error(x, w, Op::conv, with([&](ConvAttrs& a) { a.dims = dims; }))
                    .starts_with(cat("conv: dims is \"", dims, "\": it must name each axis")))
        << dims;
}

TEST(ConvGradient, OfManyForms) {
  Random random(22);
  for (const Conv2D& c : configurations())
    check_gradient({Op::conv,
                    {random_tensor(random, {4, 5, 6, c.features}),
                     random_tensor(random, {3, 2, c.features / c.groups, c.outputs})},
                    attrs_of(c),
                    {Type(DType::f64, {Dim(4, kN.symbol), 5, 6, c.features}),
                     Type(DType::f64, {3, 2, c.features / c.groups, c.outputs})}});
}

TEST(ConvGradient, OfAxesInAnyOrder) {
  Random random(23);
  for (const auto& [dims, x, w] :
       {std::tuple{"f1b0_o1i0->1fb0", std::vector<int64_t>{4, 6, 2, 5}, std::vector<int64_t>{4, 2, 2, 3}},
        {"bf01_oi01->bf01", {2, 4, 5, 6}, {4, 2, 3, 2}},
        {"0b1f_i0o1->f1b0", {5, 2, 6, 4}, {2, 3, 6, 2}}}) {
    Conv2D c{{2, 1}, {1, 0}, {0, 1}, {1, 2}, {1, 2}, 2};
    check_gradient({Op::conv, {random_tensor(random, x), random_tensor(random, w)}, attrs_of(c, dims)});
  }
}

TEST(ConvGradient, OfOneAndThreeSpaceAxes) {
  Random random(24);
  ConvAttrs one = conv_attrs("b0f_0io->b0f", 1);
  one.stride = {3};
  check_gradient({Op::conv, {random_tensor(random, {2, 8, 2}), random_tensor(random, {2, 2, 3})}, one});
  check_gradient({Op::conv,
                  {random_tensor(random, {1, 3, 3, 4, 2}), random_tensor(random, {2, 2, 3, 2, 2})},
                  conv_attrs("b012f_012io->b012f", 3)});
}

}  // namespace
}  // namespace keratin::testing
