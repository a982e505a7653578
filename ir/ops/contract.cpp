// Contractions: sums of products.
//
// dot multiplies two arrays and sums over the contracted axes; batch axes run in step. The result's axes are the batch
// axes (as listed), then the left operand's other axes, then the right one's.
//
// conv correlates over any number of space axes. With x dilated by `input_dilation` and padded, and along each space axis
//     extent = (kernel - 1) · kernel_dilation + 1
//     result = (padded input - extent) / stride + 1, rounded down; 0 if the window does not fit
//     y[b, s, o] = Σ x[b, s · stride + t · kernel_dilation, g · I + i] · w[t, i, o]   over t and i < I
// where output feature o belongs to group g: the features are cut into `groups` runs of I input features and of O / groups
// output ones. With `batch_groups` it is the batch that is cut: o in run g reads batch entry g · B / batch_groups + b. At most
// one of the two is not 1.
//
// Sums run over ascending indices in f64; integers wrap. All axes of the input may have symbols; those of the kernel that slide may not.
//
// Gradients are contractions again: of a dot, the two dots that contract what the other one kept; of conv, in x the
// correlation of dy, dilated by the stride, with the reversed kernel, and in w the correlation of x with dy, for which batch
// and features change places.
#include <algorithm>

#include "ir/array.h"
#include "ir/conv_axes.h"
#include "ir/conv_taps.h"
#include "ir/ops/elements.h"
#include "ir/ops/rules.h"

namespace keratin {
namespace {

using namespace rules;
using elements::for_each_index;

using Inputs = std::span<const Array* const>;
using Outputs = std::span<Array>;

// ---- dot ----

Ints sorted(Ints axes) {
  std::ranges::sort(axes);
  return axes;
}

/// The axes that a dot keeps of one operand.
Ints kept_axes(const Ints& batch, const Ints& contract, int64_t rank) {
  Ints used = batch;
  used.insert(used.end(), contract.begin(), contract.end());
  return other_axes(sorted(used), rank);
}

void expect_pairs(Operands operands, std::string_view name, const AxisPairs& pairs) {
  if (pairs.lhs.size() != pairs.rhs.size())
    fail(cat(name, " pairs ", pairs.lhs.size(), " axes with ", pairs.rhs.size()));
  for (size_t i = 0; i < pairs.lhs.size(); ++i) {
    expect_axis(name, pairs.lhs[i], operands[0].rank());
    expect_axis(name, pairs.rhs[i], operands[1].rank());
    const Dim left = operands[0].shape()[pairs.lhs[i]], right = operands[1].shape()[pairs.rhs[i]];
    if (left != right)
      throw_unequal(
          Error(ErrorKind::data, cat(name, " pairs axis ", pairs.lhs[i], " of ", to_text(operands[0].type()),
                                     " with axis ", pairs.rhs[i], " of ", to_text(operands[1].type()), ": ",
                                     to_text(left), " is not ", to_text(right))),
          {left}, {right});
  }
}

void expect_used_once(Ints batch, const Ints& contract) {
  batch.insert(batch.end(), contract.begin(), contract.end());
  const Ints used = sorted(std::move(batch));
  if (auto twice = std::ranges::adjacent_find(used); twice != used.end())
    fail(cat("batch and contract use axis ", *twice, " twice"));
}

std::vector<Type> infer_dot(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 2);
  expect_dtype(operands, 0, kNumbers);
  expect_same_dtype(operands, 1);
  const DotAttrs& dot = attrs_as<DotAttrs>(attrs);
  expect_pairs(operands, "batch", dot.batch);
  expect_pairs(operands, "contract", dot.contract);
  expect_used_once(dot.batch.lhs, dot.contract.lhs);
  expect_used_once(dot.batch.rhs, dot.contract.rhs);

  Shape shape;
  for (int64_t axis : dot.batch.lhs) shape.push_back(operands[0].shape()[axis]);
  for (int64_t axis : kept_axes(dot.batch.lhs, dot.contract.lhs, operands[0].rank()))
    shape.push_back(operands[0].shape()[axis]);
  for (int64_t axis : kept_axes(dot.batch.rhs, dot.contract.rhs, operands[1].rank()))
    shape.push_back(operands[1].shape()[axis]);
  return {Type(operands[0].dtype(), std::move(shape))};
}

/// The elements of an array that holds Ts.
template <typename T>
const xt::xarray<T>& get(const Array& array) {
  return std::get<xt::xarray<T>>(array.data);
}
template <typename T>
xt::xarray<T>& get(Array& array) {
  return std::get<xt::xarray<T>>(array.data);
}

/// `x` with its axes in the order of the groups one after the other, each group one axis of the result.
template <typename T, size_t kGroups>
xt::xarray<T> grouped(const xt::xarray<T>& x, const std::array<Ints, kGroups>& groups) {
  Ints order;
  std::vector<size_t> shape;
  for (const Ints& axes : groups) {
    shape.push_back(1);
    for (int64_t axis : axes) shape.back() *= x.shape()[axis];
    order.insert(order.end(), axes.begin(), axes.end());
  }
  xt::xarray<T> result = xt::transpose(x, order);
  result.reshape(shape);
  return result;
}

/// to[j] += Σ factors[i] · rows[i · step + j], one i after the other: the order of each sum is that of i. Four rows at a time
/// go by while a part of `to` is in registers.
template <typename T>
void add_scaled(T* to, size_t count, const T* factors, const T* rows, size_t step, size_t terms) {
  using elements::plus, elements::times;
  for (; terms >= 4; terms -= 4, factors += 4, rows += 4 * step) {
    const T *r0 = rows, *r1 = r0 + step, *r2 = r1 + step, *r3 = r2 + step;
    const T f0 = factors[0], f1 = factors[1], f2 = factors[2], f3 = factors[3];
    for (size_t j = 0; j < count; ++j)
      to[j] = plus(plus(plus(plus(to[j], times(f0, r0[j])), times(f1, r1[j])), times(f2, r2[j])),
                   times(f3, r3[j]));
  }
  for (; terms > 0; --terms, ++factors, rows += step)
    for (size_t j = 0; j < count; ++j) to[j] = plus(to[j], times(*factors, rows[j]));
}

template <typename T>
void dot(const DotAttrs& attrs, const Array& lhs, const Array& rhs, Array& result) {
  const int64_t lhs_rank = static_cast<int64_t>(lhs.shape().size());
  const int64_t rhs_rank = static_cast<int64_t>(rhs.shape().size());
  const xt::xarray<T> a =  // [batch, row, k]
      grouped<T, 3>(get<T>(lhs), {attrs.batch.lhs, kept_axes(attrs.batch.lhs, attrs.contract.lhs, lhs_rank),
                                  attrs.contract.lhs});
  const xt::xarray<T> b =  // [batch, k, column]
      grouped<T, 3>(get<T>(rhs), {attrs.batch.rhs, attrs.contract.rhs,
                                  kept_axes(attrs.batch.rhs, attrs.contract.rhs, rhs_rank)});
  const size_t rows = a.shape()[1], depth = a.shape()[2], columns = b.shape()[2];
  T* out = get<T>(result).data();
  for (size_t n = 0; n < a.shape()[0]; ++n)
    for (size_t row = 0; row < rows; ++row, out += columns)
      add_scaled(out, columns, a.data() + (n * rows + row) * depth, b.data() + n * depth * columns, columns,
                 depth);
}

void eval_dot(const EvalContext& context, Inputs x, Outputs y) {
  const DotAttrs& attrs = context.node.as<DotAttrs>();
  if (is_float(y[0].dtype))
    dot<double>(attrs, *x[0], *x[1], y[0]);
  else
    dot<int64_t>(attrs, *x[0], *x[1], y[0]);
}

Ints run(int64_t from, size_t count) {
  Ints axes(count);
  for (size_t i = 0; i < count; ++i) axes[i] = from + static_cast<int64_t>(i);
  return axes;
}

/// The gradient of one operand of a dot: dy times the other operand, contracted over what the other one kept. `kept_from`
/// is where the kept axes of the *other* operand start in dy.
Value dot_gradient(const GradientArgs& g, const Ints& batch, const Ints& contract, Value other,
                   const Ints& other_batch, const Ints& other_contract, size_t kept_from, bool dy_first) {
  const Value dy = g.result_gradients[0];
  const Ints other_kept = kept_axes(other_batch, other_contract, other.rank());
  const Ints dy_batch = run(0, batch.size()),
             dy_kept = run(static_cast<int64_t>(kept_from), other_kept.size());
  Value product;
  if (dy_first)
    product = g.builder.make(Op::dot, {dy, other}, DotAttrs{{dy_kept, other_kept}, {dy_batch, other_batch}});
  else
    product = g.builder.make(Op::dot, {other, dy}, DotAttrs{{other_kept, dy_kept}, {other_batch, dy_batch}});

  // The product's axes are the operand's in another order: batch, then what dy and the other operand had left.
  const int64_t rank = product.rank();
  Ints order = batch;
  const Ints own_kept = kept_axes(batch, contract, rank);
  Ints own_contract;  // in the order of the other operand's axes
  for (int64_t axis : sorted(other_contract))
    own_contract.push_back(contract[std::ranges::find(other_contract, axis) - other_contract.begin()]);
  const auto append = [&order](const Ints& axes) { order.insert(order.end(), axes.begin(), axes.end()); };
  append(dy_first ? own_kept : own_contract);
  append(dy_first ? own_contract : own_kept);

  Ints perm(order.size());
  for (size_t i = 0; i < order.size(); ++i) perm[order[i]] = static_cast<int64_t>(i);
  return std::ranges::is_sorted(perm) ? product : g.builder.transpose(product, perm);
}

void gradient_of_dot(const GradientArgs& g) {
  const DotAttrs& dot = g.node.as<DotAttrs>();
  const size_t batch = dot.batch.lhs.size();
  const size_t lhs_kept = kept_axes(dot.batch.lhs, dot.contract.lhs, g.operands[0].rank()).size();
  if (g.wanted[0])
    accumulate(g, 0,
               dot_gradient(g, dot.batch.lhs, dot.contract.lhs, g.operands[1], dot.batch.rhs,
                            dot.contract.rhs, batch + lhs_kept, true));
  if (g.wanted[1])
    accumulate(g, 1,
               dot_gradient(g, dot.batch.rhs, dot.contract.rhs, g.operands[0], dot.batch.lhs,
                            dot.contract.lhs, batch, false));
}

// ---- conv ----

/// dim / parts; `what` is cut.
Dim cut(std::string_view what, Dim dim, int64_t parts, std::string_view name) {
  if (dim.coef % parts != 0)
    fail(cat(what, ", ", to_text(dim), ", is not a multiple of ", name, ", ", parts));
  return Dim(dim.coef / parts, dim.symbol);
}

Dim space_extent(Operands operands, size_t i, int64_t axis) {
  const Dim dim = operands[i].shape()[axis];
  if (dim.coef > INT32_MAX) fail_operand(operands, i, cat("space axis ", axis, " is too long"));
  return dim;
}

std::vector<Type> infer_conv(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 2);
  expect_dtype(operands, 0, kNumbers);
  expect_same_dtype(operands, 1);
  const ConvAttrs& conv = attrs_as<ConvAttrs>(attrs);
  const ConvAxes axes = parse_conv_axes(conv.dims);
  const int64_t space = axes.space_rank();
  for (size_t i : {0, 1}) expect_rank(operands, i, space + 2);
  for (const auto& [name, values, least] : {std::tuple{"stride", &conv.stride, 1},
                                            {"input_dilation", &conv.input_dilation, 1},
                                            {"kernel_dilation", &conv.kernel_dilation, 1},
                                            {"pad_low", &conv.pad_low, INT32_MIN},
                                            {"pad_high", &conv.pad_high, INT32_MIN}}) {
    expect_entries(name, *values, space);
    expect_all_between(name, *values, least, INT32_MAX);  // so that no size below overflows
  }
  if (conv.groups < 1 || conv.batch_groups < 1) fail("groups and batch_groups must be at least 1");
  if (conv.groups > 1 && conv.batch_groups > 1) fail("groups and batch_groups cannot both be above 1");

  const Shape& input = operands[0].shape();
  const Shape& kernel = operands[1].shape();
  const bool is_free =
      std::ranges::any_of(axes.input.space, [&](int64_t axis) { return !input[axis].is_static(); });
  if (is_free && !(input[axes.input.feature].is_static() && kernel[axes.kernel.feature].is_static()))
    fail("its features must be of a fixed number if it slides along an axis of free length");
  if (is_free && conv.batch_groups > 1) fail("batch_groups are for space axes of fixed length");
  const Dim features = cut("the input's feature dimension", input[axes.input.feature], conv.groups, "groups");
  if (features != kernel[axes.kernel.batch])
    fail_operand(operands, 1,
                 cat("its input feature dimension is ", to_text(kernel[axes.kernel.batch]),
                     ", but each group of the input has ", to_text(features)));
  cut("the kernel's output feature dimension", kernel[axes.kernel.feature], conv.groups * conv.batch_groups,
      conv.groups > 1 ? "groups" : "batch_groups");

  Shape shape(input.size());
  shape[axes.output.batch] = cut("the batch", input[axes.input.batch], conv.batch_groups, "batch_groups");
  shape[axes.output.feature] = kernel[axes.kernel.feature];
  for (int64_t i = 0; i < space; ++i) {
    const Dim padded = *sum(dilated(space_extent(operands, 0, axes.input.space[i]), conv.input_dilation[i]),
                            conv.pad_low[i] + conv.pad_high[i]);
    const Dim taps = space_extent(operands, 1, axes.kernel.space[i]);
    if (!taps.is_static()) fail_operand(operands, 1, cat("the kernel's axis ", i, " must have a fixed size"));
    const int64_t extent = dilated(taps.value(), conv.kernel_dilation[i]);
    shape[axes.output.space[i]] = window_count(padded, extent, conv.stride[i]);
  }
  return {Type(operands[0].dtype(), std::move(shape))};
}

/// Where window element `t` of window `s` lies in the input; -1: in the padding or between elements.
int64_t input_place(const ConvAttrs& conv, size_t axis, int64_t s, int64_t t, int64_t size) {
  const int64_t at = s * conv.stride[axis] + t * conv.kernel_dilation[axis] - conv.pad_low[axis];
  const int64_t dilation = conv.input_dilation[axis];
  return at < 0 || at % dilation != 0 || at / dilation >= size ? -1 : at / dilation;
}

/// One position of the kernel against one of the result, all features: the operands' rows of features are contiguous.
template <typename T>
struct ConvRows {
  const T* input;      // of the first batch group
  int64_t batch_step;  // from batch group to batch group
  const T* kernel;     // [input feature, output feature]
  T* result;
};

template <typename T>
void add_position(const ConvAttrs& conv, const ConvRows<T>& rows, size_t inputs, size_t outputs) {
  const size_t run = outputs / static_cast<size_t>(conv.groups * conv.batch_groups);
  for (int64_t g = 0; g < conv.groups; ++g)
    for (int64_t p = 0; p < conv.batch_groups; ++p) {
      const T* x = rows.input + g * static_cast<int64_t>(inputs) + p * rows.batch_step;
      const size_t first = static_cast<size_t>(g + p) * run;  // one of the two is 0
      add_scaled(rows.result + first, run, x, rows.kernel + first, outputs, inputs);
    }
}

template <typename T>
void conv(const ConvAttrs& attrs, const Array& input, const Array& kernel, Array& result) {
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  const xt::xarray<T> x =
      grouped<T, 3>(get<T>(input), {Ints{axes.input.batch}, axes.input.space, Ints{axes.input.feature}});
  const xt::xarray<T> w =
      grouped<T, 3>(get<T>(kernel), {axes.kernel.space, Ints{axes.kernel.batch}, Ints{axes.kernel.feature}});
  auto sizes = [](const Array& array, const Ints& of) {
    const std::vector<int64_t> shape = array.shape();
    std::vector<int64_t> sizes;
    for (int64_t axis : of) sizes.push_back(shape[axis]);
    return sizes;
  };
  const std::vector<int64_t> x_space = sizes(input, axes.input.space),
                             w_space = sizes(kernel, axes.kernel.space),
                             y_space = sizes(result, axes.output.space);
  const std::vector<int64_t> strides = elements::row_major_strides(x_space);
  const size_t features = x.shape()[2], inputs = w.shape()[1], outputs = w.shape()[2];
  const int64_t entry = static_cast<int64_t>(x.shape()[1] * features);
  const int64_t batch = result.shape()[axes.output.batch];

  std::vector<size_t> y_shape{static_cast<size_t>(batch)};
  y_shape.insert(y_shape.end(), y_space.begin(), y_space.end());
  y_shape.push_back(outputs);
  xt::xarray<T> y(y_shape, T{0});        // [batch, space…, feature]
  const std::vector<T> zeros(features);  // read outside the input: 0 · NaN is NaN there as elsewhere
  T* row = y.data();
  for (int64_t n = 0; n < batch; ++n)
    for_each_index(y_space, [&](const std::vector<int64_t>& s) {
      const T* taps = w.data();
      for_each_index(w_space, [&](const std::vector<int64_t>& t) {
        int64_t place = 0;
        for (size_t axis = 0; axis < s.size() && place >= 0; ++axis) {
          const int64_t at = input_place(attrs, axis, s[axis], t[axis], x_space[axis]);
          place = at < 0 ? -1 : place + at * strides[axis];
        }
        ConvRows<T> rows{zeros.data(), 0, taps, row};
        if (place >= 0) {
          rows.input = x.data() + n * entry + place * static_cast<int64_t>(features);
          rows.batch_step = batch * entry;
        }
        add_position(attrs, rows, inputs, outputs);
        taps += inputs * outputs;
      });
      row += outputs;
    });

  Ints perm(y_shape.size());
  perm[axes.output.batch] = 0;
  for (size_t i = 0; i < y_space.size(); ++i) perm[axes.output.space[i]] = static_cast<int64_t>(i) + 1;
  perm[axes.output.feature] = static_cast<int64_t>(y_shape.size()) - 1;
  get<T>(result) = xt::transpose(y, perm);
}

void eval_conv(const EvalContext& context, Inputs x, Outputs y) {
  const ConvAttrs& attrs = context.node.as<ConvAttrs>();
  if (is_float(y[0].dtype))
    conv<double>(attrs, *x[0], *x[1], y[0]);
  else
    conv<int64_t>(attrs, *x[0], *x[1], y[0]);
}

/// `text` with each letter of `from` replaced by the one of `to` in the same place.
std::string renamed(std::string_view text, std::string_view from, std::string_view to) {
  std::string result(text);
  for (char& letter : result)
    if (size_t at = from.find(letter); at != std::string_view::npos) letter = to[at];
  return result;
}

struct DimsText {
  std::string_view input, kernel, output;
  explicit DimsText(std::string_view dims)
      : input(dims.substr(0, dims.find('_'))),
        kernel(dims.substr(input.size() + 1, dims.find("->") - input.size() - 1)),
        output(dims.substr(dims.find("->") + 2)) {}
};

/// Axis `from` cut into `parts` runs, of which the number becomes the slow part of axis `to`: [from: p·n, to: m] to
/// [from: n, to: p·m].
Value move_runs(Builder& b, Value x, int64_t from, int64_t to, int64_t parts) {
  if (parts == 1) return x;
  Shape split = x.shape(), merged = x.shape();
  merged[from].coef /= parts;
  merged[to].coef *= parts;
  split[from].coef /= parts;
  split.insert(split.begin() + from, Dim(parts));
  Ints perm = run(0, split.size());
  perm.erase(perm.begin() + from);
  perm.insert(perm.begin() + to, from);
  return b.reshape(b.transpose(b.reshape(x, split), perm), merged);
}

/// The correlation of dy, spread by the stride, with the reversed kernel whose features have changed roles.
Value conv_input_gradient(const GradientArgs& g) {
  Builder& b = g.builder;
  const ConvAttrs& conv = g.node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(conv.dims);
  const DimsText dims(conv.dims);
  const Value input = g.operands[0], kernel = g.operands[1], dy = g.result_gradients[0];

  const int64_t runs = conv.groups * conv.batch_groups;
  ConvAttrs back{.dims = cat(dims.output, "_", renamed(dims.kernel, "io", "oi"), "->", dims.input),
                 .stride = conv.input_dilation,
                 .input_dilation = conv.stride,
                 .kernel_dilation = conv.kernel_dilation,
                 .groups = runs};
  Ints reversed;
  for (int64_t i = 0; i < axes.space_rank(); ++i) {
    const int64_t extent = dilated(kernel.shape()[axes.kernel.space[i]].value(), conv.kernel_dilation[i]);
    const int64_t before = extent - 1 - conv.pad_low[i];
    back.pad_low.push_back(before);
    // What the stride leaves over of a free axis is not known: this is for the most that it can be.
    const Dim spread = *sum(dilated(dy.shape()[axes.output.space[i]], conv.stride[i]), -conv.pad_low[i]);
    back.pad_high.push_back(
        -*least_difference(spread, dilated(input.shape()[axes.input.space[i]], conv.input_dilation[i])));
    if (extent > 1) reversed.push_back(axes.kernel.space[i]);
  }
  std::ranges::sort(reversed);

  Value taps = reversed.empty() ? kernel : b.make(Op::reverse, {kernel}, AxesAttrs{reversed});
  taps = move_runs(b, taps, axes.kernel.feature, axes.kernel.batch, runs);
  Value dx = b.make(Op::conv, {dy, taps}, std::move(back));
  Shape wanted = dx.shape();
  for (const int64_t axis : axes.input.space) wanted[axis] = input.shape()[axis];
  if (wanted != dx.shape()) dx = b.slice(dx, Ints(dx.rank(), 0), wanted);
  return move_runs(b, dx, axes.input.feature, axes.input.batch, conv.batch_groups);
}

/// The correlation of x with dy, dilated by the stride: x's features are the batch, the batch is what is summed over.
Value conv_kernel_gradient(const GradientArgs& g) {
  const ConvAttrs& conv = g.node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(conv.dims);
  const DimsText dims(conv.dims);
  const Value input = g.operands[0], kernel = g.operands[1], dy = g.result_gradients[0];
  for (const int64_t axis : axes.input.space)
    if (!input.shape()[axis].is_static())
      return Taps(g.builder, conv, input, kernel.shape(), dy.shape()).kernel_gradient(dy);

  ConvAttrs back{.dims = cat(renamed(dims.input, "bf", "fb"), "_", renamed(dims.output, "bf", "io"), "->",
                             renamed(dims.kernel, "io", "bf")),
                 .stride = conv.kernel_dilation,
                 .pad_low = conv.pad_low,
                 .input_dilation = conv.input_dilation,
                 .kernel_dilation = conv.stride,
                 .groups = conv.batch_groups,
                 .batch_groups = conv.groups};
  for (int64_t i = 0; i < axes.space_rank(); ++i)
    back.pad_high.push_back(dilated(kernel.shape()[axes.kernel.space[i]].value(), conv.kernel_dilation[i]) -
                            1 + dilated(dy.shape()[axes.output.space[i]].value(), conv.stride[i]) -
                            dilated(input.shape()[axes.input.space[i]].value(), conv.input_dilation[i]) -
                            conv.pad_low[i]);
  return g.builder.make(Op::conv, {input, dy}, std::move(back));
}

void gradient_of_conv(const GradientArgs& g) {
  if (g.wanted[0]) accumulate(g, 0, conv_input_gradient(g));
  if (g.wanted[1]) accumulate(g, 1, conv_kernel_gradient(g));
}

}  // namespace

constinit const OpDef def_dot{
    .form = "(a: T[A], b: T[B]) -> T[batch, rest of A, rest of B], T numbers",
    .doc =
        "Sums of products: axis contract.lhs[i] of a runs together with axis contract.rhs[i] of b, and so "
        "do the batch axes, which the result keeps. The axes of the result are the batch axes, what is left "
        "of a, what is left of b. Gradient: two dots.",
    .infer = infer_dot,
    .gradient = gradient_of_dot,
    .eval = eval_dot,
};

constinit const OpDef def_conv{
    .form = "(x: T[X], w: T[W]) -> T[by dims], T numbers",
    .doc =
        "Correlation over any number of space axes. `dims` names the axes of x, w and the result: b batch, "
        "f feature, 0 1 2 space; in w i and o, the features in and out: \"b01f_01io->b01f\" is Keras's "
        "Conv2D. Along each space axis the result has floor((padded - extent) / stride) + 1 places, where "
        "padded is the dilated x with its padding and extent = (kernel - 1) · kernel_dilation + 1. `groups` "
        "cuts the features, `batch_groups` the batch. Gradient: two convs.",
    .infer = infer_conv,
    .gradient = gradient_of_conv,
    .eval = eval_conv,
};

}  // namespace keratin
