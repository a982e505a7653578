// Optimizers that divide an average of the gradient by one of its size: Adam and what came of it.
#include "frontend/training/update_rules.h"
#include "ir/error.h"

namespace keratin {
namespace {

std::vector<std::vector<Slot>> two_moments(const Args&, const Variable& v) {
  return {{{"momentum", v.type.shape}, {"velocity", v.type.shape}}};
}

constexpr Arg kMomentArgs[] = {
    {"beta_1", ArgKind::real, "0.9"},
    {"beta_2", ArgKind::real, "0.999"},
    {"epsilon", ArgKind::real, "1e-07"},
};

// ---- Adam: D. Kingma, J. Ba, ICLR 2015; amsgrad: S. Reddi et al., ICLR 2018; AdamW: I. Loshchilov, F. Hutter, ICLR 2019 ----

constexpr Arg kAdamArgs[] = {
    {"beta_1", ArgKind::real, "0.9"},
    {"beta_2", ArgKind::real, "0.999"},
    {"epsilon", ArgKind::real, "1e-07"},
    {"amsgrad", ArgKind::boolean, "false"},
};

std::vector<std::vector<Slot>> adam_slots(const Args& args, const Variable& v) {
  std::vector<std::vector<Slot>> slots = two_moments(args, v);
  if (args.boolean("amsgrad")) slots.push_back({{"velocity_hat", v.type.shape}});
  return slots;
}

Expr adam(const VariableUpdate& u) {
  return adam_step(u, u.args.real("beta_1"), u.args.real("beta_2"), u.rate);
}

std::optional<double> adamw_decay(const Args& args, const Variable&) {
  constexpr double kDecay = 0.004;
  const std::optional<double> decay = optional_real(args, "weight_decay", kDecay);
  if (!decay) args.reject("weight_decay", "AdamW needs a number", {}, ErrorKind::data);
  return decay;
}

// ---- Adamax: D. Kingma, J. Ba, ICLR 2015 ----

std::vector<std::vector<Slot>> adamax_slots(const Args&, const Variable& v) {
  return {{{"momentum", v.type.shape}, {"norm", v.type.shape}}};
}

Expr adamax(const VariableUpdate& u) {
  const double beta_1 = u.args.real("beta_1");
  const Expr m = averaged(u, "momentum", u.gradient, beta_1);
  const Expr norm = maximum(u.slot("norm") * u.args.real("beta_2"), unary(Op::abs, u.gradient));
  u.set_slot("norm", norm);
  return u.variable - m * u.rate / (weight_so_far(u, beta_1) * (norm + u.args.real("epsilon")));
}

// ---- Nadam: T. Dozat, ICLR workshop 2016 ----

const Slot kNadamShared[] = {{.name = "momentum_product", .initial = 1, .is_overlooked = true}};

/// The decay of the first moment warms up; the product of all decays so far takes the place of its power.
Expr nadam(const VariableUpdate& u) {
  constexpr double kWarmUp = 0.96;
  const double beta_1 = rounded(u.args, "beta_1"), beta_2 = rounded(u.args, "beta_2");
  const auto decay = [&](const Expr& step) { return (1 - power(kWarmUp, step) * 0.5) * beta_1; };
  const Expr now = decay(u.step), next = decay(u.step + 1);
  const Expr product = u.shared("momentum_product") * now;
  u.set_shared("momentum_product", product);
  const Expr m = averaged(u, "momentum", u.gradient, beta_1);
  const Expr v = averaged(u, "velocity", square(u.gradient), beta_2);
  const Expr ahead = m * next / (1 - product * next) + u.gradient * (1 - now) / (1 - product);
  return u.variable - ahead * u.rate / (root(v / weight_so_far(u, beta_2)) + u.args.real("epsilon"));
}

// ---- LAMB: Y. You et al., ICLR 2020 ----

Expr length(const Expr& x) { return root(sum(square(x), axes_from(x, 0))); }

/// The step is as long as the variable, times the rate.
Expr lamb(const VariableUpdate& u) {
  const double beta_1 = u.args.real("beta_1"), beta_2 = u.args.real("beta_2");
  const Expr m = averaged(u, "momentum", u.gradient, beta_1) / weight_so_far(u, beta_1);
  const Expr v = averaged(u, "velocity", square(u.gradient), beta_2) / weight_so_far(u, beta_2);
  const Expr step = m / (root(v) + u.args.real("epsilon"));
  const Expr of_variable = length(u.variable), of_step = length(step);
  const Expr both = logical_and(greater(of_variable, 0), greater(of_step, 0));
  return u.variable - step * (where(both, of_variable / of_step, number(of_step, 1)) * u.rate);
}

// ---- Schedule-free AdamW: A. Defazio et al., NeurIPS 2024 ----

constexpr double kScheduleFreeRate = 0.0025;
constexpr Arg kScheduleFreeArgs[] = {
    {"beta_1", ArgKind::real, "0.9"},
    {"beta_2", ArgKind::real, "0.999"},
    {"epsilon", ArgKind::real, "1e-08"},
    {"warmup_steps", ArgKind::real, "0"},
};

std::vector<std::vector<Slot>> schedule_free_slots(const Args&, const Variable& v) {
  return {{{"momentum", v.type.shape, 0, true}, {"velocity", v.type.shape}}};
}

/// The momentum is where plain steps lead; the variable lies between it and the mean of where they have led. That mean is not kept: it
/// follows from the two.
Expr schedule_free(const VariableUpdate& u) {
  const double beta_1 = rounded(u.args, "beta_1"), beta_2 = rounded(u.args, "beta_2");
  const double warmup = u.args.real("warmup_steps");
  const Expr rate = warmup > 0 ? u.rate * minimum(u.step / warmup, 1) : u.rate;
  const Expr v = averaged(u, "velocity", square(u.gradient), beta_2);
  const Expr size = root(v / weight_so_far(u, beta_2)) + u.args.real("epsilon");
  const Expr old = u.slot("momentum"), led = old - u.gradient * rate / size;
  u.set_slot("momentum", led);
  const Expr weight = 1 / u.step, old_mean = (u.variable - old * (1 - beta_1)) / beta_1;
  const Expr new_mean = old_mean * (1 - weight) + led * weight;
  return led * (1 - beta_1) + new_mean * beta_1;
}

// ---- the table ----

const OptimizerDef kRules[] = {
    {{"Adam", "adam", kAdamArgs}, adam_slots, adam},
    {{"AdamW", "adamw", kAdamArgs}, adam_slots, adam, kUsualRate, adamw_decay},
    {{"Adamax", "adamax", kMomentArgs}, adamax_slots, adamax},
    {{"Nadam", "nadam", kMomentArgs}, two_moments, nadam, kUsualRate, usual_decay, kNadamShared},
    {{"Lamb", "lamb", kMomentArgs}, two_moments, lamb},
    {{"ScheduleFreeAdamW", "schedulefreeadamw", kScheduleFreeArgs},
     schedule_free_slots,
     schedule_free,
     kScheduleFreeRate},
};

}  // namespace

std::span<const OptimizerDef> moment_rules() { return kRules; }

}  // namespace keratin
