// Functions of one number: roots, powers of e, angles, rounding, signs.
#include "frontend/elementary.h"

#include <cmath>
#include <limits>

#include "frontend/operations/tables.h"

namespace keratin {
namespace {

/// Of floats; integers become floats.
template <Op op>
Outputs real_function(OperationCall& call) {
  return unary(op, call.real(0));
}

/// What is composed of many steps is not rounded to 16 bits in between.
template <Expr (*function)(const Expr&)>
Outputs of_real(OperationCall& call) {
  const Expr x = call.real(0);
  const Expr y = function(cast(x, promote(x.dtype(), DType::f32)));
  return y.dtype() == DType::boolean ? y : cast(y, x.dtype());
}

template <double factor>
Outputs scaled(OperationCall& call) {
  return call.real(0) * factor;
}

template <double factor>
Outputs scaled_log(OperationCall& call) {
  return unary(Op::log, call.real(0)) * factor;
}

/// Integers stay what they are.
template <Expr (*function)(const Expr&)>
Outputs rounding(OperationCall& call) {
  const Expr x = call.tensor(0);
  return is_float(x.dtype()) ? function(x) : x;
}

Outputs negative(OperationCall& call) {
  const Expr x = call.tensor(0);
  return is_signed(x.dtype()) ? -x : number(x, 0) - x;
}

Outputs absolute(OperationCall& call) {
  const Expr x = call.tensor(0);
  return is_signed(x.dtype()) ? unary(Op::abs, x) : x;
}

Outputs sign(OperationCall& call) {
  const Expr x = call.tensor(0);
  return is_signed(x.dtype()) ? unary(Op::sign, x) : minimum(x, 1);
}

Outputs square(OperationCall& call) {
  const Expr x = call.tensor(0);
  return x.dtype() == DType::boolean ? x : x * x;
}

constexpr Arg kRoundParams[] = {{"decimals", ArgKind::integer, "0"}};

/// To a number of digits behind the point, or (negative) before it.
Outputs round(OperationCall& call) {
  const Expr x = call.tensor(0);
  const int64_t decimals = call.args().integer("decimals");
  if (!is_float(x.dtype()) && decimals >= 0) return x;
  if (decimals == 0) return unary(Op::round, x);
  const double factor = std::pow(10.0, static_cast<double>(decimals));
  const Expr wide = cast(x, promote(to_float(x).dtype(), DType::f32));
  return cast(unary(Op::round, wide * factor) / factor, x.dtype());
}

Expr is_positive_infinity(const Expr& x) {
  return equal(x, number(x, std::numeric_limits<double>::infinity()));
}
Expr is_negative_infinity(const Expr& x) {
  return equal(x, number(x, -std::numeric_limits<double>::infinity()));
}

Outputs sign_bit(OperationCall& call) {
  const Expr x = call.tensor(0);
  return is_float(x.dtype()) ? is_negative(x) : less(cast(x, promote(x.dtype(), DType::i32)), 0);
}

constexpr Arg kNanParams[] = {
    {"nan", ArgKind::real, "0.0"},
    {"posinf", ArgKind::any, "null"},
    {"neginf", ArgKind::any, "null"},
};

/// Infinities become what is given for them, or the outermost finite numbers.
Outputs nan_to_num(OperationCall& call) {
  const Expr x = call.tensor(0);
  if (!is_float(x.dtype())) return x;
  const double greatest = greatest_finite(x.dtype());
  const auto given = [&](std::string_view name, double otherwise) {
    return number(x, call.args().is_null(name) ? otherwise : call.args().json(name).as_double());
  };
  const Expr finite = where(is_positive_infinity(x), given("posinf", greatest),
                            where(is_negative_infinity(x), given("neginf", -greatest), x));
  return where(is_nan(x), number(x, call.args().real("nan")), finite);
}

// Numbers are real here: there are no complex dtypes.

Outputs itself(OperationCall& call) { return call.tensor(0); }
Outputs imaginary_part(OperationCall& call) { return number(call.tensor(0), 0); }
Outputs is_real(OperationCall& call) { return cast(number(call.tensor(0), 1), DType::boolean); }

Outputs angle(OperationCall& call) {
  const Expr x = call.real(0);
  return where(is_nan(x), x, where(is_negative(x), number(x, kPi), number(x, 0)));
}

constexpr OperationDef kRows[] = {
    {"Negative", "x", negative},
    {"Absolute", "x", absolute},
    {"Abs", "x", absolute},
    {"Fabs", "x", [](OperationCall& call) { return Outputs(unary(Op::abs, call.real(0))); }},
    {"Sign", "x", sign},
    {"Signbit", "x", sign_bit},
    {"Square", "x", square},
    {"Reciprocal", "x", [](OperationCall& call) { return Outputs(1.0 / call.tensor(0)); }},

    {"Floor", "x", real_function<Op::floor>},
    {"Ceil", "x", real_function<Op::ceil>},
    {"Trunc", "x", rounding<trunc>},
    {"Round", "x", round, kRoundParams},

    {"Sqrt", "x", real_function<Op::sqrt>},
    {"Rsqrt", "x", real_function<Op::rsqrt>},
    {"Cbrt", "x", of_real<cbrt>},
    {"Exp", "x", real_function<Op::exp>},
    {"Exp2", "x", of_real<exp2>},
    {"Expm1", "x", real_function<Op::expm1>},
    {"Log", "x", real_function<Op::log>},
    {"Log1p", "x", real_function<Op::log1p>},
    {"Log2", "x", scaled_log<1 / kLn2>},
    {"Log10", "x", scaled_log<0.43429448190325182765>},

    {"Sin", "x", real_function<Op::sin>},
    {"Cos", "x", real_function<Op::cos>},
    {"Tan", "x", of_real<tan>},
    {"Arcsin", "x", of_real<arcsin>},
    {"Arccos", "x", of_real<arccos>},
    {"Arctan", "x", of_real<arctan>},
    {"Sinh", "x", of_real<sinh>},
    {"Cosh", "x", of_real<cosh>},
    {"Tanh", "x", real_function<Op::tanh>},
    {"Arcsinh", "x", of_real<arcsinh>},
    {"Arccosh", "x", of_real<arccosh>},
    {"Arctanh", "x", of_real<arctanh>},
    {"Sinc", "x", of_real<sinc>},
    {"Deg2rad", "x", scaled<kPi / 180>},
    {"Rad2deg", "x", scaled<180 / kPi>},

    {"Erf", "x", real_function<Op::erf>},
    {"Erfc", "x", of_real<erfc>},
    {"Erfinv", "x", of_real<erfinv>},
    {"I0", "x", of_real<bessel_i0>},

    {"Isnan", "x", of_real<is_nan>},
    {"Isinf", "x", of_real<is_infinite>},
    {"Isfinite", "x", of_real<is_finite>},
    {"Isposinf", "x", of_real<is_positive_infinity>},
    {"Isneginf", "x", of_real<is_negative_infinity>},
    {"NanToNum", "x", nan_to_num, kNanParams},

    {"Real", "x", itself},
    {"Conj", "x", itself},
    {"Conjugate", "x", itself},
    {"Imag", "x", imaginary_part},
    {"Isreal", "x", is_real},
    {"Angle", "x", angle},
    refused("Gammainc", "its iterations have no fixed bound"),
    refused("ViewAsComplex", "there are no complex dtypes"),
    refused("ViewAsReal", "there are no complex dtypes"),
    refused("Polar", "there are no complex dtypes"),
};

}  // namespace

std::span<const OperationDef> elementary_operations() { return kRows; }

}  // namespace keratin
