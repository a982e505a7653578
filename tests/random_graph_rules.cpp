// The table of random graphs: for each op, how to draw attributes and operands that fit.
//
// A rule picks its first operand among what there is, draws attributes for that, and asks for further operands of the
// types that then follow. Drawer::add() has the last word; what it refuses costs one attempt.
#include <algorithm>
#include <numeric>

#include "ir/conv_axes.h"
#include "ir/op.h"
#include "ir/text.h"
#include "tests/random_graph_drawer.h"

namespace keratin::testing {
namespace {

using namespace rules;

Ints zeros(int64_t count) { return Ints(count, 0); }
Ints ones(int64_t count) { return Ints(count, 1); }

/// 0 … count-1 in any order.
Ints permutation(Dice& dice, int64_t count) {
  Ints order(count);
  std::iota(order.begin(), order.end(), 0);
  dice.shuffle(order);
  return order;
}

/// Some of the axes, sorted.
Ints some_axes(Dice& dice, int64_t rank) {
  Ints axes;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (dice.chance(0.5)) axes.push_back(axis);
  return axes;
}

Shape with_axis(Shape shape, int64_t axis, Dim dim) {
  shape[axis] = dim;
  return shape;
}

// Pointwise.

template <const DTypeSet& kSet>
bool unary(Drawer& d, Op op) {
  return d.add(op, {d.some(kSet)}) != nullptr;
}

/// Ops that are steep or undefined at 0 and below: often with an operand that is not there.
bool unary_positive(Drawer& d, Op op) {
  Value x = d.some(kFloats);
  if (!x) return false;
  if (d.dice().chance(0.6)) {
    const Node* size = d.add(Op::abs, {x});
    const Node* least = d.add(Op::broadcast, {d.number(x.dtype(), 0.25)}, BroadcastAttrs{{}, x.shape()});
    const Node* positive = size && least ? d.add(Op::add, {size->value(), least->value()}) : nullptr;
    if (positive) x = positive->value();
  }
  return d.add(op, {x}) != nullptr;
}

template <const DTypeSet& kSet>
bool binary(Drawer& d, Op op) {
  const Value a = d.some(kSet);
  if (!a) return false;
  const Value b = d.like(a.type());
  return d.dice().chance(0.5) ? d.add(op, {a, b}) != nullptr : d.add(op, {b, a}) != nullptr;
}

bool draw_cast(Drawer& d, Op op) {
  const Value x = d.some(kAny);
  return x && d.add(op, {x}, CastAttrs{*d.dtype(kAny)});
}

bool draw_select(Drawer& d, Op op) {
  const Value a = d.some(kAny);
  if (!a) return false;
  const Value predicate = d.like(Type(DType::boolean, a.shape()));
  return d.add(op, {predicate, a, d.like(a.type())}) != nullptr;
}

// Reductions, contractions, windows.

template <const DTypeSet& kSet>
bool draw_reduce(Drawer& d, Op op) {
  const Value x = d.some(kSet, 1);
  return x && d.add(op, {x}, AxesAttrs{some_axes(d.dice(), x.rank())});
}

bool draw_arg(Drawer& d, Op op) {
  const Value x = d.some(kNumbers, 1);
  return x && d.add(op, {x}, AxesAttrs{{d.dice().below(x.rank())}});
}

bool draw_dot(Drawer& d, Op op) {
  Dice& dice = d.dice();
  const Value lhs = d.some(kNumbers, 1);
  if (!lhs) return false;
  // The right operand's axes: those of the left one that are paired, and new ones, in any order.
  DotAttrs attrs;
  Shape shape;
  for (int64_t axis : permutation(dice, lhs.rank())) {
    AxisPairs& pairs = dice.chance(0.3) ? attrs.batch : attrs.contract;
    if (!pairs.lhs.empty() && dice.chance(0.6)) continue;
    pairs.lhs.push_back(axis);
  }
  const Shape kept = d.shape(0, 2);
  const int64_t rank = static_cast<int64_t>(attrs.batch.lhs.size() + attrs.contract.lhs.size() + kept.size());
  const Ints order = permutation(dice, rank);
  shape.resize(rank);
  int64_t next = 0;
  for (AxisPairs* pairs : {&attrs.batch, &attrs.contract})
    for (int64_t axis : pairs->lhs) {
      pairs->rhs.push_back(order[next]);
      shape[order[next++]] = lhs.shape()[axis];
    }
  for (Dim dim : kept) shape[order[next++]] = dim;
  const Value rhs = d.like(Type(lhs.dtype(), shape));
  return d.add(op, {lhs, rhs}, attrs) != nullptr;
}

/// The kernel's or the result's axes in Keras's order or in any.
std::string axis_order(Dice& dice, std::string axes) {
  std::vector<char> order(axes.begin(), axes.end());
  if (dice.chance(0.5)) dice.shuffle(order);
  return std::string(order.begin(), order.end());
}

bool draw_conv(Drawer& d, Op op) {
  Dice& dice = d.dice();
  const Value x = d.some(kNumbers, 3);
  if (!x) return false;
  // Which axis is what: batch, feature, space. Free lengths can only be the first two.
  Ints roles = permutation(dice, x.rank());
  std::ranges::stable_partition(roles, [&](int64_t axis) { return !x.shape()[axis].is_static(); });
  const int64_t space = x.rank() - 2;
  const std::string places = std::string("012").substr(0, space), names = cat("bf", places);
  std::string input(x.rank(), ' ');
  for (int64_t i = 0; i < x.rank(); ++i) input[roles[i]] = names[i];
  const Dim batch = x.shape()[roles[0]], features = x.shape()[roles[1]];

  ConvAttrs attrs;
  attrs.dims =
      cat(input, "_", axis_order(dice, cat(places, "io")), "->", axis_order(dice, cat("b", places, "f")));
  for (int64_t parts : {3, 2}) {
    if (attrs.groups * attrs.batch_groups > 1 || dice.chance(0.5)) continue;
    if (features.coef % parts == 0)
      attrs.groups = parts;
    else if (batch.coef % parts == 0)
      attrs.batch_groups = parts;
  }
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  Shape kernel(x.rank());
  kernel[axes.kernel.batch] = Dim(features.coef / attrs.groups, features.symbol);
  kernel[axes.kernel.feature] = dice.between(1, 5) * attrs.groups * attrs.batch_groups;
  for (int64_t i = 0; i < space; ++i) {
    kernel[axes.kernel.space[i]] = dice.between(1, 3);
    attrs.stride.push_back(dice.chance(0.6) ? 1 : dice.between(2, 3));
    attrs.pad_low.push_back(dice.between(dice.chance(0.1) ? -1 : 0, 2));
    attrs.pad_high.push_back(dice.between(dice.chance(0.1) ? -1 : 0, 2));
    attrs.input_dilation.push_back(dice.chance(0.8) ? 1 : 2);
    attrs.kernel_dilation.push_back(dice.chance(0.8) ? 1 : 2);
  }
  return d.add(op, {x, d.like(Type(x.dtype(), kernel))}, attrs) != nullptr;
}

bool draw_winograd(Drawer& d, Op op) {
  Dice& dice = d.dice();
  const Value x = d.some(kFloats, 4);
  if (!x || x.rank() != 4) return false;
  const int64_t size = dice.chance(0.7) ? 4 : 6;
  WinogradAttrs attrs;
  for (Ints* padding : {&attrs.pad_low, &attrs.pad_low, &attrs.pad_high, &attrs.pad_high})
    padding->push_back(dice.between(dice.chance(0.1) ? -1 : 0, 3));
  const Shape kernel{size, size, x.shape()[3], dice.between(1, 9)};
  return d.add(op, {x, d.like(Type(x.dtype(), kernel))}, attrs) != nullptr;
}

WindowAttrs random_window(Drawer& d, const Shape& shape) {
  WindowAttrs window{ones(shape.size()), ones(shape.size()), zeros(shape.size()), zeros(shape.size())};
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (d.dice().chance(shape[axis].is_static() ? 0.4 : 0.8)) continue;
    window.size[axis] = d.dice().between(1, 3);
    window.stride[axis] = d.dice().between(1, 3);
    window.pad_low[axis] = d.dice().below(window.size[axis]);
    window.pad_high[axis] = d.dice().below(window.size[axis]);
  }
  return window;
}

bool draw_pool(Drawer& d, Op op) {
  const Value x = d.some(kNumbers, 1);
  return x && d.add(op, {x}, random_window(d, x.shape()));
}

bool draw_pool_max_grad(Drawer& d, Op op) {
  const Value x = d.some(kFloats, 1);
  if (!x) return false;
  const WindowAttrs window = random_window(d, x.shape());
  const auto pooled = d.infer(Op::pool_max, {x}, window);
  return pooled && d.add(op, {x, d.like(pooled->at(0))}, window);
}

// The same elements, elsewhere.

/// Another shape of as many elements: axes merged, cut in two, put in and left out.
Shape random_reshape(Dice& dice, Shape shape) {
  for (int64_t moves = dice.between(1, 3); moves > 0; --moves) {
    const int64_t axis = dice.below(static_cast<int64_t>(shape.size()) + 1);
    const auto at = shape.begin() + axis;
    if (at == shape.end() || dice.chance(0.2)) {
      shape.insert(at, 1);
    } else if (at->is(1)) {
      shape.erase(at);
    } else if (at + 1 != shape.end() && dice.chance(0.5)) {
      if (const std::optional<Dim> merged = as_dim(Size(at[0]) * Size(at[1]))) {
        *at = *merged;
        shape.erase(at + 1);
      }
    } else {
      for (int64_t part : {5, 3, 2})
        if (at->coef > part && at->coef % part == 0) {
          *at = Dim(at->coef / part, at->symbol);
          shape.insert(at, part);
          break;
        }
    }
  }
  return shape;
}

bool draw_reshape(Drawer& d, Op op) {
  const Value x = d.some(kAny);
  return x && d.add(op, {x}, ShapeAttrs{random_reshape(d.dice(), x.shape())});
}

bool draw_transpose(Drawer& d, Op op) {
  const Value x = d.some(kAny, 1);
  return x && d.add(op, {x}, TransposeAttrs{permutation(d.dice(), x.rank())});
}

bool draw_broadcast(Drawer& d, Op op) {
  const Value x = d.some(kAny);
  if (!x) return false;
  BroadcastAttrs attrs;
  attrs.shape = d.shape(0, 2);
  for (Dim dim : x.shape()) {
    const int64_t from = attrs.dims.empty() ? 0 : attrs.dims.back() + 1;
    attrs.dims.push_back(d.dice().between(from, static_cast<int64_t>(attrs.shape.size())));
    attrs.shape.insert(attrs.shape.begin() + attrs.dims.back(), dim);
  }
  return d.add(op, {x}, attrs) != nullptr;
}

bool draw_slice(Drawer& d, Op op) {
  const Value x = d.some(kAny, 1);
  if (!x) return false;
  SliceAttrs attrs{zeros(x.rank()), x.shape(), ones(x.rank())};
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (d.dice().chance(0.3)) continue;
    if (!x.shape()[axis].is_static()) {
      if (d.dice().chance(0.5)) continue;
      attrs.start[axis] = d.dice().between(0, 2);
      attrs.limit[axis] = *sum(x.shape()[axis], -d.dice().between(0, 2));
      attrs.stride[axis] = d.dice().between(1, 3);
      if (sum(attrs.limit[axis], -attrs.start[axis])->value(d.bindings()) < 1) return false;
      continue;
    }
    const int64_t length = x.shape()[axis].value();
    attrs.start[axis] = d.dice().between(0, length / 2);
    attrs.limit[axis] = d.dice().between(attrs.start[axis] + (length > 0), length);
    attrs.stride[axis] = d.dice().between(1, 3);
  }
  return d.add(op, {x}, attrs) != nullptr;
}

bool draw_pad(Drawer& d, Op op) {
  const Value x = d.some(kAny, 1);
  if (!x) return false;
  PadAttrs attrs{zeros(x.rank()), zeros(x.rank()), zeros(x.rank())};
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (d.dice().chance(x.shape()[axis].is_static() ? 0.3 : 0.7)) continue;
    attrs.low[axis] = d.dice().between(-1, 2);
    attrs.high[axis] = d.dice().between(-1, 2);
    attrs.interior[axis] = d.dice().chance(0.7) ? 0 : d.dice().between(1, 2);
  }
  return d.add(op, {x, d.like(Type(x.dtype(), {}))}, attrs) != nullptr;
}

bool draw_concat(Drawer& d, Op op) {
  const Value x = d.some(kAny, 1);
  if (!x) return false;
  const int64_t axis = d.dice().below(x.rank());
  const Dim own = x.shape()[axis];
  std::vector<Value> parts{x};
  for (int64_t more = d.dice().between(0, 2); more > 0; --more) {
    const Dim length = own.is_static() || d.dice().chance(0.3) ? Dim(d.dice().between(1, 4)) : own;
    parts.push_back(d.like(Type(x.dtype(), with_axis(x.shape(), axis, length))));
  }
  d.dice().shuffle(parts);
  return d.add(op, parts, AxisAttrs{axis}) != nullptr;
}

bool draw_reverse(Drawer& d, Op op) {
  const Value x = d.some(kAny, 1);
  return x && d.add(op, {x}, AxesAttrs{some_axes(d.dice(), x.rank())});
}

bool draw_iota(Drawer& d, Op op) {
  const Shape shape = d.shape(1, 3);
  const std::optional<DType> dtype = d.dtype(kNumbers);
  return dtype && d.add(op, {}, IotaAttrs{d.dice().below(static_cast<int64_t>(shape.size())), *dtype, shape});
}

bool draw_dim_size(Drawer& d, Op op) {
  const std::optional<DType> dtype = d.dtype(kNumbers);
  return dtype && d.add(op, {}, DimAttrs{d.dim(), *dtype});
}

/// Into panels and back: no other op reads them.
bool draw_relayout(Drawer& d, Op op) {
  const Value x = d.some(kAny, 1);
  if (!x) return false;
  Layout panels{d.dice().below(x.rank()), d.dice().pick<int64_t>({1, 2, 4, 32})};
  if (const int64_t axis = d.dice().below(x.rank()); axis != panels.axis) panels.pair_axis = axis;
  const Node* there = d.add(op, {x}, LayoutAttrs{panels});
  return there && d.add(op, {there->value()}, LayoutAttrs{});
}

// Places that depend on data.

struct GatherOperands {
  Value data, indices;
  GatherAttrs attrs;
};
std::optional<GatherOperands> gather_operands(Drawer& d, DTypeSet set) {
  GatherOperands made;
  made.data = d.some(set, 1);
  const std::optional<DType> dtype = d.dtype(kIntegers);
  if (!made.data || !dtype) return std::nullopt;
  made.attrs.axis = d.dice().below(made.data.rank());
  made.attrs.batch_dims = d.dice().chance(0.6) ? 0 : d.dice().between(0, made.attrs.axis);
  Shape shape = d.shape(0, 2);
  shape.insert(shape.begin(), made.data.shape().begin(), made.data.shape().begin() + made.attrs.batch_dims);
  made.indices = d.like(Type(*dtype, shape));
  if (!made.indices) return std::nullopt;
  return made;
}

bool draw_gather(Drawer& d, Op op) {
  const auto made = gather_operands(d, kAny);
  return made && d.add(op, {made->data, made->indices}, made->attrs);
}

bool draw_scatter_add(Drawer& d, Op op) {
  const auto made = gather_operands(d, kNumbers);
  if (!made) return false;
  const auto read = d.infer(Op::gather, {made->data, made->indices}, made->attrs);
  return read && d.add(op, {made->data, made->indices, d.like(read->at(0))}, made->attrs);
}

/// A length that fits into an axis.
int64_t piece_size(Drawer& d, Dim whole) {
  return d.dice().between(1, std::max<int64_t>(1, std::min<int64_t>(whole.coef, 4)));
}

bool draw_dynamic_slice(Drawer& d, Op op) {
  const Value x = d.some(kAny, 1);
  if (!x) return false;
  const int64_t axis = d.dice().below(x.rank());
  return d.add(op, {x, d.like(Type(DType::i32, {}))},
               DynamicSliceAttrs{axis, piece_size(d, x.shape()[axis])}) != nullptr;
}

bool draw_dynamic_update_slice(Drawer& d, Op op) {
  const Value x = d.some(kAny, 1);
  if (!x) return false;
  const int64_t axis = d.dice().below(x.rank());
  const Value piece = d.like(Type(x.dtype(), with_axis(x.shape(), axis, piece_size(d, x.shape()[axis]))));
  return d.add(op, {x, piece, d.like(Type(DType::i32, {}))}, AxisAttrs{axis}) != nullptr;
}

// Order, running sums, random numbers.

bool draw_sort(Drawer& d, Op op) {
  const Value x = d.some(kNumbers, 1);
  return x && d.add(op, {x}, SortAttrs{.axis = d.dice().below(x.rank()), .descending = d.dice().chance(0.5)});
}

bool draw_top_k(Drawer& d, Op op) {
  const Value x = d.some(kNumbers, 1);
  if (!x) return false;
  const int64_t axis = d.dice().below(x.rank());
  return d.add(op, {x},
               SortAttrs{.axis = axis,
                         .k = d.dice().between(0, std::min<int64_t>(x.shape()[axis].coef, 5))}) != nullptr;
}

bool draw_running(Drawer& d, Op op) {
  const Value x = d.some(kNumbers, 1);
  return x && d.add(op, {x}, AxisAttrs{d.dice().below(x.rank())});
}

/// The bits, and often numbers made of a few of them.
bool draw_random_bits(Drawer& d, Op op) {
  const RandomAttrs attrs{d.shape(0, 3), d.dice().below(4)};
  std::vector<Value> operands{d.like(Type(DType::u32, {2})), d.like(Type(DType::u32, {}))};
  if (d.dice().chance(0.3)) operands.push_back(d.like(Type(DType::u32, {})));
  const Node* bits = d.add(op, operands, attrs);
  if (!bits || d.dice().chance(0.4)) return bits != nullptr;
  const Node* mask = d.add(Op::broadcast, {d.number(DType::u32, 255)}, BroadcastAttrs{{}, attrs.shape});
  if (const Node* few = mask ? d.add(Op::and_, {bits->value(), mask->value()}) : nullptr)
    d.add(Op::cast, {few->value()}, CastAttrs{DType::f32});
  return true;
}

constexpr DrawRule kRules[] = {
    {Op::neg, unary<kSignedNumbers>},
    {Op::abs, unary<kSignedNumbers>},
    {Op::sign, unary<kSignedNumbers>},
    {Op::floor, unary<kFloats>},
    {Op::ceil, unary<kFloats>},
    {Op::round, unary<kFloats>},
    {Op::sqrt, unary_positive},
    {Op::rsqrt, unary_positive},
    {Op::exp, unary<kFloats>},
    {Op::expm1, unary<kFloats>},
    {Op::log, unary_positive},
    {Op::log1p, unary_positive},
    {Op::sin, unary<kFloats>},
    {Op::cos, unary<kFloats>},
    {Op::tanh, unary<kFloats>},
    {Op::sigmoid, unary<kFloats>},
    {Op::softplus, unary<kFloats>},
    {Op::erf, unary<kFloats>},
    {Op::not_, unary<kBits>},
    {Op::cast, draw_cast},
    {Op::stop_gradient, unary<kAny>},
    {Op::add, binary<kNumbers>},
    {Op::sub, binary<kNumbers>},
    {Op::mul, binary<kNumbers>},
    {Op::div, binary<kNumbers>},
    {Op::rem, binary<kNumbers>},
    {Op::pow, binary<kFloats>},
    {Op::max, binary<kNumbers>},
    {Op::min, binary<kNumbers>},
    {Op::and_, binary<kBits>},
    {Op::or_, binary<kBits>},
    {Op::xor_, binary<kBits>},
    {Op::shl, binary<kIntegers>},
    {Op::shr, binary<kIntegers>},
    {Op::eq, binary<kAny>},
    {Op::ne, binary<kAny>},
    {Op::lt, binary<kNumbers>},
    {Op::le, binary<kNumbers>},
    {Op::select, draw_select},
    {Op::reduce_sum, draw_reduce<kNumbers>},
    {Op::reduce_prod, draw_reduce<kNumbers>},
    {Op::reduce_max, draw_reduce<kNumbers>},
    {Op::reduce_min, draw_reduce<kNumbers>},
    {Op::reduce_and, draw_reduce<kBits>},
    {Op::reduce_or, draw_reduce<kBits>},
    {Op::argmax, draw_arg},
    {Op::argmin, draw_arg},
    {Op::dot, draw_dot},
    {Op::conv, draw_conv},
    {Op::winograd, draw_winograd},
    {Op::pool_max, draw_pool},
    {Op::pool_sum, draw_pool},
    {Op::pool_max_grad, draw_pool_max_grad},
    {Op::reshape, draw_reshape},
    {Op::transpose, draw_transpose},
    {Op::broadcast, draw_broadcast},
    {Op::slice, draw_slice},
    {Op::pad, draw_pad},
    {Op::concat, draw_concat},
    {Op::reverse, draw_reverse},
    {Op::iota, draw_iota},
    {Op::dim_size, draw_dim_size},
    {Op::relayout, draw_relayout},
    {Op::gather, draw_gather},
    {Op::scatter_add, draw_scatter_add},
    {Op::dynamic_slice, draw_dynamic_slice},
    {Op::dynamic_update_slice, draw_dynamic_update_slice},
    {Op::scan, draw_scan},
    {Op::sort, draw_sort},
    {Op::top_k, draw_top_k},
    {Op::cumsum, draw_running},
    {Op::cumprod, draw_running},
    {Op::random_bits, draw_random_bits},
    {Op::fusion, draw_fusion},
};
static_assert(std::size(kRules) == kOpCount - 5,
              "each op but param, var, constant, gradient and all_reduce has a rule");

}  // namespace

std::span<const DrawRule> draw_rules() { return kRules; }

}  // namespace keratin::testing
