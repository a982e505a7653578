#include "frontend/training/optimizers.h"

#include <algorithm>
#include <utility>

#include "frontend/model_file.h"
#include "frontend/training/schedules.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

/// "dense/kernel" and "momentum" are "dense_kernel_momentum".
std::string slot_name(std::string variable, std::string_view slot) {
  std::replace(variable.begin(), variable.end(), '/', '_');
  return cat(variable, "_", slot);
}

}  // namespace

Expr VariableUpdate::slot(std::string_view name) const {
  Builder& builder = variable.builder();
  return {builder, builder.var(cat(path_, name), variable.value().type())};
}

void VariableUpdate::set_slot(std::string_view name, const Expr& value) const {
  variable.builder().update(cat(path_, name), value.value());
}

namespace {

Expr square(const Expr& x) { return x * x; }
Expr root(const Expr& x) { return unary(Op::sqrt, x); }

// ---- SGD: B. Polyak 1964; Y. Nesterov 1983 ----

constexpr Arg kSgdArgs[] = {{"momentum", ArgKind::real, "0.0"}, {"nesterov", ArgKind::boolean, "false"}};

std::vector<std::vector<std::string_view>> sgd_slots(const Args& args) {
  if (args.real("momentum") == 0) return {};
  return {{"momentum"}};
}

Expr sgd(const VariableUpdate& u) {
  const double momentum = u.args.real("momentum");
  const Expr step = u.gradient * u.rate;
  if (momentum == 0) return u.variable - step;
  const Expr m = u.slot("momentum") * momentum - step;
  u.set_slot("momentum", m);
  return u.args.boolean("nesterov") ? u.variable + (m * momentum - step) : u.variable + m;
}

// ---- Adam: D. Kingma, J. Ba, ICLR 2015; amsgrad: S. Reddi et al., ICLR 2018; AdamW: I. Loshchilov, F. Hutter, ICLR 2019 ----

constexpr Arg kAdamArgs[] = {
    {"beta_1", ArgKind::real, "0.9"},
    {"beta_2", ArgKind::real, "0.999"},
    {"epsilon", ArgKind::real, "1e-07"},
    {"amsgrad", ArgKind::boolean, "false"},
};

std::vector<std::vector<std::string_view>> adam_slots(const Args& args) {
  if (args.boolean("amsgrad")) return {{"momentum", "velocity"}, {"velocity_hat"}};
  return {{"momentum", "velocity"}};
}

/// Unlike in the paper, epsilon is added before the correction of the bias.
Expr adam(const VariableUpdate& u) {
  const double beta_1 = u.args.real("beta_1"), beta_2 = u.args.real("beta_2");
  auto left = [&](double beta) { return 1 - binary(Op::pow, number(u.step, beta), u.step); };
  const Expr rate = u.rate * root(left(beta_2)) / left(beta_1);
  const Expr old_m = u.slot("momentum"), old_v = u.slot("velocity");
  const Expr m = old_m + (u.gradient - old_m) * (1 - beta_1);
  const Expr v = old_v + (square(u.gradient) - old_v) * (1 - beta_2);
  u.set_slot("momentum", m);
  u.set_slot("velocity", v);
  Expr largest = v;
  if (u.args.boolean("amsgrad")) {
    largest = maximum(u.slot("velocity_hat"), v);
    u.set_slot("velocity_hat", largest);
  }
  return u.variable - m * rate / (root(largest) + u.args.real("epsilon"));
}

// ---- RMSprop: T. Tieleman, G. Hinton 2012; centered: A. Graves 2013 ----

constexpr Arg kRmspropArgs[] = {
    {"rho", ArgKind::real, "0.9"},
    {"momentum", ArgKind::real, "0.0"},
    {"epsilon", ArgKind::real, "1e-07"},
    {"centered", ArgKind::boolean, "false"},
};

std::vector<std::vector<std::string_view>> rmsprop_slots(const Args& args) {
  std::vector<std::vector<std::string_view>> slots{{"velocity"}};
  if (args.real("momentum") > 0) slots.push_back({"momentum"});
  if (args.boolean("centered")) slots.push_back({"average_gradient"});
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

// ---- the table ----

constexpr OptimizerDef kOptimizers[] = {
    {{"SGD", "sgd", kSgdArgs}, sgd_slots, sgd},
    {{"Adam", "adam", kAdamArgs}, adam_slots, adam},
    {{"AdamW", "adamw", kAdamArgs}, adam_slots, adam},
    {{"RMSprop", "rmsprop", kRmspropArgs}, rmsprop_slots, rmsprop},
};

/// What every optimizer has.
constexpr Arg kCommonArgs[] = {
    {"learning_rate", ArgKind::any, "null"},
    {"weight_decay", ArgKind::any, "null"},
    {"clipnorm", ArgKind::any, "null"},
    {"global_clipnorm", ArgKind::any, "null"},
    {"clipvalue", ArgKind::any, "null"},
    {"use_ema", ArgKind::fixed, "false"},
    {"ema_momentum", ArgKind::any, "null"},
    {"ema_overwrite_frequency", ArgKind::any, "null"},
    {"loss_scale_factor", ArgKind::fixed, "null"},
    {"gradient_accumulation_steps", ArgKind::fixed, "null"},
};

constexpr double kSgdRate = 0.01, kDefaultRate = 0.001, kAdamWDecay = 0.004;

double default_rate(const OptimizerDef& def) { return def.class_name == "SGD" ? kSgdRate : kDefaultRate; }

Expr norm(const std::vector<Expr>& gradients) {
  Expr squares;
  for (const Expr& g : gradients) {
    const Expr own = sum(square(g), axes_from(g, 0));
    squares = squares ? squares + own : own;
  }
  return root(squares);
}

}  // namespace

Optimizer::Optimizer(const Json& object, const std::string& where) {
  const Serialized serialized = read_serialized(object, "the optimizer");
  def_ = &find_row<OptimizerDef>(kOptimizers, serialized.class_name, "optimizer", where);
  config_ = serialized.config;
  std::vector<Arg> args(def_->args.begin(), def_->args.end());
  args.insert(args.end(), std::begin(kCommonArgs), std::end(kCommonArgs));
  args_ = Args(args, config_, cat(where, ": optimizer ", def_->class_name));
  const Json& name = config_["name"];
  name_ = name.is_string() ? name.as_string() : snake_case(def_->class_name);
}

std::string Optimizer::path(std::string_view variable) const { return cat("optimizer/", variable); }

std::vector<Variable> Optimizer::variables(const std::vector<Variable>& trained) const {
  std::vector<Variable> own;
  const auto add = [&](std::string_view name, Type type, double value) {
    auto data = std::make_shared<Tensor>(type.dtype, std::vector<int64_t>{});
    data->set(0, value);
    own.push_back({path(name), std::move(type), Role::state, false, std::move(data)});
  };
  add("iteration", Type(DType::i32, {}), 0);
  const Json& rate = args_.json("learning_rate");
  if (!rate.is_object())
    add("learning_rate", Type(DType::f32, {}), rate.is_null() ? default_rate(*def_) : rate.as_double());
  for (const std::vector<std::string_view>& group : def_->slots(args_))
    for (const Variable& variable : trained)
      for (const std::string_view slot : group)
        own.push_back({path(slot_name(variable.name, slot)), variable.type, Role::state, false, nullptr});
  return own;
}

Expr Optimizer::iterations(Builder& builder) const {
  return {builder, builder.var(path("iteration"), Type(DType::i32, {}))};
}

std::vector<Expr> Optimizer::clipped(std::vector<Expr> gradients) const {
  const Json &by_norm = args_.json("clipnorm"), &by_all = args_.json("global_clipnorm"),
             &by_value = args_.json("clipvalue");
  if (!by_norm.is_null() + !by_all.is_null() + !by_value.is_null() > 1)
    args_.reject(by_norm.is_null() ? "clipvalue" : "clipnorm",
                 "only one of clipnorm, global_clipnorm and clipvalue can be set");
  if (!by_norm.is_null()) {
    for (Expr& g : gradients) g = g * by_norm.as_double() / maximum(norm({g}), by_norm.as_double());
  } else if (!by_all.is_null()) {
    const Expr scale = by_all.as_double() / maximum(norm(gradients), by_all.as_double());
    for (Expr& g : gradients) g = g * scale;
  } else if (!by_value.is_null()) {
    for (Expr& g : gradients) g = clip(g, -by_value.as_double(), by_value.as_double());
  }
  return gradients;
}

void Optimizer::apply(Builder& builder, const std::vector<Variable>& trained,
                      std::vector<Expr> gradients) const {
  const Expr before = iterations(builder), step = cast(before, DType::f32);
  const Json& given = args_.json("learning_rate");
  const Expr rate = given.is_object()
                        ? scheduled_rate(given, step, args_.where())
                        : Expr(builder, builder.var(path("learning_rate"), Type(DType::f32, {})));
  gradients = clipped(std::move(gradients));
  const Json& decay = args_.json("weight_decay");
  const bool decays = !decay.is_null() || def_->class_name == "AdamW";
  for (size_t i = 0; i < trained.size(); ++i) {
    Expr variable(builder, builder.var(trained[i]));
    if (decays) variable = variable - variable * (rate * (decay.is_null() ? kAdamWDecay : decay.as_double()));
    const VariableUpdate update(args_, variable, gradients[i], rate, step + 1,
                                path(slot_name(trained[i].name, "")));
    builder.update(trained[i].name, def_->update(update).value());
  }
  builder.update(path("iteration"), (before + 1).value());
}

}  // namespace keratin
