// Optimizers for which a matrix is more than its elements.
#include <algorithm>
#include <cctype>
#include <cmath>

#include "frontend/training/name_pattern.h"
#include "frontend/training/update_rules.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

// ---- Adafactor: N. Shazeer, M. Stern, ICML 2018 ----

/// relative_step limits the rate to 1 / √step, which the rule does in any case: it decides nothing.
constexpr Arg kAdafactorArgs[] = {
    {"beta_2_decay", ArgKind::real, "-0.8"},     {"epsilon_1", ArgKind::real, "1e-30"},
    {"epsilon_2", ArgKind::real, "0.001"},       {"clip_threshold", ArgKind::real, "1.0"},
    {"relative_step", ArgKind::boolean, "true"},
};

/// Variables of lower rank have numbers in files in place of rows and columns.
std::vector<std::vector<Slot>> adafactor_slots(const Args&, const Variable& v) {
  if (v.type.rank() < 2)
    return {{{.name = "row", .is_overlooked = true},
             {.name = "column", .is_overlooked = true},
             {"velocity", v.type.shape}}};
  Shape rows = v.type.shape, columns = v.type.shape;
  rows.pop_back();
  columns.erase(columns.end() - 2);
  return {{{"row", rows}, {"column", columns}, {"velocity", v.type.shape}}};
}

Expr root_mean_square(const Expr& x) { return root(mean(square(x), axes_from(x, 0))); }

/// The squares of gradients are kept as means of rows and of columns of the last two axes, and multiplied out again.
Expr adafactor(const VariableUpdate& u) {
  const Expr size = maximum(root_mean_square(u.variable), u.args.real("epsilon_2"));
  const Expr rate = size * minimum(u.rate, 1 / root(u.step));
  const Expr old_weight = 1 - power(u.step, u.args.real("beta_2_decay"));
  const Expr squares = square(u.gradient) + u.args.real("epsilon_1");
  const auto averaged = [&](std::string_view slot, const Expr& by) {
    const Expr average = u.slot(slot) * old_weight + by * (1 - old_weight);
    u.set_slot(slot, average);
    return average;
  };
  Expr v;
  if (u.variable.rank() < 2) {
    v = averaged("velocity", squares);
  } else {
    const Expr rows = averaged("row", mean(squares, {-1})), columns = averaged("column", mean(squares, {-2}));
    v = expand_dims(rows / mean(rows, {-1}, true), -1) * expand_dims(columns, -2);
    u.set_slot("velocity", v);
  }
  const Expr step = u.gradient / root(v);
  return u.variable - step / maximum(root_mean_square(step) / u.args.real("clip_threshold"), 1) * rate;
}

// ---- Muon: K. Jordan et al. 2024; rms_rate: J. Liu et al. 2025 ----

constexpr double kMuonDecay = 0.004;
constexpr Arg kMuonArgs[] = {
    {"adam_beta_1", ArgKind::real, "0.9"},       {"adam_beta_2", ArgKind::real, "0.999"},
    {"adam_weight_decay", ArgKind::any, "null"}, {"epsilon", ArgKind::real, "1e-07"},
    {"exclude_layers", ArgKind::any, "null"},    {"exclude_embeddings", ArgKind::boolean, "true"},
    {"muon_a", ArgKind::real, "3.4445"},         {"muon_b", ArgKind::real, "-4.775"},
    {"muon_c", ArgKind::real, "2.0315"},         {"adam_lr_ratio", ArgKind::real, "1"},
    {"momentum", ArgKind::real, "0.95"},         {"ns_steps", ArgKind::integer, "5"},
    {"nesterov", ArgKind::boolean, "true"},      {"rms_rate", ArgKind::any, "null"},
};

bool is_embedding(std::string path) {
  std::transform(path.begin(), path.end(), path.begin(), [](unsigned char c) { return std::tolower(c); });
  return path.find("embedding") != std::string::npos;
}

/// Whether Adam updates the variable: all but matrices, and what is excluded.
bool is_for_adam(const Args& args, const Variable& v) {
  if (v.type.rank() != 2) return true;
  if (args.boolean("exclude_embeddings") && is_embedding(v.name)) return true;
  const Json& excluded = args.json("exclude_layers");
  return excluded.is_array() &&
         std::any_of(excluded.items().begin(), excluded.items().end(), [&](const Json& pattern) {
           return NamePattern(pattern.as_string(), args.where()).is_in(v.name);
         });
}

std::vector<std::vector<Slot>> muon_slots(const Args& args, const Variable& v) {
  if (is_for_adam(args, v)) return {{{"momentum", v.type.shape}, {"velocity", v.type.shape}}};
  return {{{"momentum", v.type.shape}}};
}

std::optional<double> muon_decay(const Args& args, const Variable& v) {
  return optional_real(args, is_for_adam(args, v) ? "adam_weight_decay" : "weight_decay", kMuonDecay);
}

/// Contracts an axis of `a` with one of `b`.
Expr product(const Expr& a, const Expr& b, int64_t axis_of_a, int64_t axis_of_b) {
  return {a.builder(), a.builder().make(Op::dot, {a.value(), b.value()},
                                        DotAttrs{.contract = {{axis_of_a}, {axis_of_b}}})};
}

/// Moves all singular values of a matrix towards 1: Newton and Schulz's iteration, with a quintic that is steep at 0.
Expr orthogonalized(const Args& args, Expr x) {
  constexpr double kEpsilon = 1e-7;
  const double a = args.real("muon_a"), b = args.real("muon_b"), c = args.real("muon_c");
  const bool tall = x.extent(0) > x.extent(1);
  if (tall) x = transpose(x, {1, 0});
  x = x / (root(sum(square(x), {0, 1}, true)) + kEpsilon);
  for (int64_t i = 0; i < args.integer("ns_steps"); ++i) {
    const Expr gram = product(x, x, 1, 1);
    x = x * a + matmul(gram * b + matmul(gram * c, gram), x);
  }
  return tall ? transpose(x, {1, 0}) : x;
}

Expr muon(const VariableUpdate& u) {
  if (u.has_slot("velocity"))
    return adam_step(u, u.args.real("adam_beta_1"), u.args.real("adam_beta_2"),
                     u.rate * u.args.real("adam_lr_ratio"));
  constexpr double kRmsRate = 0.2;
  const double momentum = u.args.real("momentum");
  const Expr old = u.slot("momentum"), m = old + (u.gradient + old * (momentum - 1));
  u.set_slot("momentum", m);
  const Expr along = u.args.boolean("nesterov") ? u.gradient + m * momentum : m;
  const Expr step = orthogonalized(u.args, along) * u.rate;
  const std::optional<double> rms_rate = optional_real(u.args, "rms_rate", kRmsRate);
  if (!rms_rate) return u.variable - step;
  const auto longer = static_cast<double>(std::max(step.extent(0), step.extent(1)));
  return u.variable - step * std::sqrt(longer) * *rms_rate;
}

// ---- the table ----

constexpr OptimizerDef kRules[] = {
    {{"Adafactor", "adafactor", kAdafactorArgs}, adafactor_slots, adafactor},
    {{"Muon", "muon", kMuonArgs}, muon_slots, muon, kUsualRate, muon_decay},
};

}  // namespace

std::span<const OptimizerDef> matrix_rules() { return kRules; }

}  // namespace keratin
