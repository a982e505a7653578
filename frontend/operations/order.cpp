// Operations that sort, and those that look where numbers stand among others.
#include <cmath>
#include <limits>

#include "frontend/elementary.h"
#include "frontend/operations/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

struct Sorted {
  Expr values, places;
};

Sorted sorted_along(const Expr& x, int64_t axis) {
  const Node* node = x.builder().make_node(Op::sort, {x.value()}, SortAttrs{.axis = x.axis(axis)});
  return {Expr(x.builder(), node->value(0)), Expr(x.builder(), node->value(1))};
}

constexpr Arg kSortParams[] = {{"axis", ArgKind::integer, "-1"}};
constexpr Arg kPartitionParams[] = {{"kth", ArgKind::any}, {"axis", ArgKind::integer, "-1"}};

/// None sorts all elements together.
Sorted sorted_operand(OperationCall& call) {
  return call.is_none("axis") ? sorted_along(flattened(call.tensor(0)), 0)
                              : sorted_along(call.tensor(0), call.args().integer("axis"));
}

Outputs sort(OperationCall& call) { return sorted_operand(call).values; }
/// What is sorted is partitioned, too.
Outputs argsort(OperationCall& call) { return sorted_operand(call).places; }

/// Equal elements stay in their order, wanted or not.
constexpr Arg kTopKParams[] = {
    {"k", ArgKind::count}, {"sorted", ArgKind::boolean, "true"}, {"is_stable", ArgKind::boolean, "true"}};

Outputs top_k(OperationCall& call) {
  const Expr x = call.tensor(0);
  const int64_t k = call.args().integer("k");
  if (!(least_difference(x.dim(-1), k) >= 0) && !x.dim(-1).is_static())
    call.fail(cat("its last axis, ", to_text(x.dim(-1)), ", may have less than ", k, " elements"),
              ErrorKind::unsupported, kFixLength);
  const Node* node = call.builder().make_node(Op::top_k, {x.value()}, SortAttrs{.axis = x.axis(-1), .k = k});
  return {Expr(call.builder(), node->value(0)), Expr(call.builder(), node->value(1))};
}

constexpr Arg kInTopKParams[] = {{"k", ArgKind::count}};

/// Whether fewer than k predictions lie above the target's; a NaN lies below all.
Outputs in_top_k(OperationCall& call) {
  const Expr targets = cast(call.tensor(0), DType::i32), predictions = call.real(1);
  const int64_t last = predictions.rank() - 1;
  const Expr found(call.builder(),
                   call.builder().make(Op::gather, {predictions.value(), expand_dims(targets, -1).value()},
                                       GatherAttrs{.axis = last, .batch_dims = last}));
  const Expr of_target = where(is_nan(found), number(found, -std::numeric_limits<double>::infinity()), found);
  const Expr above = sum(cast(less(of_target, predictions), DType::i32), {-1});
  return less(above, static_cast<double>(call.args().integer("k")));
}

// --- quantiles ---

constexpr std::string_view kMethods = "linear|lower|higher|midpoint|nearest";
constexpr Arg kQuantileParams[] = {
    {"axis", ArgKind::any, "null"},
    {"method", ArgKind::choice, "linear", kMethods},
    {"keepdims", ArgKind::boolean, "false"},
};
constexpr Arg kMedianParams[] = {{"axis", ArgKind::any, "null"}, {"keepdims", ArgKind::boolean, "false"}};

Expr at_places(const Expr& lines, const Expr& places) {
  const int64_t last = lines.rank() - 1;
  return {lines.builder(), lines.builder().make(Op::gather, {lines.value(), cast(places, DType::i32).value()},
                                                GatherAttrs{.axis = last, .batch_dims = last})};
}

/// The numbers that the fractions `q` of all others lie below, `q` being a number or a vector, which becomes the first axis.
/// A NaN makes the result one, or is left out.
Expr quantile_of(OperationCall& call, const Expr& given, const Expr& q, std::string_view method,
                 bool skip_nan) {
  const Json& axis = call.args().json("axis");
  const Ints axes = normalized_axes(given, axis.is_null() ? axes_from(given, 0) : to_ints(axis));
  if (q.rank() > 1) call.fail("its second operand must be a number or a vector", ErrorKind::data);

  // The reduced axes become the last one.
  Ints perm;
  Shape rest, kept = given.shape();
  for (int64_t i = 0; i < given.rank(); ++i) {
    if (contains(axes, i)) continue;
    perm.push_back(i);
    rest.push_back(given.dim(i));
  }
  perm.insert(perm.end(), axes.begin(), axes.end());
  Dim extent = 1;
  for (int64_t i : axes) {
    const Dim d = given.dim(i);
    if (!extent.is_static() && !d.is_static())
      call.fail("several of its axes are free", ErrorKind::unsupported, kFixLength);
    extent = Dim(extent.coef * d.coef, d.is_static() ? extent.symbol : d.symbol);
    kept[i] = 1;
  }
  if (extent.is(0)) call.fail("its operand is empty", ErrorKind::data);
  Shape shape = rest;
  shape.push_back(extent);
  const Expr lines = reshape(transpose(given, perm), shape), numbers = sorted_along(lines, -1).values;

  const Expr is_missing = reduce(Op::reduce_or, is_nan(lines), {-1}, true);
  Expr last = cast(count(lines, {-1}), given.dtype()) - 1;  // its place in each line
  if (skip_nan) last = sum(cast(logical_not(is_nan(lines)), given.dtype()), {-1}, true) - 1;
  shape.back() = q.rank() == 0 ? Dim(1) : q.dim(0);
  const Expr place = broadcast_to(cast(q, given.dtype()), shape) * last;
  const Expr below = unary(Op::floor, place), above = unary(Op::ceil, place);
  const Expr low = at_places(numbers, maximum(below, 0)), high = at_places(numbers, maximum(above, 0));
  Expr result;
  if (method == "lower") result = low;
  if (method == "higher") result = high;
  if (method == "midpoint") result = (low + high) * 0.5;
  const Expr weight = place - below;
  if (method == "nearest") result = where(less_equal(weight, 0.5), low, high);
  if (method == "linear") result = low * (1.0 - weight) + high * weight;
  const Expr none = skip_nan ? less(last, 0) : is_missing;
  result = where(none, number(last, std::numeric_limits<double>::quiet_NaN()), result);

  const Expr by_q = move_axis(result, -1, 0);  // q first
  Shape wanted = call.args().boolean("keepdims") ? kept : rest;
  if (q.rank() == 1) wanted.insert(wanted.begin(), q.dim(0));
  return reshape(by_q, wanted);
}

template <bool skip_nan, int whole>
Outputs quantile(OperationCall& call) {
  const Expr x = call.real(0), q = call.real(1);
  return quantile_of(call, x, whole == 1 ? q : q / whole, call.args().choice("method"), skip_nan);
}

/// Keras's class does not hand its method on.
Outputs linear_quantile(OperationCall& call) {
  return quantile_of(call, call.real(0), call.real(1), "linear", false);
}

template <bool skip_nan>
Outputs median(OperationCall& call) {
  const Expr half(call.builder(), call.builder().constant(DType::f32, 0.5));
  return quantile_of(call, call.real(0), half, "linear", skip_nan);
}

// --- places among others ---

/// How many of a vector's numbers hold against each of `values`: the vector becomes a last axis, which is counted.
template <Expr (*holds)(const Expr&, const Expr&)>
Expr count_of(const Expr& vector, const Expr& values) {
  const Expr found = holds(vector, expand_dims(values, -1));
  return sum(cast(found, DType::i32), {-1});
}

Expr vector_operand(OperationCall& call, size_t i) {
  const Expr vector = call.tensor(i);
  if (vector.rank() != 1) call.fail(cat("its operand ", i, " must be a vector"), ErrorKind::data);
  return vector;
}

constexpr Arg kSideParams[] = {{"side", ArgKind::choice, "left", "left|right"}};

Outputs search_sorted(OperationCall& call) {
  const Expr sequence = vector_operand(call, 0), values = call.tensor(1);
  return call.args().choice("side") == "left" ? count_of<less>(sequence, values)
                                              : count_of<less_equal>(sequence, values);
}

Expr greater_than(const Expr& a, const Expr& b) { return less(b, a); }

/// Bins may rise or fall.
Outputs digitize(OperationCall& call) {
  const Expr x = call.tensor(0), bins = vector_operand(call, 1);
  const int64_t last = bins.extent(0) - 1;
  if (last < 0) return cast(number(x, 0), DType::i32);
  const Expr rises = squeeze(less_equal(slice(bins, 0, 0, 1), slice(bins, 0, last, last + 1)), {0});
  return where(rises, count_of<less_equal>(bins, x), count_of<greater_than>(bins, x));
}

constexpr Arg kIsInParams[] = {{"assume_unique", ArgKind::boolean, "false"},
                               {"invert", ArgKind::boolean, "false"}};

Outputs is_in(OperationCall& call) {
  const auto [x, among] = call.pair();
  const Expr found = reduce(Op::reduce_or, equal(expand_dims(x, -1), flattened(among)), {-1});
  return call.args().boolean("invert") ? logical_not(found) : found;
}

constexpr Arg kHistogramParams[] = {{"bins", ArgKind::any, "10"}, {"range", ArgKind::any, "null"}};

/// Numbers between neighbouring edges, which are given, or lie evenly over a range; the last bin has its right edge, too.
Outputs histogram(OperationCall& call) {
  const Json& bins = call.args().json("bins");
  const Json& range = call.args().json("range");
  const Expr x = flattened(call.real(0));
  Expr edges;
  if (bins.is_array()) {
    edges = to_float(call.constant(bins));
  } else {
    const int64_t count = bins.as_int();
    if (count < 1)
      call.args().reject("bins", "expected a number of at least 1, or edges", {}, ErrorKind::data);
    auto fractions = std::make_shared<Tensor>(x.dtype(), std::vector<int64_t>{count + 1});
    for (int64_t i = 0; i <= count; ++i)
      fractions->set(i, static_cast<double>(i) / static_cast<double>(count));
    const Expr weight(call.builder(), call.builder().constant(std::move(fractions)));
    Expr low = reduce(Op::reduce_min, x, {0}), high = reduce(Op::reduce_max, x, {0});
    if (!range.is_null()) {
      low = number(low, range.at(0).as_double());
      high = number(high, range.at(1).as_double());
    }
    const Expr is_point = equal(low, high);
    low = where(is_point, low - 0.5, low);
    high = where(is_point, high + 0.5, high);
    edges = low * (1.0 - weight) + high * weight;
  }
  const int64_t count = edges.extent(0) - 1;
  const Expr low = expand_dims(slice(edges, 0, 0, count), 1),
             high = expand_dims(slice(edges, 0, 1, count + 1), 1);
  const Expr is_last = equal(places(low, 0), number(places(low, 0), static_cast<double>(count - 1)));
  const Expr inside =
      logical_and(less_equal(low, x), logical_or(less(x, high), logical_and(is_last, equal(x, high))));
  return {sum(cast(inside, x.dtype()), {1}), edges};
}

// --- numbers that are there once or more ---

constexpr Arg kUniqueParams[] = {
    {"sorted", ArgKind::boolean, "true"},
    {"return_index", ArgKind::boolean, "false"},
    {"return_inverse", ArgKind::boolean, "false"},
    {"return_counts", ArgKind::boolean, "false"},
    {"axis", ArgKind::any, "null"},
    {"size", ArgKind::any, "null"},
    {"fill_value", ArgKind::any, "null"},
};

Expr scattered(const Expr& updates, const Expr& indices, int64_t extent) {
  Builder& b = updates.builder();
  const Value zeros = b.constant(updates.dtype(), 0, {extent});
  return {b, b.make(Op::scatter_add, {zeros, indices.value(), updates.value()}, GatherAttrs{})};
}

/// `size` of the numbers, ascending; what is missing is `fill_value` or the least of them. Each NaN is a number of its own.
Outputs unique(OperationCall& call) {
  const Expr x = call.tensor(0);
  if (call.args().is_null("size"))
    call.fail("the shape of its result depends on data", ErrorKind::unsupported, "give it the argument size");
  if (!call.args().is_null("axis") && x.rank() != 1)
    call.args().reject("axis", "only single numbers are compared, not rows");
  const int64_t size = call.args().json("size").as_int();
  const bool is_boolean = x.dtype() == DType::boolean;
  const auto [values, origins] = sorted_along(flattened(is_boolean ? cast(x, DType::u8) : x), 0);
  const int64_t count = values.extent(0);
  if (size < 1 || count < 1) call.args().reject("size", "there is nothing", {}, ErrorKind::data);

  const Expr differs = not_equal(slice(values, 0, 1, count), slice(values, 0, 0, count - 1));
  const Expr is_first = pad(cast(differs, DType::i32), {1}, {0}, 1);
  const Expr order =
      Expr(x.builder(), x.builder().make(Op::cumsum, {is_first.value()}, AxisAttrs{0})) - number(is_first, 1);
  // Where each begins among the sorted numbers, and the next one; others lie in one place behind them.
  const Expr starts =
      slice(scattered(is_first * places(values, 0), minimum(order, static_cast<double>(size + 1)), size + 2),
            0, 0, size + 1);
  const Expr kept = slice(starts, 0, 0, size);
  Expr found = at_places(values, kept);
  if (!call.args().is_null("fill_value"))
    found = where(less(places(found, 0), sum(is_first, {0})), found,
                  number(found, call.args().json("fill_value").as_double()));
  Outputs outputs(cast(found, x.dtype()));
  if (call.args().boolean("return_index")) outputs.emplace_back(at_places(origins, kept));
  if (call.args().boolean("return_inverse"))
    outputs.emplace_back(reshape(scattered(order, origins, count), x.shape()));
  if (call.args().boolean("return_counts")) {
    const Expr is_there = logical_or(not_equal(starts, 0), equal(places(starts, 0), number(starts, 0)));
    const Expr all = where(is_there, starts, number(starts, static_cast<double>(count)));
    outputs.emplace_back(slice(all, 0, 1, size + 1) - slice(all, 0, 0, size));
  }
  return outputs;
}

constexpr OperationDef kRows[] = {
    {"Sort", "x", sort, kSortParams},
    {"Argsort", "x", argsort, kSortParams},
    {"Argpartition", "x", argsort, kPartitionParams},
    {"TopK", "x", top_k, kTopKParams},
    {"InTopK", "targets predictions", in_top_k, kInTopKParams},
    {"Quantile", "x q", linear_quantile, kQuantileParams},
    {"Percentile", "x q", quantile<false, 100>, kQuantileParams},
    {"Median", "x", median<false>, kMedianParams},
    {"Nanquantile", "x q", quantile<true, 1>, kQuantileParams},
    {"Nanpercentile", "x q", quantile<true, 100>, kQuantileParams},
    {"Nanmedian", "x", median<true>, kMedianParams},
    {"SearchSorted", "sorted_sequence values", search_sorted, kSideParams},
    {"Digitize", "x bins", digitize},
    {"IsIn", "x1 x2", is_in, kIsInParams},
    {"Histogram", "x", histogram, kHistogramParams},
    {"Unique", "x", unique, kUniqueParams},
    refused("Bincount", "the shape of its result depends on data"),
};

}  // namespace

std::span<const OperationDef> order_operations() { return kRows; }

}  // namespace keratin
