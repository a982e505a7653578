// Arithmetic, comparisons, bits and choices, element by element: operands and result of one shape and one layout. The
// functions of one real number are in elementary.cpp.
//
// What is said here binds codegen bit for bit, as far as IEEE arithmetic defines the bits:
//   * max(a, b) is b if b > a or b is NaN, else a; min(a, b) is b if b < a or b is NaN, else a. So NaN propagates, equal
//     operands (0 and -0 too) give a, and with a constant b it is one machine instruction.
//   * not, and, or, xor work on bits; on booleans logically.
//   * Integers wrap. Their div truncates towards zero, their rem is floored (the sign of b); by zero both give 0, and the
//     smallest number div -1 is itself. Float rem is a - b·floor(a / b), evaluated as written: NaN for b = 0 or infinite.
//   * shl and shr by the width or more, and by negative amounts, give 0 (shr of negative numbers: -1). shr fills with
//     the sign if the dtype has one.
//   * cast from float to integer truncates and saturates, NaN becomes 0; to boolean it is x != 0; between integers it
//     wraps.
//   * eq, lt, le are false on NaN, ne is true.
//
// Gradients are those of the formula, with one convention: max and min give each of two equal operands half, but nothing to
// an operand that equals a constant: relu, max(x, 0.0), has slope 0 at 0.
#include <cmath>

#include "ir/ops/elements.h"
#include "ir/ops/pointwise.h"

namespace keratin {
namespace {

using namespace pointwise;
using elements::minus;
using elements::plus;
using elements::times;

std::vector<Type> infer_cast(Operands operands, const Attrs& attrs, const Function*) {
  expect_count(operands, 1);
  Type type = operands[0].type();
  type.dtype = attrs_as<CastAttrs>(attrs).to;
  return {type};
}

std::vector<Type> infer_select(Operands operands, const Attrs&, const Function*) {
  expect_count(operands, 3);
  expect_dtype(operands, 0, kBooleans);
  expect_same_place(operands, 1);
  expect_same_type(operands, 2, 1);
  return {operands[1].type()};
}

void copy(const EvalContext&, Inputs x, Outputs y) { y[0].data = x[0]->data; }

int64_t divide(int64_t a, int64_t b, DType dtype) {
  if (b == 0) return 0;
  if (dtype == DType::u64) return static_cast<int64_t>(static_cast<uint64_t>(a) / static_cast<uint64_t>(b));
  return b == -1 ? minus(0, a) : a / b;
}

int64_t floored_remainder(int64_t a, int64_t b, DType dtype) {
  if (b == 0) return 0;
  if (dtype == DType::u64) return static_cast<int64_t>(static_cast<uint64_t>(a) % static_cast<uint64_t>(b));
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

bool exceeds_width(int64_t amount, DType dtype) {
  return static_cast<uint64_t>(amount) >= static_cast<uint64_t>(8 * byte_size(dtype));
}

int64_t shift_left(int64_t a, int64_t b, DType dtype) {
  return exceeds_width(b, dtype) ? 0 : static_cast<int64_t>(static_cast<uint64_t>(a) << b);
}

int64_t shift_right(int64_t a, int64_t b, DType dtype) {
  if (is_signed(dtype)) return a >> (exceeds_width(b, dtype) ? 63 : b);
  return exceeds_width(b, dtype) ? 0 : static_cast<int64_t>(static_cast<uint64_t>(a) >> b);
}

double to_real(int64_t v, DType from, DType to) {
  // A 64-bit integer is rounded once, not to f64 first.
  if (from == DType::u64 && to == DType::f32) return static_cast<float>(static_cast<uint64_t>(v));
  if (from == DType::u64) return static_cast<double>(static_cast<uint64_t>(v));
  return to == DType::f32 ? static_cast<float>(v) : static_cast<double>(v);
}

int64_t to_integer(double v, DType to) {
  if (to == DType::boolean) return v != 0;
  if (std::isnan(v)) return 0;
  const double limit = std::ldexp(1.0, static_cast<int>(8 * byte_size(to)) - is_signed(to));
  if (v >= limit) return elements::highest(int64_t{0}, to);
  if (v <= (is_signed(to) ? -limit : 0.0)) return elements::lowest(int64_t{0}, to);
  return to == DType::u64 ? static_cast<int64_t>(static_cast<uint64_t>(v)) : static_cast<int64_t>(v);
}

void eval_cast(const EvalContext& context, Inputs x, Outputs y) {
  const DType from = x[0]->dtype, to = context.node.as<CastAttrs>().to;
  if (is_float(from) == is_float(to))
    y[0].data = x[0]->data;
  else if (is_float(to))
    std::ranges::transform(x[0]->integer().storage(), y[0].real().storage().begin(),
                           [=](int64_t v) { return to_real(v, from, to); });
  else
    std::ranges::transform(x[0]->real().storage(), y[0].integer().storage().begin(),
                           [=](double v) { return to_integer(v, to); });
}

void eval_select(const EvalContext&, Inputs x, Outputs y) {
  const auto& predicate = x[0]->integer().storage();
  auto choose = [&](const auto& a, const auto& b, auto& result) {
    for (size_t i = 0; i < predicate.size(); ++i) result[i] = predicate[i] != 0 ? a[i] : b[i];
  };
  if (is_float(y[0].dtype))
    choose(x[1]->real().storage(), x[2]->real().storage(), y[0].real().storage());
  else
    choose(x[1]->integer().storage(), x[2]->integer().storage(), y[0].integer().storage());
}

void gradient_of_cast(const GradientArgs& g) {
  if (is_float(g.operands[0].dtype()) && is_float(g.results[0].dtype()))
    accumulate(g, 0, g.builder.cast(g.result_gradients[0], g.operands[0].dtype()));
}

/// max (`upper`) and min: the gradient goes to the strictly greater (smaller) operand; what two equal
/// operands get depends on whether one is constant (see the head).
void gradient_of_choice(const GradientArgs& g, bool upper) {
  const Terms t(g);
  const bool shared = as_constant(g.operands[0]) == nullptr && as_constant(g.operands[1]) == nullptr;
  const Value zero = t.number(0);
  const Value at_tie =
      shared ? t.b.select(t.b.eq(g.operands[0], g.operands[1]), t.b.mul(t.dy, t.number(0.5)), zero) : zero;
  for (size_t i : {0, 1}) {
    if (!g.wanted[i]) continue;
    // Beside a constant, the result tells as well as the operand, which nobody else may need any more: only one is kept.
    const Value own = shared ? g.operands[i] : g.results[0], other = g.operands[1 - i];
    accumulate(g, i, t.b.select(upper ? t.b.lt(other, own) : t.b.lt(own, other), t.dy, at_tie));
  }
}

/// Where x > 0, log x; elsewhere 0: a power with x = 0 or a negative x has no slope in its exponent.
Value guarded_log(Builder& b, Value x) {
  const Value positive = b.lt(b.constant_like(x, 0), x);
  const Value safe = b.select(positive, x, b.constant_like(x, 1));
  return b.make(Op::log, {safe});
}

void gradient_of_pow(const GradientArgs& g) {
  const Terms t(g);
  const Value exponent = g.operands[1];
  if (g.wanted[0]) {
    // x^0 is 1 even at x = 0, where the formula would say 0·∞.
    const Value flat = t.b.eq(exponent, t.number(0));
    const Value lowered = t.b.select(flat, t.number(1), t.b.sub(exponent, t.number(1)));
    accumulate(g, 0, t.b.mul(t.dy, t.b.mul(exponent, t.b.make(Op::pow, {t.x, lowered}))));
  }
  if (g.wanted[1]) {
    // 0 to a negative power is infinite; its slope is cut off together with the logarithm's.
    const Value power = t.b.select(t.b.eq(t.x, t.number(0)), t.number(0), t.y);
    accumulate(g, 1, t.b.mul(t.dy, t.b.mul(power, guarded_log(t.b, t.x))));
  }
}

void gradient_of_select(const GradientArgs& g) {
  const Value zero = g.builder.constant_like(g.results[0], 0), dy = g.result_gradients[0];
  if (g.wanted[1]) accumulate(g, 1, g.builder.select(g.operands[0], dy, zero));
  if (g.wanted[2]) accumulate(g, 2, g.builder.select(g.operands[0], zero, dy));
}

}  // namespace

// ---- one operand ----

constinit const OpDef def_neg{
    .form = "(x: T[S]) -> T[S], T signed numbers",
    .doc = "-x",
    .infer = unary<kSignedNumbers>,
    .gradient = [](const GradientArgs& g) { accumulate(g, 0, g.builder.neg(g.result_gradients[0])); },
    .eval = map<[](double v) { return -v; }, [](int64_t v, DType) { return minus(0, v); }>,
};

constinit const OpDef def_not_{
    .form = "(x: T[S]) -> T[S], T integers or booleans",
    .doc = "Every bit of an integer inverted; of a boolean, its contrary.",
    .infer = unary<kBits>,
    .gradient = not_differentiable,
    .eval =
        [](const EvalContext&, Inputs x, Outputs y) {
          const bool logical = x[0]->dtype == DType::boolean;
          std::ranges::transform(x[0]->integer().storage(), y[0].integer().storage().begin(),
                                 [=](int64_t v) { return logical ? int64_t{v == 0} : ~v; });
        },
};

constinit const OpDef def_cast{
    .form = "(x: T[S]) -> to[S], T anything",
    .doc =
        "x as numbers of the dtype `to`. From float to integer it truncates and saturates, and NaN becomes "
        "0; to boolean it is x ≠ 0; between integers it wraps.",
    .infer = infer_cast,
    .gradient = gradient_of_cast,
    .eval = eval_cast,
};

constinit const OpDef def_stop_gradient{
    .form = "(x: T[S]) -> T[S], T anything",
    .doc = "x itself, but a constant to differentiation.",
    .infer = unary<kAny>,
    .gradient = not_differentiable,
    .eval = copy,
};

// ---- two operands ----

constinit const OpDef def_add{
    .form = "(a: T[S], b: T[S]) -> T[S], T numbers",
    .doc = "a + b; integers wrap.",
    .infer = binary<kNumbers>,
    .gradient =
        [](const GradientArgs& g) {
          accumulate(g, 0, g.result_gradients[0]);
          accumulate(g, 1, g.result_gradients[0]);
        },
    .eval =
        zip<[](double a, double b) { return a + b; }, [](int64_t a, int64_t b, DType) { return plus(a, b); }>,
};

constinit const OpDef def_sub{
    .form = "(a: T[S], b: T[S]) -> T[S], T numbers",
    .doc = "a - b; integers wrap.",
    .infer = binary<kNumbers>,
    .gradient =
        [](const GradientArgs& g) {
          accumulate(g, 0, g.result_gradients[0]);
          if (g.wanted[1]) accumulate(g, 1, g.builder.neg(g.result_gradients[0]));
        },
    .eval = zip<[](double a, double b) { return a - b; },
                [](int64_t a, int64_t b, DType) { return minus(a, b); }>,
};

constinit const OpDef def_mul{
    .form = "(a: T[S], b: T[S]) -> T[S], T numbers",
    .doc = "a · b; integers wrap.",
    .infer = binary<kNumbers>,
    .gradient =
        [](const GradientArgs& g) {
          for (size_t i : {0, 1})
            if (g.wanted[i]) accumulate(g, i, g.builder.mul(g.result_gradients[0], g.operands[1 - i]));
        },
    .eval = zip<[](double a, double b) { return a * b; },
                [](int64_t a, int64_t b, DType) { return times(a, b); }>,
};

constinit const OpDef def_div{
    .form = "(a: T[S], b: T[S]) -> T[S], T numbers",
    .doc = "a / b. Integers truncate towards zero; by zero they give 0; the smallest one by -1 wraps.",
    .infer = binary<kNumbers>,
    .gradient =
        [](const GradientArgs& g) {
          const Terms t(g);
          const Value part = t.b.div(t.dy, g.operands[1]);
          accumulate(g, 0, part);
          if (g.wanted[1]) accumulate(g, 1, t.b.neg(t.b.mul(part, t.y)));
        },
    .eval = zip<[](double a, double b) { return a / b; }, divide>,
};

constinit const OpDef def_rem{
    .form = "(a: T[S], b: T[S]) -> T[S], T numbers",
    .doc = "a - b·floor(a / b), Python's %: the sign of b. Integers by zero give 0, floats NaN.",
    .infer = binary<kNumbers>,
    .gradient =
        [](const GradientArgs& g) {
          const Terms t(g);
          accumulate(g, 0, t.dy);
          if (!g.wanted[1]) return;
          const Value quotient = t.b.make(Op::floor, {t.b.div(t.x, g.operands[1])});
          accumulate(g, 1, t.b.neg(t.b.mul(t.dy, quotient)));
        },
    .eval = zip<[](double a, double b) { return a - b * std::floor(a / b); }, floored_remainder>,
};

constinit const OpDef def_pow{
    .form = "(a: T[S], b: T[S]) -> T[S], T floats",
    .doc = "a to the power b, as C's pow. The gradient of b is 0 where a is not positive.",
    .infer = binary<kFloats>,
    .gradient = gradient_of_pow,
    .eval = zip<[](double a, double b) { return std::pow(a, b); }, nullptr>,
};

constinit const OpDef def_max{
    .form = "(a: T[S], b: T[S]) -> T[S], T numbers",
    .doc =
        "b if b > a or b is NaN, else a. An operand that equals a constant gets no gradient: relu, max(x, "
        "0.0), is flat at 0.",
    .infer = binary<kNumbers>,
    .gradient = [](const GradientArgs& g) { gradient_of_choice(g, true); },
    .eval =
        zip<[](double a, double b) { return elements::max_of(a, b, DType::f64); }, elements::max_of<int64_t>>,
};

constinit const OpDef def_min{
    .form = "(a: T[S], b: T[S]) -> T[S], T numbers",
    .doc = "b if b < a or b is NaN, else a. An operand that equals a constant gets no gradient.",
    .infer = binary<kNumbers>,
    .gradient = [](const GradientArgs& g) { gradient_of_choice(g, false); },
    .eval =
        zip<[](double a, double b) { return elements::min_of(a, b, DType::f64); }, elements::min_of<int64_t>>,
};

constinit const OpDef def_and_{
    .form = "(a: T[S], b: T[S]) -> T[S], T integers or booleans",
    .doc = "Bit by bit; logical on booleans.",
    .infer = binary<kBits>,
    .gradient = not_differentiable,
    .eval = zip_bits<[](int64_t a, int64_t b, DType) { return a & b; }>,
};

constinit const OpDef def_or_{
    .form = "(a: T[S], b: T[S]) -> T[S], T integers or booleans",
    .doc = "Bit by bit; logical on booleans.",
    .infer = binary<kBits>,
    .gradient = not_differentiable,
    .eval = zip_bits<[](int64_t a, int64_t b, DType) { return a | b; }>,
};

constinit const OpDef def_xor_{
    .form = "(a: T[S], b: T[S]) -> T[S], T integers or booleans",
    .doc = "Bit by bit; logical on booleans.",
    .infer = binary<kBits>,
    .gradient = not_differentiable,
    .eval = zip_bits<[](int64_t a, int64_t b, DType) { return a ^ b; }>,
};

constinit const OpDef def_shl{
    .form = "(a: T[S], b: T[S]) -> T[S], T integers",
    .doc = "a shifted left by b bits; 0 if b is not in 0 … width - 1.",
    .infer = binary<kIntegers>,
    .gradient = not_differentiable,
    .eval = zip_bits<shift_left>,
};

constinit const OpDef def_shr{
    .form = "(a: T[S], b: T[S]) -> T[S], T integers",
    .doc =
        "a shifted right by b bits, filled with the sign, or with 0 if T has none; nothing but filling if b "
        "is not in 0 … width - 1.",
    .infer = binary<kIntegers>,
    .gradient = not_differentiable,
    .eval = zip_bits<shift_right>,
};

constinit const OpDef def_eq{
    .form = "(a: T[S], b: T[S]) -> bool[S], T anything",
    .doc = "a = b; false on NaN.",
    .infer = comparison<kAny>,
    .gradient = not_differentiable,
    .eval = compare<[](auto a, auto b, DType) { return a == b; }>,
};

constinit const OpDef def_ne{
    .form = "(a: T[S], b: T[S]) -> bool[S], T anything",
    .doc = "a ≠ b; true on NaN.",
    .infer = comparison<kAny>,
    .gradient = not_differentiable,
    .eval = compare<[](auto a, auto b, DType) { return a != b; }>,
};

constinit const OpDef def_lt{
    .form = "(a: T[S], b: T[S]) -> bool[S], T numbers",
    .doc = "a < b; false on NaN.",
    .infer = comparison<kNumbers>,
    .gradient = not_differentiable,
    .eval = compare<[](auto a, auto b, DType dtype) { return elements::less(a, b, dtype); }>,
};

constinit const OpDef def_le{
    .form = "(a: T[S], b: T[S]) -> bool[S], T numbers",
    .doc = "a ≤ b; false on NaN.",
    .infer = comparison<kNumbers>,
    .gradient = not_differentiable,
    .eval = compare<[](auto a, auto b, DType dtype) { return elements::less(a, b, dtype) || a == b; }>,
};

// ---- three ----

constinit const OpDef def_select{
    .form = "(p: bool[S], a: T[S], b: T[S]) -> T[S], T anything",
    .doc = "a where the predicate is true, b elsewhere: select(predicate, a, b).",
    .infer = infer_select,
    .gradient = gradient_of_select,
    .eval = eval_select,
};

}  // namespace keratin
