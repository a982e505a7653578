#include "frontend/training/optimizer_wrappers.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "frontend/training/name_pattern.h"
#include "frontend/training/update_rules.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

Variable scalar(std::string name, DType dtype, double value) {
  auto data = std::make_shared<Tensor>(dtype, std::vector<int64_t>{});
  data->set(0, value);
  return {std::move(name), Type(dtype, {}), Role::state, false, std::move(data)};
}

void append(std::vector<Variable>& all, std::vector<Variable> more) {
  for (Variable& each : more) all.push_back(std::move(each));
}

/// The serialized optimizer with `factor` for its loss_scale_factor: a wrapper decides it.
Json with_loss_scale(const Json& optimizer, const Json& factor, std::string_view what) {
  Serialized inner = read_serialized(optimizer, what);
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& member : inner.config.members())
    if (member.first != "loss_scale_factor") members.push_back(member);
  members.emplace_back("loss_scale_factor", factor);
  return Json::object(
      {{"class_name", Json::of(inner.class_name)}, {"config", Json::object(std::move(members))}});
}

/// A wrapper's iteration and learning rate, which files have and nobody uses: the latter is 0.
std::vector<Variable> own_variables(const std::string& prefix) {
  return {scalar(cat(prefix, "iteration"), DType::i32, 0),
          scalar(cat(prefix, "learning_rate"), DType::f32, 0)};
}

// ---- LossScaleOptimizer: P. Micikevicius et al., Mixed precision training, ICLR 2018 ----

constexpr Arg kLossScaleArgs[] = {
    {"inner_optimizer", ArgKind::any},
    {"initial_scale", ArgKind::real, "32768.0"},
    {"dynamic_growth_steps", ArgKind::count, "2000"},
    {"dynamic", ArgKind::fixed, "true"},
    {"ema_momentum", ArgKind::fixed, "0.99"},  // in files of older versions
};

/// Gradients are taken of the scaled loss. A step whose gradients overflow does not count, and halves the scale; so many others in a row
/// double it.
class LossScaleOptimizer : public Optimizer {
 public:
  LossScaleOptimizer(Json config, const std::string& prefix, const std::string& where)
      : config_(std::move(config)),
        prefix_(prefix),
        args_(kLossScaleArgs, config_, cat(where, ": optimizer LossScaleOptimizer")),
        inner_(make_optimizer(with_loss_scale(args_.json("inner_optimizer"), Json::null(), "inner_optimizer"),
                              cat(prefix, "inner/"), where, true)) {}

  std::vector<Variable> variables(const std::vector<TrainedVariable>& trained) const override {
    std::vector<Variable> all = own_variables(prefix_);
    all.push_back(scalar(counter_name(), DType::i32, 0));
    all.push_back(scalar(scale_name(), DType::f32, args_.real("initial_scale")));
    append(all, inner_->variables(trained));
    return all;
  }

  Expr scaled(const Expr& loss) const override { return loss * scale(loss.builder()); }

  StepState step(Builder& builder, const std::vector<TrainedVariable>& trained,
                 std::vector<Expr> gradients) const override {
    Expr finite;
    for (const Expr& g : gradients) {
      const Expr bounded = less(unary(Op::abs, g), std::numeric_limits<double>::infinity());
      const Expr all = reduce(Op::reduce_and, bounded, axes_from(g, 0));
      finite = finite ? logical_and(finite, all) : all;
    }
    for (Expr& g : gradients) g = g / scale(builder);
    StepState state = inner_->step(builder, trained, std::move(gradients));
    state.keep_unless(finite);

    const Expr counter(builder, builder.var(counter_name(), Type(DType::i32, {})));
    const Expr is_last =
        equal(counter, number(counter, static_cast<double>(args_.integer("dynamic_growth_steps") - 1)));
    const Expr old = scale(builder);
    state.set(counter_name(),
              where(logical_and(finite, logical_not(is_last)), counter + 1, number(counter, 0)));
    state.set(scale_name(), where(finite, where(is_last, old * 2, old), old * 0.5));
    return state;
  }

  StepState finish(Builder& builder, const std::vector<TrainedVariable>& trained) const override {
    return inner_->finish(builder, trained);
  }
  StepState swap_averages(Builder& builder, const std::vector<TrainedVariable>& trained) const override {
    return inner_->swap_averages(builder, trained);
  }
  std::vector<std::pair<std::string, Expr>> rates(Builder& builder) const override {
    return inner_->rates(builder);
  }
  Expr iterations(Builder& builder) const override { return inner_->iterations(builder); }

 private:
  std::string counter_name() const { return cat(prefix_, "step_counter"); }
  std::string scale_name() const { return cat(prefix_, "dynamic_scale"); }
  Expr scale(Builder& builder) const { return {builder, builder.var(scale_name(), Type(DType::f32, {}))}; }

  Json config_;
  std::string prefix_;
  Args args_;
  std::unique_ptr<Optimizer> inner_;
};

// ---- MultiOptimizer ----

constexpr Arg kMultiArgs[] = {{"optimizer_map", ArgKind::any}, {"loss_scale_factor", ArgKind::any, "null"}};

/// Several optimizers, each for the variables whose names its pattern fits, and one for the others.
class MultiOptimizer : public Optimizer {
 public:
  MultiOptimizer(Json config, const std::string& prefix, const std::string& where)
      : config_(std::move(config)),
        prefix_(prefix),
        args_(kMultiArgs, config_, cat(where, ": optimizer MultiOptimizer")) {
    const Json& map = args_.json("optimizer_map");
    if (!map["class_name"].is_string() || map["class_name"].as_string() != "OptimizerMap")
      args_.reject("optimizer_map", "only an OptimizerMap can be read from a file",
                   "give the optimizers by patterns, not by a function");
    const auto add = [&](const Json& optimizer) {
      const std::string place = cat(prefix, inner_.size(), "/");
      const Serialized serialized = read_serialized(optimizer, "an optimizer of the map");
      const Json& name = serialized.config["name"];
      names_.push_back(name.is_string() ? std::string(name.as_string()) : serialized.class_name);
      inner_.push_back(make_optimizer(
          with_loss_scale(optimizer, args_.json("loss_scale_factor"), "an optimizer of the map"), place,
          where, false));
    };
    for (const auto& [pattern, optimizer] : map["config"]["optimizer_map"].members()) {
      patterns_.emplace_back(pattern, NamePattern(pattern, args_.where()));
      add(optimizer);
    }
    add(map["config"]["default_optimizer"]);
  }

  std::vector<Variable> variables(const std::vector<TrainedVariable>& trained) const override {
    std::vector<Variable> all = own_variables(prefix_);
    const std::vector<Share> shares = split(trained);
    for (size_t i = 0; i < inner_.size(); ++i) append(all, inner_[i]->variables(shares[i].variables));
    return all;
  }

  Expr scaled(const Expr& loss) const override {
    const std::optional<double> factor = optional_real(args_, "loss_scale_factor");
    return factor ? loss * *factor : loss;
  }

  StepState step(Builder& builder, const std::vector<TrainedVariable>& trained,
                 std::vector<Expr> gradients) const override {
    StepState state(builder);
    const std::vector<Share> shares = split(trained);
    for (size_t i = 0; i < inner_.size(); ++i) {
      if (shares[i].variables.empty()) continue;
      std::vector<Expr> own;
      for (const size_t place : shares[i].places) own.push_back(gradients[place]);
      state.take(inner_[i]->step(builder, shares[i].variables, std::move(own)));
    }
    state.set(cat(prefix_, "iteration"), iterations(builder) + 1);
    return state;
  }

  StepState finish(Builder& builder, const std::vector<TrainedVariable>& trained) const override {
    StepState state(builder);
    const std::vector<Share> shares = split(trained);
    for (size_t i = 0; i < inner_.size(); ++i) state.take(inner_[i]->finish(builder, shares[i].variables));
    return state;
  }

  StepState swap_averages(Builder& builder, const std::vector<TrainedVariable>& trained) const override {
    StepState state(builder);
    const std::vector<Share> shares = split(trained);
    for (size_t i = 0; i < inner_.size(); ++i)
      state.take(inner_[i]->swap_averages(builder, shares[i].variables));
    return state;
  }

  std::vector<std::pair<std::string, Expr>> rates(Builder& builder) const override {
    std::vector<std::pair<std::string, Expr>> all;
    for (size_t i = 0; i < inner_.size(); ++i)
      for (auto& [inner, rate] : inner_[i]->rates(builder)) {
        // Keras's logs have one of optimizers that are called alike, too: the last.
        std::erase_if(all, [&](const auto& other) { return other.first == names_[i]; });
        all.emplace_back(names_[i], rate);
      }
    return all;
  }

  Expr iterations(Builder& builder) const override {
    return {builder, builder.var(cat(prefix_, "iteration"), Type(DType::i32, {}))};
  }

 private:
  /// What one optimizer updates.
  struct Share {
    std::vector<TrainedVariable> variables;
    std::vector<size_t> places;
  };

  std::vector<Share> split(const std::vector<TrainedVariable>& trained) const {
    std::vector<Share> shares(inner_.size());
    for (size_t i = 0; i < trained.size(); ++i) {
      Share& share = shares[optimizer_of(trained[i].variable.name)];
      share.variables.push_back(trained[i]);
      share.places.push_back(i);
    }
    return shares;
  }

  size_t optimizer_of(const std::string& name) const {
    std::optional<size_t> found;
    for (size_t i = 0; i < patterns_.size(); ++i)
      if (patterns_[i].first == name) return i;
    for (size_t i = 0; i < patterns_.size(); ++i) {
      if (!patterns_[i].second.is_all_of(name)) continue;
      if (found)
        throw Error(ErrorKind::data,
                    cat("the variable ", name, " fits the patterns ", quoted(patterns_[*found].first),
                        " and ", quoted(patterns_[i].first)),
                    args_.where());
      found = i;
    }
    return found.value_or(patterns_.size());
  }

  Json config_;
  std::string prefix_;
  Args args_;
  std::vector<std::pair<std::string, NamePattern>> patterns_;
  std::vector<std::string> names_;                 // of the optimizers
  std::vector<std::unique_ptr<Optimizer>> inner_;  // in the order of the patterns; then the default
};

constexpr ClassRow kWrappers[] = {
    {"LossScaleOptimizer", "lossscaleoptimizer", kLossScaleArgs},
    {"MultiOptimizer", "multioptimizer", kMultiArgs},
};

}  // namespace

std::span<const ClassRow> wrapper_rows() { return kWrappers; }

std::unique_ptr<Optimizer> make_wrapper(const ClassRow& row, Json config, const std::string& prefix,
                                        const std::string& where) {
  if (row.args.data() == kLossScaleArgs)
    return std::make_unique<LossScaleOptimizer>(std::move(config), prefix, where);
  return std::make_unique<MultiOptimizer>(std::move(config), prefix, where);
}

}  // namespace keratin
