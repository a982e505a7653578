#include "frontend/training/update_rules.h"

#include <algorithm>
#include <utility>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

std::string slot_name(std::string variable, std::string_view slot) {
  std::replace(variable.begin(), variable.end(), '/', '_');
  return cat(variable, "_", slot);
}

const Slot* VariableUpdate::find(std::string_view name) const {
  const auto found =
      std::find_if(slots_.begin(), slots_.end(), [&](const Slot& each) { return each.name == name; });
  return found == slots_.end() ? nullptr : &*found;
}

bool VariableUpdate::has_slot(std::string_view name) const { return find(name) != nullptr; }

Expr VariableUpdate::slot(std::string_view name) const {
  const Slot* slot = find(name);
  KERATIN_CHECK(slot != nullptr, cat("slot ", name, " is not declared"));
  const Expr kept = state_.get(cat(prefix_, slot_name(of_.name, name)), Type(of_.type.dtype, slot->shape));
  if (!slot->starts_as_variable) return kept;
  return where(less_equal(step, 1), state_.before(of_.name, of_.type), kept);
}

void VariableUpdate::set_slot(std::string_view name, const Expr& value) const {
  state_.set(cat(prefix_, slot_name(of_.name, name)), value);
}

Expr VariableUpdate::shared(std::string_view name) const {
  const Slot* slot = find(name);
  KERATIN_CHECK(slot != nullptr, cat("slot ", name, " is not declared"));
  if (slot->is_overlooked) return number(step, slot->initial);
  return state_.before(cat(prefix_, name), Type(DType::f32, {}));
}

void VariableUpdate::set_shared(std::string_view name, const Expr& value) const {
  if (find(name)->is_overlooked) return;
  state_.set(cat(prefix_, name), value);
}

std::optional<double> optional_real(const Args& args, std::string_view name, std::optional<double> fallback) {
  if (!args.config().has(name)) return fallback;
  const Json& given = args.json(name);
  if (given.is_null()) return {};
  if (!given.is_number()) args.reject(name, "expected a number or null", {}, ErrorKind::data);
  return given.as_double();
}

double rounded(const Args& args, std::string_view name) { return static_cast<float>(args.real(name)); }

std::optional<double> usual_decay(const Args& args, const Variable&) {
  return optional_real(args, "weight_decay");
}

Expr averaged(const VariableUpdate& u, std::string_view slot, const Expr& by, double beta) {
  const Expr old = u.slot(slot), average = old + (by - old) * (1 - beta);
  u.set_slot(slot, average);
  return average;
}

Expr weight_so_far(const VariableUpdate& u, double beta) { return 1 - power(beta, u.step); }

/// Unlike in the paper, epsilon is added before the correction of the bias.
Expr adam_step(const VariableUpdate& u, double beta_1, double beta_2, const Expr& rate) {
  const Expr corrected = rate * root(weight_so_far(u, beta_2)) / weight_so_far(u, beta_1);
  const Expr m = averaged(u, "momentum", u.gradient, beta_1);
  Expr v = averaged(u, "velocity", square(u.gradient), beta_2);
  if (u.has_slot("velocity_hat")) {
    v = maximum(u.slot("velocity_hat"), v);
    u.set_slot("velocity_hat", v);
  }
  return u.variable - m * corrected / (root(v) + u.args.real("epsilon"));
}

Expr square(const Expr& x) { return x * x; }
Expr root(const Expr& x) { return unary(Op::sqrt, x); }
Expr power(double base, const Expr& exponent) { return binary(Op::pow, number(exponent, base), exponent); }
Expr power(const Expr& x, double exponent) { return binary(Op::pow, x, number(x, exponent)); }

}  // namespace keratin
