// Optimizers that go along the gradient, or divide it by what its squares have added up to.
#include "frontend/training/update_rules.h"

namespace keratin {
namespace {

// ---- SGD: B. Polyak 1964; Y. Nesterov 1983 ----

constexpr Arg kSgdArgs[] = {{"momentum", ArgKind::real, "0.0"}, {"nesterov", ArgKind::boolean, "false"}};
constexpr double kSgdRate = 0.01;

std::vector<std::vector<Slot>> sgd_slots(const Args& args, const Variable& v) {
  if (args.real("momentum") == 0) return {};
  return {{{"momentum", v.type.shape}}};
}

Expr sgd(const VariableUpdate& u) {
  const double momentum = u.args.real("momentum");
  const Expr step = u.gradient * u.rate;
  if (momentum == 0) return u.variable - step;
  const Expr m = u.slot("momentum") * momentum - step;
  u.set_slot("momentum", m);
  return u.args.boolean("nesterov") ? u.variable + (m * momentum - step) : u.variable + m;
}

// ---- RMSprop: T. Tieleman, G. Hinton 2012; centered: A. Graves 2013 ----

constexpr Arg kRmspropArgs[] = {
    {"rho", ArgKind::real, "0.9"},
    {"momentum", ArgKind::real, "0.0"},
    {"epsilon", ArgKind::real, "1e-07"},
    {"centered", ArgKind::boolean, "false"},
};

std::vector<std::vector<Slot>> rmsprop_slots(const Args& args, const Variable& v) {
  std::vector<std::vector<Slot>> slots{{{"velocity", v.type.shape}}};
  if (args.real("momentum") > 0) slots.push_back({{"momentum", v.type.shape}});
  if (args.boolean("centered")) slots.push_back({{"average_gradient", v.type.shape}});
  return slots;
}

Expr rmsprop(const VariableUpdate& u) {
  const double rho = u.args.real("rho"), momentum = u.args.real("momentum");
  const Expr v = u.slot("velocity") * rho + square(u.gradient) * (1 - rho);
  u.set_slot("velocity", v);
  Expr spread = v;
  if (u.args.boolean("centered")) {
    const Expr average = u.slot("average_gradient") * rho + u.gradient * (1 - rho);
    u.set_slot("average_gradient", average);
    spread = v - square(average);
  }
  const Expr step = u.gradient * u.rate / root(spread + u.args.real("epsilon"));
  if (momentum <= 0) return u.variable - step;
  const Expr m = u.slot("momentum") * momentum + step;
  u.set_slot("momentum", m);
  return u.variable - m;
}

// ---- Adagrad: J. Duchi, E. Hazan, Y. Singer, JMLR 2011 ----

constexpr Arg kAdagradArgs[] = {
    {"initial_accumulator_value", ArgKind::real, "0.1"},
    {"epsilon", ArgKind::real, "1e-07"},
};

std::vector<std::vector<Slot>> adagrad_slots(const Args& args, const Variable& v) {
  return {{{"accumulator", v.type.shape, args.real("initial_accumulator_value")}}};
}

Expr adagrad(const VariableUpdate& u) {
  const Expr accumulator = u.slot("accumulator") + square(u.gradient);
  u.set_slot("accumulator", accumulator);
  return u.variable - u.gradient * u.rate / root(accumulator + u.args.real("epsilon"));
}

// ---- Adadelta: M. Zeiler 2012 ----

constexpr Arg kAdadeltaArgs[] = {{"rho", ArgKind::real, "0.95"}, {"epsilon", ArgKind::real, "1e-07"}};

std::vector<std::vector<Slot>> adadelta_slots(const Args&, const Variable& v) {
  return {{{"accumulated_grad", v.type.shape}, {"accumulated_delta_var", v.type.shape}}};
}

Expr adadelta(const VariableUpdate& u) {
  const double rho = u.args.real("rho"), epsilon = u.args.real("epsilon");
  const auto moved = [&](std::string_view slot, const Expr& by) {
    const Expr average = u.slot(slot) * rho + square(by) * (1 - rho);
    u.set_slot(slot, average);
    return average;
  };
  const Expr old_deltas = u.slot("accumulated_delta_var");
  const Expr gradients = moved("accumulated_grad", u.gradient);
  const Expr delta = -(root(old_deltas + epsilon) * u.gradient / root(gradients + epsilon));
  moved("accumulated_delta_var", delta);
  return u.variable + delta * u.rate;
}

// ---- FTRL: H. B. McMahan et al., KDD 2013 ----

constexpr Arg kFtrlArgs[] = {
    {"learning_rate_power", ArgKind::real, "-0.5"},
    {"initial_accumulator_value", ArgKind::real, "0.1"},
    {"l1_regularization_strength", ArgKind::real, "0.0"},
    {"l2_regularization_strength", ArgKind::real, "0.0"},
    {"l2_shrinkage_regularization_strength", ArgKind::real, "0.0"},
    {"beta", ArgKind::real, "0.0"},
};

std::vector<std::vector<Slot>> ftrl_slots(const Args& args, const Variable& v) {
  return {{{"accumulator", v.type.shape, args.real("initial_accumulator_value")}, {"linear", v.type.shape}}};
}

/// The paper's beta enters as beta / (2 · rate) of L2 regularization.
Expr ftrl(const VariableUpdate& u) {
  const double p = -u.args.real("learning_rate_power"), l1 = u.args.real("l1_regularization_strength");
  const Expr l2 = u.args.real("l2_regularization_strength") + u.args.real("beta") / (u.rate * 2);
  const Expr gradient = u.gradient + u.variable * (2 * u.args.real("l2_shrinkage_regularization_strength"));
  const Expr old = u.slot("accumulator"), accumulator = old + square(u.gradient);
  const Expr linear =
      u.slot("linear") + (gradient - (power(accumulator, p) - power(old, p)) / u.rate * u.variable);
  u.set_slot("accumulator", accumulator);
  u.set_slot("linear", linear);
  return (clip(linear, -l1, l1) - linear) / (power(accumulator, p) / u.rate + l2 * 2);
}

// ---- Lion: X. Chen et al., NeurIPS 2023 ----

constexpr Arg kLionArgs[] = {{"beta_1", ArgKind::real, "0.9"}, {"beta_2", ArgKind::real, "0.99"}};

std::vector<std::vector<Slot>> lion_slots(const Args&, const Variable& v) {
  return {{{"momentum", v.type.shape}}};
}

Expr lion(const VariableUpdate& u) {
  const double beta_1 = rounded(u.args, "beta_1"), beta_2 = rounded(u.args, "beta_2");
  const Expr m = u.slot("momentum");
  u.set_slot("momentum", m * beta_2 + u.gradient * (1 - beta_2));
  return u.variable - unary(Op::sign, m * beta_1 + u.gradient * (1 - beta_1)) * u.rate;
}

// ---- the table ----

constexpr OptimizerDef kRules[] = {
    {{"SGD", "sgd", kSgdArgs}, sgd_slots, sgd, kSgdRate},
    {{"RMSprop", "rmsprop", kRmspropArgs}, rmsprop_slots, rmsprop},
    {{"Adagrad", "adagrad", kAdagradArgs}, adagrad_slots, adagrad},
    {{"Adadelta", "adadelta", kAdadeltaArgs}, adadelta_slots, adadelta},
    {{"Ftrl", "ftrl", kFtrlArgs}, ftrl_slots, ftrl},
    {{"Lion", "lion", kLionArgs}, lion_slots, lion},
};

}  // namespace

std::span<const OptimizerDef> gradient_rules() { return kRules; }

}  // namespace keratin
