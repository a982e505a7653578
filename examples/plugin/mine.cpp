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

// ---- their names, as Python registers them ----

constexpr LayerDef kLayers[] = {{"mine>Snake", kSnakeArgs, Masks::pass, snake}};
constexpr LossDef kLosses[] = {{{"mine>TiltedError", "", kTiltedArgs}, LossTarget::values, tilted_error}};
constexpr MetricDef kMetrics[] = {{{"mine>MeanBias", "", {}}, MetricTarget::values, bias, mean_result}};
constexpr OptimizerDef kOptimizers[] = {{{"mine>Signum", "", kSignumArgs}, signum_slots, signum}};

}  // namespace

KERATIN_PLUGIN(.layers = kLayers, .losses = kLosses, .metrics = kMetrics, .optimizers = kOptimizers)
