#include "frontend/layers/images.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "frontend/window.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

ImageAxes image_axes(const Call& call) {
  const Expr& x = call.input();
  if (x.rank() != 3 && x.rank() != 4)
    call.fail(cat("its input is ", to_text(x.value().type()), ", expected an image or a batch of images"), {},
              ErrorKind::data);
  const int64_t first = x.rank() - 3;
  return call.args().choice("data_format") == kChannelsLast ? ImageAxes{first, first + 1, first + 2}
                                                            : ImageAxes{first + 1, first + 2, first};
}

Expr map_images(const Call& call, const std::function<Expr(const Expr& images)>& change) {
  const bool is_single = call.input().rank() == 3;
  const ImageAxes axes = image_axes(call);
  Expr x = call.float_input();
  if (is_single) x = expand_dims(x, 0);
  const bool is_last = axes.channels > axes.width;
  if (!is_last) x = transpose(x, {0, 2, 3, 1});
  x = change(x);
  if (!is_last) x = transpose(x, {0, 3, 1, 2});
  return is_single ? squeeze(x, {0}) : x;
}

Interval interval(const Call& call, std::string_view argument, Interval bounds) {
  const Json& given = call.args().json(argument);
  const auto reject = [&] {
    call.args().reject(argument, cat("expected a number or two, from ", bounds.low, " to ", bounds.high), {},
                       ErrorKind::data);
  };
  if (given.is_number()) {
    const double size = std::abs(given.as_double());
    if (size > bounds.high) reject();
    return {std::max(-size, bounds.low), size};
  }
  if (!given.is_array() || given.size() != 2 || !given.at(0).is_number() || !given.at(1).is_number())
    reject();
  const auto [low, high] = std::minmax({given.at(0).as_double(), given.at(1).as_double()});
  if (low < bounds.low || high > bounds.high) reject();
  return {low, high};
}

Interval value_range(const Call& call) {
  const Json& given = call.args().json("value_range");
  if (!given.is_array() || given.size() != 2 || !given.at(0).is_number() || !given.at(1).is_number() ||
      given.at(0).as_double() >= given.at(1).as_double())
    call.args().reject("value_range", "expected two numbers, the smaller one first", {}, ErrorKind::data);
  return {given.at(0).as_double(), given.at(1).as_double()};
}

Expr change_range(const Expr& x, Interval from, Interval to) {
  if (from.low == to.low && from.high == to.high) return x;
  const Expr unit = (to_float(x) - from.low) / (from.high - from.low);
  return unit * (to.high - to.low) + to.low;
}

namespace {

Expr constant(Call& call, const Shape& shape, double value) {
  return {call.builder(), call.builder().constant(DType::f32, value, shape)};
}

}  // namespace

Expr draw(Call& call, const Shape& shape, Interval from) {
  if (from.low == from.high) return constant(call, shape, from.low);
  return call.uniform(shape) * (from.high - from.low) + from.low;
}

/// G. Box and M. Muller, A note on the generation of random normal deviates, 1958.
Expr draw_normal(Call& call, const Shape& shape) {
  const Expr radius = unary(Op::sqrt, -2 * unary(Op::log, 1 - call.uniform(shape)));
  return radius * unary(Op::cos, call.uniform(shape) * (2 * std::numbers::pi));
}

Expr draw_event(Call& call, const Shape& shape, Interval from) {
  if (from.low >= 1 || from.high <= 0)
    return {call.builder(), call.builder().constant(DType::boolean, from.low >= 1 ? 1 : 0, shape)};
  return less(call.uniform(shape), draw(call, shape, from));
}

namespace {

/// The logarithm of a number of the distribution Γ(α). G. Marsaglia and W. Tsang, A simple method for generating gamma variables,
/// 2000: each try is taken with a probability above 0.95, so that eight fail in 4e-11 of all cases; the last one is then taken as it is.
Expr log_gamma_variable(Call& call, const Shape& shape, const Expr& alpha) {
  constexpr int kTries = 8;
  const Expr d = alpha + (1 - 1.0 / 3), c = 1 / (unary(Op::sqrt, d) * 3);
  Expr chosen, done;
  for (int i = 0; i < kTries; ++i) {
    const Expr x = draw_normal(call, shape), v = 1 + c * x, cube = v * v * v;
    const Expr log_cube = unary(Op::log, maximum(cube, 1e-30));
    const Expr fits =
        less(unary(Op::log, maximum(call.uniform(shape), 1e-30)), 0.5 * x * x + d * (1 - cube + log_cube));
    const Expr accepted = logical_and(greater(v, 0), fits);
    chosen = chosen ? where(done, chosen, log_cube) : log_cube;
    done = done ? logical_or(done, accepted) : accepted;
  }
  // Γ(α) is Γ(α + 1) times a power of an even number; α may be tiny, and the product too small for a float.
  const Expr power = unary(Op::log, maximum(call.uniform(shape), 1e-30)) / alpha;
  return unary(Op::log, d) + chosen + power;
}

}  // namespace

Expr draw_beta(Call& call, const Shape& shape, const Expr& alpha) {
  const Expr spread = broadcast_to(alpha, shape);
  const Expr a = log_gamma_variable(call, shape, spread), b = log_gamma_variable(call, shape, spread);
  return unary(Op::sigmoid, a - b);
}

Expr draw_shares(Call& call, int64_t count, const Expr& alpha) {
  return softmax(log_gamma_variable(call, {Dim(count)}, broadcast_to(alpha, {Dim(count)})), {0});
}

Expr draw_order(Call& call, Dim n) {
  Builder& b = call.builder();
  const Expr keys = call.uniform({n});
  return {b, Value{b.make_node(Op::sort, {keys.value()}, SortAttrs{.axis = 0}), 1}};
}

Shape one_per_image(const Expr& images) { return {images.dim(0), 1, 1, 1}; }

}  // namespace keratin
