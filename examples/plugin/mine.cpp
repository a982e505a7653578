// Classes of somebody's own, as Keratin computes them; mine.py beside this has the same in Python.
//
//     c++ -std=c++20 -shared -fPIC -I<where Keratin is installed>/include/keratin mine.cpp -o mine.so
//     keratin compile model.keras --plugin ./mine.so -o model.so
#include "frontend/plugin.h"

using namespace keratin;

namespace {

// ---- a layer: x + sin²(a·x) / a, with a frequency a per channel that is learned (L. Ziyin et al., NeurIPS 2020) ----

constexpr Arg kSnakeArgs[] = {{"squared", ArgKind::boolean, "true"}};

Outputs snake(Call& call) {
  const Expr x = call.float_input();
  const Expr a = call.variable({"frequency", {x.extent(-1)}, "ones"});
  const Expr wave = unary(Op::sin, a * x);
  return x + (call.args().boolean("squared") ? square(wave) : wave) / a;
}

// ---- a loss: errors below and above a quantile count differently ----

constexpr Arg kTiltedArgs[] = {{"quantile", ArgKind::real, "0.5"}};

LossValues tilted_error(const LossCall& call) {
  const double q = call.args.real("quantile");
  const Expr error = call.target - call.prediction.value;
  return mean(maximum(q * error, (q - 1) * error), {-1});
}

// ---- a metric: whether predictions are too large or too small on the whole ----

void bias(MetricCall& call) { call.add_to_mean(mean(call.prediction.value - call.target, {-1})); }

// ---- an optimizer: the sign of an average of gradients (J. Bernstein et al., ICML 2018) ----

constexpr Arg kSignumArgs[] = {{"momentum", ArgKind::real, "0.9"}};

std::vector<std::vector<Slot>> signum_slots(const Args&, const Variable& variable) {
  return {{{"momentum", variable.type.shape}}};
}

Expr signum(const VariableUpdate& update) {
  const Expr m = averaged(update, "momentum", update.gradient, update.args.real("momentum"));
  return update.variable - unary(Op::sign, m) * update.rate;
}

// ---- its rate: up in proportion to the step, then down as 1/√step (A. Vaswani et al., NeurIPS 2017) ----

constexpr Arg kNoamArgs[] = {{"peak", ArgKind::real}, {"warmup_steps", ArgKind::real}};

Expr noam(const Args& args, const Expr& step) {
  const Expr part = (step + 1) / args.real("warmup_steps");
  return minimum(part, unary(Op::rsqrt, part)) * args.real("peak");
}

// ---- an activation, which is a function in Python (D. So et al., NeurIPS 2021) ----

Expr squared_relu(const Expr& x) { return square(maximum(x, 0)); }

// ---- what layers are told about their weights ----

constexpr Arg kSpreadArgs[] = {{"low", ArgKind::real, "-1.0"}, {"high", ArgKind::real, "1.0"}};

/// From `low` to `high` along the last axis.
Expr spread(const InitializerCall& call) {
  const double low = call.args.real("low"), high = call.args.real("high");
  const Expr zeros = call.full(0);
  return cast(places(zeros, -1), DType::f32) * ((high - low) / static_cast<double>(zeros.extent(-1) - 1)) +
         low;
}

constexpr Arg kLogPenaltyArgs[] = {{"factor", ArgKind::real, "0.01"}};

Expr log_penalty(const Args& args, const Expr& x) {
  return sum(unary(Op::log1p, unary(Op::abs, x)), axes_from(x, 0)) * args.real("factor");
}

/// What goes into a unit has a mean of 0.
Expr centered(const Args&, const Expr& x) { return x - mean(x, {0}, true); }

// ---- their names, as Python registers them ----

constexpr LayerDef kLayers[] = {{"mine>Snake", kSnakeArgs, Masks::pass, snake}};
constexpr LossDef kLosses[] = {{{"mine>TiltedError", "", kTiltedArgs}, LossTarget::values, tilted_error}};
constexpr MetricDef kMetrics[] = {{{"mine>MeanBias", "", {}}, MetricTarget::values, bias, mean_result}};
constexpr OptimizerDef kOptimizers[] = {{{"mine>Signum", "", kSignumArgs}, signum_slots, signum}};
constexpr ScheduleDef kSchedules[] = {{{"mine>Noam", "", kNoamArgs}, noam}};
constexpr ActivationDef kActivations[] = {{"mine>squared_relu", squared_relu}};
constexpr InitializerDef kInitializers[] = {{{"mine>Spread", "", kSpreadArgs}, spread}};
constexpr RegularizerDef kRegularizers[] = {{{"mine>LogPenalty", "", kLogPenaltyArgs}, log_penalty}};
constexpr ConstraintDef kConstraints[] = {{{"mine>Centered", "", {}}, centered}};

}  // namespace

KERATIN_PLUGIN(.layers = kLayers, .losses = kLosses, .metrics = kMetrics, .optimizers = kOptimizers,
               .schedules = kSchedules, .activations = kActivations, .initializers = kInitializers,
               .regularizers = kRegularizers, .constraints = kConstraints)
