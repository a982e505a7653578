// Functions of one real number, element by element: roundings, powers of e, logarithms, the circular and hyperbolic ones.
// Gradients are those of the formula; abs' is sign, so 0 at 0.
#include <cmath>
#include <numbers>

#include "ir/ops/elements.h"
#include "ir/ops/pointwise.h"

namespace keratin {
namespace {

using namespace pointwise;
using elements::minus;

double sign_of(double v) { return v > 0 ? 1.0 : v < 0 ? -1.0 : v; }
double sigmoid(double v) { return v >= 0 ? 1 / (1 + std::exp(-v)) : std::exp(v) / (1 + std::exp(v)); }
double softplus(double v) { return v > 0 ? v + std::log1p(std::exp(-v)) : std::log1p(std::exp(v)); }

}  // namespace

constinit const OpDef def_abs{
    .form = "(x: T[S]) -> T[S], T signed numbers",
    .doc = "|x|; the smallest integer stays as it is. The gradient at 0 is 0.",
    .infer = unary<kSignedNumbers>,
    .gradient = scaled<[](const Terms& t) { return t.b.make(Op::sign, {t.x}); }>,
    .eval =
        map<[](double v) { return std::fabs(v); }, [](int64_t v, DType) { return v < 0 ? minus(0, v) : v; }>,
};

constinit const OpDef def_sign{
    .form = "(x: T[S]) -> T[S], T signed numbers",
    .doc = "-1, 0 or 1; NaN and both zeros stay as they are.",
    .infer = unary<kSignedNumbers>,
    .gradient = not_differentiable,
    .eval = map<sign_of, [](int64_t v, DType) { return static_cast<int64_t>(v > 0) - (v < 0); }>,
};

constinit const OpDef def_floor{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "The greatest whole number not above x.",
    .infer = unary<kFloats>,
    .gradient = not_differentiable,
    .eval = map<[](double v) { return std::floor(v); }>,
};

constinit const OpDef def_ceil{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "The smallest whole number not below x.",
    .infer = unary<kFloats>,
    .gradient = not_differentiable,
    .eval = map<[](double v) { return std::ceil(v); }>,
};

constinit const OpDef def_round{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "The nearest whole number, ties to even.",
    .infer = unary<kFloats>,
    .gradient = not_differentiable,
    .eval = map<[](double v) { return std::nearbyint(v); }>,
};

constinit const OpDef def_sqrt{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "The square root; NaN below 0.",
    .infer = unary<kFloats>,
    .gradient = scaled<[](const Terms& t) { return t.b.div(t.number(0.5), t.y); }>,
    .eval = map<[](double v) { return std::sqrt(v); }>,
};

constinit const OpDef def_rsqrt{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "1 / √x",
    .infer = unary<kFloats>,
    .gradient =
        scaled<[](const Terms& t) { return t.b.mul(t.number(-0.5), t.b.mul(t.y, t.b.mul(t.y, t.y))); }>,
    .eval = map<[](double v) { return 1 / std::sqrt(v); }>,
};

constinit const OpDef def_exp{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "e to the power x.",
    .infer = unary<kFloats>,
    .gradient = scaled<[](const Terms& t) { return t.y; }>,
    .eval = map<[](double v) { return std::exp(v); }>,
};

constinit const OpDef def_expm1{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "e^x - 1, exact near 0.",
    .infer = unary<kFloats>,
    .gradient = scaled<[](const Terms& t) { return t.b.exp(t.x); }>,
    .eval = map<[](double v) { return std::expm1(v); }>,
};

constinit const OpDef def_log{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "The natural logarithm; -inf at 0, NaN below.",
    .infer = unary<kFloats>,
    .gradient =
        [](const GradientArgs& g) { accumulate(g, 0, g.builder.div(g.result_gradients[0], g.operands[0])); },
    .eval = map<[](double v) { return std::log(v); }>,
};

constinit const OpDef def_log1p{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "log(1 + x), exact near 0.",
    .infer = unary<kFloats>,
    .gradient =
        [](const GradientArgs& g) {
          const Terms t(g);
          accumulate(g, 0, t.b.div(t.dy, t.b.add(t.x, t.number(1))));
        },
    .eval = map<[](double v) { return std::log1p(v); }>,
};

constinit const OpDef def_sin{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "The sine of x in radians.",
    .infer = unary<kFloats>,
    .gradient = scaled<[](const Terms& t) { return t.b.make(Op::cos, {t.x}); }>,
    .eval = map<[](double v) { return std::sin(v); }>,
};

constinit const OpDef def_cos{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "The cosine of x in radians.",
    .infer = unary<kFloats>,
    .gradient = scaled<[](const Terms& t) { return t.b.neg(t.b.make(Op::sin, {t.x})); }>,
    .eval = map<[](double v) { return std::cos(v); }>,
};

constinit const OpDef def_tanh{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "The hyperbolic tangent.",
    .infer = unary<kFloats>,
    .gradient = scaled<[](const Terms& t) { return t.b.sub(t.number(1), t.b.mul(t.y, t.y)); }>,
    .eval = map<[](double v) { return std::tanh(v); }>,
};

constinit const OpDef def_sigmoid{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "1 / (1 + e^-x), without overflow for any x.",
    .infer = unary<kFloats>,
    .gradient = scaled<[](const Terms& t) { return t.b.mul(t.y, t.b.sub(t.number(1), t.y)); }>,
    .eval = map<sigmoid>,
};

constinit const OpDef def_softplus{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "log(1 + e^x), without overflow for any x.",
    .infer = unary<kFloats>,
    .gradient = scaled<[](const Terms& t) { return t.b.make(Op::sigmoid, {t.x}); }>,
    .eval = map<softplus>,
};

constinit const OpDef def_erf{
    .form = "(x: T[S]) -> T[S], T floats",
    .doc = "The error function, 2/√π · ∫ e^(-t²) dt from 0 to x.",
    .infer = unary<kFloats>,
    .gradient = scaled<[](const Terms& t) {
      return t.b.mul(t.number(2 * std::numbers::inv_sqrtpi), t.b.exp(t.b.neg(t.b.mul(t.x, t.x))));
    }>,
    .eval = map<[](double v) { return std::erf(v); }>,
};

}  // namespace keratin
