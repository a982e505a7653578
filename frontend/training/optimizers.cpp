#include "frontend/training/optimizers.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "frontend/model_file.h"
#include "frontend/training/constraints.h"
#include "frontend/training/optimizer_wrappers.h"
#include "frontend/training/schedules.h"
#include "frontend/training/update_rules.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// What every optimizer has.
constexpr Arg kCommonArgs[] = {
    {"learning_rate", ArgKind::any, "null"},     {"weight_decay", ArgKind::any, "null"},
    {"clipnorm", ArgKind::any, "null"},          {"global_clipnorm", ArgKind::any, "null"},
    {"clipvalue", ArgKind::any, "null"},         {"use_ema", ArgKind::boolean, "false"},
    {"ema_momentum", ArgKind::real, "0.99"},     {"ema_overwrite_frequency", ArgKind::integer, "0"},
    {"loss_scale_factor", ArgKind::any, "null"}, {"gradient_accumulation_steps", ArgKind::integer, "0"},
    {"jit_compile", ArgKind::any, "null"},  // Keras 2; says nothing about what is computed
};

}  // namespace

std::vector<Arg> arguments_of(const ClassRow& def) {
  std::vector<Arg> args(def.args.begin(), def.args.end());
  args.insert(args.end(), std::begin(kCommonArgs), std::end(kCommonArgs));
  return args;
}

namespace {

Expr norm(const std::vector<Expr>& gradients) {
  Expr squares;
  for (const Expr& g : gradients) {
    const Expr own = sum(square(g), axes_from(g, 0));
    squares = squares ? squares + own : own;
  }
  return root(squares);
}

/// Whether `count` is a multiple of `of`.
Expr is_multiple(const Expr& count, int64_t of) {
  return equal(binary(Op::rem, count, number(count, static_cast<double>(of))), number(count, 0));
}

/// An optimizer with a rule of its own.
class RuleOptimizer : public Optimizer {
 public:
  RuleOptimizer(const OptimizerDef& def, Json config, std::string prefix, const std::string& where,
                bool overlooks)
      : def_(def), config_(std::move(config)), prefix_(std::move(prefix)), overlooks_(overlooks) {
    args_ = Args(arguments_of(def), config_, cat(where, ": optimizer ", def.class_name));
    averages_ = args_.boolean("use_ema");
    accumulated_ = args_.integer("gradient_accumulation_steps");
    if (accumulated_ < 0 || accumulated_ == 1)
      args_.reject("gradient_accumulation_steps", "expected at least 2 steps", {}, ErrorKind::data);
    if (args_.integer("ema_overwrite_frequency") < 0)
      args_.reject("ema_overwrite_frequency", "expected at least 1 step", {}, ErrorKind::data);
    if (limit("clipnorm").has_value() + limit("global_clipnorm").has_value() +
            limit("clipvalue").has_value() >
        1)
      args_.reject(limit("clipnorm") ? "clipnorm" : "clipvalue",
                   "only one of clipnorm, global_clipnorm and clipvalue can be set");
  }

  std::vector<Variable> variables(const std::vector<TrainedVariable>& trained) const override {
    std::vector<Variable> own{variable("iteration", Type(DType::i32, {}), 0)};
    const Json& rate = args_.json("learning_rate");
    if (!rate.is_object())
      own.push_back(
          variable("learning_rate", Type(DType::f32, {}), rate.is_null() ? def_.rate : rate.as_double()));
    const auto add_to_each = [&](std::string_view slot) {
      for (const TrainedVariable& each : trained)
        own.push_back(variable(slot_name(each.variable.name, slot), each.variable.type, 0));
    };
    if (averages_) add_to_each(kAverage);
    if (accumulated_ > 0) add_to_each(kAccumulator);
    if (trained.empty()) return own;
    const size_t groups = def_.slots(args_, trained[0].variable).size();
    for (size_t group = 0; group < groups; ++group)
      for (const TrainedVariable& each : trained) {
        const std::vector<std::vector<Slot>> slots = def_.slots(args_, each.variable);
        for (const Slot& slot : slots[group]) {
          if (slot.is_overlooked && overlooks_) continue;
          own.push_back(variable(slot_name(each.variable.name, slot.name),
                                 Type(each.variable.type.dtype, slot.shape), slot.initial));
          if (slot.starts_as_variable) own.back().data = each.variable.data;
        }
      }
    for (const Slot& slot : def_.shared)
      if (!slot.is_overlooked || !overlooks_)
        own.push_back(variable(slot.name, Type(DType::f32, slot.shape), slot.initial));
    return own;
  }

  Expr scaled(const Expr& loss) const override {
    const std::optional<double> factor = optional_real(args_, "loss_scale_factor");
    return factor ? loss * *factor : loss;
  }

  Expr iterations(Builder& builder) const override {
    return {builder, builder.var(path("iteration"), Type(DType::i32, {}))};
  }

  StepState step(Builder& builder, const std::vector<TrainedVariable>& trained,
                 std::vector<Expr> gradients) const override {
    StepState state(builder);
    if (const std::optional<double> factor = optional_real(args_, "loss_scale_factor"))
      for (Expr& gradient : gradients) gradient = gradient / *factor;
    if (accumulated_ > 0)
      accumulate(state, trained, std::move(gradients));
    else
      update(state, trained, std::move(gradients));
    if (averages_) average(state, trained);
    for (const TrainedVariable& each : trained) {
      if (each.constraint.is_null()) continue;
      const Expr value = state.get(each.variable.name, each.variable.type);
      state.set(each.variable.name, constrained(each.constraint, value, each.where));
    }
    state.set(path("iteration"), iterations(builder) + 1);
    return state;
  }

  /// The weights become their averages, if there was a step.
  StepState finish(Builder& builder, const std::vector<TrainedVariable>& trained) const override {
    StepState state(builder);
    if (!averages_) return state;
    const Expr begun = greater(iterations(builder), 0);
    for (const auto& [variable, constraint, where] : trained)
      state.set(variable.name,
                keratin::where(begun, get(state, variable, kAverage), Expr(builder, builder.var(variable))));
    return state;
  }

  StepState swap_averages(Builder& builder, const std::vector<TrainedVariable>& trained) const override {
    StepState state(builder);
    if (!averages_) return state;
    for (const TrainedVariable& each : trained) {
      const Variable& variable = each.variable;
      const Expr average = get(state, variable, kAverage);
      set(state, variable, kAverage, Expr(builder, builder.var(variable)));
      state.set(variable.name, average);
    }
    return state;
  }

  std::vector<std::pair<std::string, Expr>> rates(Builder& builder) const override {
    return {{std::string(), rate(builder)}};
  }

 private:
  static constexpr std::string_view kAverage = "average", kAccumulator = "gradient_accumulator";

  std::string path(std::string_view name) const { return cat(prefix_, name); }

  Variable variable(std::string_view name, Type type, double value) const {
    Variable own{path(name), std::move(type), Role::state, false, nullptr};
    if (value == 0 && own.type.rank() > 0) return own;
    std::vector<int64_t> shape;
    for (Dim d : own.type.shape) shape.push_back(d.value());
    auto data = std::make_shared<Tensor>(own.type.dtype, shape);
    for (int64_t i = 0; i < data->elements(); ++i) data->set(i, value);
    own.data = std::move(data);
    return own;
  }

  /// A slot that has the variable's shape.
  Expr get(const StepState& state, const Variable& of, std::string_view slot) const {
    return state.get(path(slot_name(of.name, slot)), of.type);
  }
  void set(StepState& state, const Variable& of, std::string_view slot, const Expr& value) const {
    state.set(path(slot_name(of.name, slot)), value);
  }

  /// A limit of 0 is none.
  std::optional<double> limit(std::string_view name) const {
    const std::optional<double> given = optional_real(args_, name);
    return given && *given > 0 ? given : std::nullopt;
  }

  std::vector<Expr> clipped(std::vector<Expr> gradients) const {
    if (const std::optional<double> most = limit("clipnorm")) {
      for (Expr& g : gradients) g = g * *most / maximum(norm({g}), *most);
    } else if (const std::optional<double> most_of_all = limit("global_clipnorm")) {
      // As in Keras, an infinite gradient makes all of them NaN.
      const Expr all = norm(gradients);
      const Expr scale = minimum(1 / all, 1 / *most_of_all) * *most_of_all + (all - all);
      for (Expr& g : gradients) g = g * scale;
    } else if (const std::optional<double> size = limit("clipvalue")) {
      for (Expr& g : gradients) g = clip(g, -*size, *size);
    }
    return gradients;
  }

  /// How often variables have been updated: one in several steps counts where gradients are accumulated.
  Expr updates(Builder& builder) const {
    const Expr steps = iterations(builder);
    return accumulated_ > 0 ? binary(Op::div, steps, number(steps, static_cast<double>(accumulated_)))
                            : steps;
  }

  /// Schedules count all steps.
  Expr rate(Builder& builder) const {
    const Json& given = args_.json("learning_rate");
    if (given.is_object()) return scheduled_rate(given, cast(iterations(builder), DType::f32), args_.where());
    return {builder, builder.var(path("learning_rate"), Type(DType::f32, {}))};
  }

  void update(StepState& state, const std::vector<TrainedVariable>& trained,
              std::vector<Expr> gradients) const {
    Builder& builder = state.builder();
    gradients = clipped(std::move(gradients));
    const Expr rate = this->rate(builder), step = cast(updates(builder), DType::f32) + 1;
    for (size_t i = 0; i < trained.size(); ++i) {
      const Variable& variable = trained[i].variable;
      std::vector<Slot> slots(def_.shared.begin(), def_.shared.end());
      for (const std::vector<Slot>& group : def_.slots(args_, variable))
        slots.insert(slots.end(), group.begin(), group.end());
      for (Slot& slot : slots) slot.is_overlooked = slot.is_overlooked && overlooks_;
      VariableUpdate update(args_, state, variable, std::move(slots), prefix_);
      if (const std::optional<double> decay = def_.decay(args_, variable))
        update.variable = update.variable - update.variable * (rate * *decay);
      update.gradient = gradients[i];
      update.rate = rate;
      update.step = step;
      state.set(variable.name, def_.update(update));
    }
  }

  /// The mean of the gradients of several steps makes one update.
  void accumulate(StepState& state, const std::vector<TrainedVariable>& trained,
                  std::vector<Expr> gradients) const {
    const Expr is_last = is_multiple(iterations(state.builder()) + 1, accumulated_);
    std::vector<Expr> sums, means;
    for (size_t i = 0; i < trained.size(); ++i) {
      sums.push_back(gradients[i] + get(state, trained[i].variable, kAccumulator));
      means.push_back(sums[i] / static_cast<double>(accumulated_));
    }
    update(state, trained, std::move(means));
    state.keep_unless(is_last);
    for (size_t i = 0; i < trained.size(); ++i)
      set(state, trained[i].variable, kAccumulator, where(is_last, number(sums[i], 0), sums[i]));
  }

  /// The first update's average is the variable itself. Every so many updates variables become their averages.
  void average(StepState& state, const std::vector<TrainedVariable>& trained) const {
    const Expr updates = this->updates(state.builder());
    const Expr begun = cast(greater(updates, 0), DType::f32) * args_.real("ema_momentum");
    const int64_t overwrite = args_.integer("ema_overwrite_frequency");
    for (const TrainedVariable& each : trained) {
      const Variable& variable = each.variable;
      const Expr now = state.get(variable.name, variable.type);
      const Expr average = get(state, variable, kAverage) * begun + now * (1 - begun);
      set(state, variable, kAverage, average);
      if (overwrite > 0) state.set(variable.name, where(is_multiple(updates + 1, overwrite), average, now));
    }
  }

  const OptimizerDef& def_;
  Json config_;
  std::string prefix_;
  bool overlooks_;
  Args args_;
  bool averages_ = false;
  int64_t accumulated_ = 0;  ///< gradients for one update; 0: each makes one
};

}  // namespace

std::deque<OptimizerDef>& optimizer_defs() {
  static std::deque<OptimizerDef> all = [] {
    std::deque<OptimizerDef> rows;
    for (const auto table : {gradient_rules(), moment_rules(), matrix_rules()})
      rows.insert(rows.end(), table.begin(), table.end());
    for (const ClassRow& wrapper : wrapper_rows()) rows.push_back({wrapper, nullptr, nullptr});
    return rows;
  }();
  return all;
}

Json scaling_the_loss(const Json& object) {
  if (object.is_null()) return object;
  const Serialized given = read_serialized(object, "the optimizer");
  const auto& defs = optimizer_defs();
  const auto def = std::find_if(defs.begin(), defs.end(),
                                [&](const OptimizerDef& one) { return is_name_of(one, given.class_name); });
  if (def == defs.end() || def->class_name == "LossScaleOptimizer") return object;
  const auto made = [](std::string_view class_name, Json config) {
    return Json::object({{"module", Json::of(std::string("keras.optimizers"))},
                         {"class_name", Json::of(std::string(class_name))},
                         {"config", std::move(config)},
                         {"registered_name", Json::null()}});
  };
  return made(
      "LossScaleOptimizer",
      Json::object({{"name", Json::of(std::string("loss_scale_optimizer"))},
                    {"inner_optimizer", object.is_object() ? object : made(def->class_name, given.config)}}));
}

std::unique_ptr<Optimizer> make_optimizer(const Json& object, const std::string& where) {
  return make_optimizer(object, "optimizer/", where, false);
}

std::unique_ptr<Optimizer> make_optimizer(const Json& object, const std::string& prefix,
                                          const std::string& where, bool overlooks) {
  const Serialized serialized = read_serialized(object, "the optimizer");
  const auto& def = find_row(optimizer_defs(), serialized.class_name, "optimizer", where);
  if (def.update == nullptr) return make_wrapper(def, serialized.config, prefix, where);
  return std::make_unique<RuleOptimizer>(def, serialized.config, prefix, where, overlooks);
}

}  // namespace keratin
