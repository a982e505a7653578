#include "frontend/training/schedules.h"

#include <cmath>
#include <numbers>

#include "frontend/training/serialized.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

Expr power(const Expr& x, double exponent) { return binary(Op::pow, x, number(x, exponent)); }
Expr power(double base, const Expr& exponent) { return binary(Op::pow, number(exponent, base), exponent); }
Expr floor(const Expr& x) { return unary(Op::floor, x); }

/// How many decays are over.
Expr decays(const Args& args, const Expr& step) {
  const Expr p = step / args.real("decay_steps");
  return args.boolean("staircase") ? floor(p) : p;
}

constexpr Arg kDecayArgs[] = {
    {"initial_learning_rate", ArgKind::real},
    {"decay_steps", ArgKind::real},
    {"decay_rate", ArgKind::real},
    {"staircase", ArgKind::boolean, "false"},
};

Expr exponential_decay(const Args& args, const Expr& step) {
  return power(args.real("decay_rate"), decays(args, step)) * args.real("initial_learning_rate");
}

Expr inverse_time_decay(const Args& args, const Expr& step) {
  return args.real("initial_learning_rate") / (decays(args, step) * args.real("decay_rate") + 1);
}

constexpr Arg kPiecewiseArgs[] = {{"boundaries", ArgKind::any}, {"values", ArgKind::any}};

/// At a boundary the old value holds.
Expr piecewise_constant(const Args& args, const Expr& step) {
  const Json &boundaries = args.json("boundaries"), &values = args.json("values");
  if (values.size() == 0 || values.size() != boundaries.size() + 1)
    args.reject("values", "expected one more value than there are boundaries", {}, ErrorKind::data);
  Expr rate = number(step, values.at(values.size() - 1).as_double());
  for (size_t i = boundaries.size(); i-- > 0;)
    rate =
        where(less_equal(step, boundaries.at(i).as_double()), number(step, values.at(i).as_double()), rate);
  return rate;
}

constexpr Arg kPolynomialArgs[] = {
    {"initial_learning_rate", ArgKind::real},       {"decay_steps", ArgKind::real},
    {"end_learning_rate", ArgKind::real, "0.0001"}, {"power", ArgKind::real, "1.0"},
    {"cycle", ArgKind::boolean, "false"},
};

/// With `cycle`, the decay takes as many times its steps as it needs to hold `step`.
Expr polynomial_decay(const Args& args, const Expr& step) {
  const double steps = args.real("decay_steps"), end = args.real("end_learning_rate");
  const Expr part = args.boolean("cycle") ? step / (maximum(unary(Op::ceil, step / steps), 1) * steps)
                                          : minimum(step, steps) / steps;
  return power(1 - part, args.real("power")) * (args.real("initial_learning_rate") - end) + end;
}

constexpr Arg kCosineArgs[] = {
    {"initial_learning_rate", ArgKind::real}, {"decay_steps", ArgKind::real},
    {"alpha", ArgKind::real, "0.0"},          {"warmup_target", ArgKind::any, "null"},
    {"warmup_steps", ArgKind::real, "0"},
};

/// Half a cosine from `from` to alpha · from.
Expr cosine(const Expr& part, double from, double alpha) {
  return ((unary(Op::cos, part * std::numbers::pi) + 1) * 0.5 * (1 - alpha) + alpha) * from;
}

Expr cosine_decay(const Args& args, const Expr& step) {
  const double initial = args.real("initial_learning_rate"), steps = args.real("decay_steps");
  const double alpha = args.real("alpha"), warmup = args.real("warmup_steps");
  const Json& target = args.json("warmup_target");
  if (target.is_null()) return cosine(minimum(step, steps) / steps, initial, alpha);
  const double peak = target.as_double();
  const Expr at = minimum(step, steps + warmup), decayed = cosine((at - warmup) / steps, peak, alpha);
  if (warmup == 0) return decayed;
  return where(less(at, warmup), at / warmup * (peak - initial) + initial, decayed);
}

constexpr Arg kRestartsArgs[] = {
    {"initial_learning_rate", ArgKind::real}, {"first_decay_steps", ArgKind::real},
    {"t_mul", ArgKind::real, "2.0"},          {"m_mul", ArgKind::real, "1.0"},
    {"alpha", ArgKind::real, "0.0"},
};

/// I. Loshchilov, F. Hutter, SGDR: Stochastic gradient descent with warm restarts, ICLR 2017. Each period is t_mul times as long as
/// the one before.
Expr cosine_decay_restarts(const Args& args, const Expr& step) {
  const double t = args.real("t_mul"), alpha = args.real("alpha");
  Expr part = step / args.real("first_decay_steps"), restarts = floor(part);
  if (t == 1) {
    part = part - restarts;
  } else {
    restarts = floor(unary(Op::log, 1 - part * (1 - t)) / std::log(t));
    const Expr length = power(t, restarts);
    part = (part - (1 - length) / (1 - t)) / length;
  }
  const Expr height =
      power(args.real("m_mul"), restarts) * 0.5 * (unary(Op::cos, part * std::numbers::pi) + 1);
  return (height * (1 - alpha) + alpha) * args.real("initial_learning_rate");
}

constexpr ScheduleDef kSchedules[] = {
    {{"ExponentialDecay", "", kDecayArgs}, exponential_decay},
    {{"InverseTimeDecay", "", kDecayArgs}, inverse_time_decay},
    {{"PiecewiseConstantDecay", "", kPiecewiseArgs}, piecewise_constant},
    {{"PolynomialDecay", "", kPolynomialArgs}, polynomial_decay},
    {{"CosineDecay", "", kCosineArgs}, cosine_decay},
    {{"CosineDecayRestarts", "", kRestartsArgs}, cosine_decay_restarts},
};

}  // namespace

std::deque<ScheduleDef>& schedule_defs() {
  static std::deque<ScheduleDef> all(std::begin(kSchedules), std::end(kSchedules));
  return all;
}

Expr scheduled_rate(const Json& schedule, const Expr& step, const std::string& where) {
  const Serialized serialized = read_serialized(schedule, "the learning rate schedule");
  const auto& def = find_row(schedule_defs(), serialized.class_name, "learning rate schedule", where);
  const Args args(def.args, serialized.config, cat(where, ": schedule ", def.class_name));
  for (const char* length : {"decay_steps", "first_decay_steps"})
    for (const Arg& arg : def.args)
      if (arg.name == length && !(args.real(length) > 0))
        throw Error(ErrorKind::data, cat("argument ", length, " must be positive"), args.where());
  return def.rate(args, step);
}

}  // namespace keratin
