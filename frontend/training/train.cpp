#include "frontend/training/train.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "frontend/training/initialize.h"
#include "frontend/training/losses.h"
#include "frontend/training/metrics.h"
#include "frontend/training/optimizers.h"
#include "frontend/training/regularizers.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

CompileConfig CompileConfig::read(const Json& stored) {
  const Json& optimizer = stored[stored.has("optimizer_config") ? "optimizer_config" : "optimizer"];
  return {optimizer,
          stored["loss"],
          stored["loss_weights"],
          stored["metrics"],
          stored["weighted_metrics"],
          stored["sample_weight_mode"]};
}

namespace {

/// What a model computes when it is trained or evaluated.
struct Forward {
  bool training = false;
  std::vector<Expr> targets, sample_weights;  ///< of each output that has a loss
  Outputs outputs;
  std::vector<Expr> penalties;
};

/// A mean over samples of the losses of steps.
class LossTracker {
 public:
  explicit LossTracker(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }

  void update(const Expr& loss, const Expr& samples) {
    MetricState state(loss.builder(), path(), variables_);
    state.add("total", loss * samples);
    state.add("count", samples);
  }
  Expr result(Builder& builder) {
    const MetricState state(builder, path(), variables_);
    const Expr count = state["count"];
    return where(equal(count, number(count, 0)), number(count, 0), state["total"] / maximum(count, 1));
  }
  const std::vector<Variable>& variables() const { return variables_; }

 private:
  std::string path() const { return cat("metrics/", name_); }

  std::string name_;
  std::vector<Variable> variables_;
};

class TrainingTracer {
 public:
  TrainingTracer(Module& module, Model& model, const CompileConfig& config, std::string where)
      : module_(module), model_(model), config_(config), where_(std::move(where)), optimizer_(optimizer()) {}

  TrainingSignature trace() {
    find_outputs();
    read_losses();
    read_metrics();
    find_trained();
    if (trained_.empty())
      throw Error(ErrorKind::unsupported, "nothing can be trained: the model has no trainable weights",
                  where_);
    module_.functions.push_back(trace_train_step());
    module_.functions.push_back(trace_evaluate_step());
    module_.functions.push_back(trace_metrics());
    module_.functions.push_back(trace_reset());
    module_.functions.push_back(trace_rates());
    for (Function (TrainingTracer::*trace)() : {&TrainingTracer::trace_finish, &TrainingTracer::trace_swap})
      if (Function function = (this->*trace)(); !function.updates.empty())
        module_.functions.push_back(std::move(function));
    return finish();
  }

 private:
  struct Compared {
    size_t output;  ///< its place among the model's outputs
    TrainingTarget target;
    Shape weights;  ///< of its sample weights
    std::unique_ptr<Loss> loss;
    double weight = 1;
    std::vector<Metric*> metrics;
    std::optional<LossTracker> tracker;
  };

  std::unique_ptr<Optimizer> optimizer() const {
    if (config_.optimizer.is_null()) fail_uncompiled("optimizer");
    return make_optimizer(config_.optimizer, where_);
  }

  [[noreturn]] void fail_uncompiled(std::string_view what) const {
    throw Error(
        ErrorKind::usage, cat("the model was not compiled: it has no ", what), where_,
        "give --loss and --optimizer, for example --loss sparse_categorical_crossentropy --optimizer adam "
        "--metrics accuracy; or call model.compile() before model.save()");
  }

  /// Loading a Sequential, Keras forgets its flag and minds those of its layers.
  bool is_frozen() const { return !model_.root().trainable() && model_.root().class_name() != "Sequential"; }

  void find_trained() {
    if (is_frozen()) return;
    std::map<std::string, std::pair<const LayerVariable*, const Layer*>> of_layers;
    for_each_variable([&](const Layer& layer, const LayerVariable& variable) {
      of_layers[variable.path] = {&variable, &layer};
    });
    for (const Variable& variable : module_.variables) {
      if (variable.role != Role::weight || !variable.trainable) continue;
      const auto& [made, layer] = of_layers.at(variable.name);
      trained_.push_back({variable, made->constraint, layer->where()});
    }
  }

  void for_each_layer(const std::function<void(const Layer&)>& see) const {
    const std::function<void(const Layer&)> visit = [&](const Layer& layer) {
      see(layer);
      for (const std::unique_ptr<Layer>& child : layer.children()) visit(*child);
    };
    visit(model_.root());
  }

  void for_each_variable(const std::function<void(const Layer&, const LayerVariable&)>& see) const {
    for_each_layer([&](const Layer& layer) {
      for (const LayerVariable& variable : layer.variables()) see(layer, variable);
    });
  }

  void find_outputs() {
    for (const Result& result : module_.function("predict").results) {
      names_.push_back(result.name);
      types_.push_back(result.value.type());
    }
  }

  /// A part of the compile config for each output: one for all, a list in their order, or an object by their names.
  std::vector<Json> by_output(const Json& given, std::string_view what) const {
    std::vector<Json> parts(names_.size());
    if (given.is_object() && !given.has("class_name")) {
      for (const auto& [name, part] : given.members()) {
        const auto found = std::find(names_.begin(), names_.end(), name);
        if (found == names_.end())
          throw Error(ErrorKind::data,
                      cat(what, " names the output ", quoted(name), ", which the model does not have"),
                      where_, cat("its outputs are ", join(names_, ", ")));
        parts[static_cast<size_t>(found - names_.begin())] = part;
      }
    } else if (given.is_array()) {
      if (given.size() != names_.size())
        throw Error(ErrorKind::data,
                    cat(what, " has ", given.size(), " entries for ", names_.size(), " outputs"), where_);
      for (size_t i = 0; i < parts.size(); ++i) parts[i] = given.at(i);
    } else {
      std::fill(parts.begin(), parts.end(), given);
    }
    return parts;
  }

  void read_losses() {
    if (config_.loss.is_null()) fail_uncompiled("loss");
    const std::vector<Json> losses = by_output(config_.loss, "loss"),
                            weights = by_output(config_.loss_weights, "loss_weights"),
                            modes = by_output(config_.sample_weight_mode, "sample_weight_mode");
    has_own_weights_ =
        std::any_of(modes.begin(), modes.end(), [](const Json& mode) { return !mode.is_null(); });
    for (size_t i = 0; i < names_.size(); ++i) {
      if (losses[i].is_null()) continue;
      auto loss = std::make_unique<Loss>(named_loss(losses[i], i), where_);
      const Type& output = types_[i];
      if (!is_float(output.dtype) || output.rank() < 2)
        throw Error(ErrorKind::unsupported,
                    cat("the output ", quoted(names_[i]), " is ", to_text(output),
                        ": a loss needs floats of at least rank 2"),
                    where_);
      if (const Dim batch = model_.inputs()[0].type.shape[0]; output.shape[0] != batch)
        throw Error(ErrorKind::unsupported,
                    cat("the output ", quoted(names_[i]), " is ", to_text(output),
                        ": a loss needs one row per sample"),
                    where_);
      TrainingTarget target{names_[i], loss->target_type(output), 0};
      if (loss->has_labels()) target.classes = output.shape.back().value();
      compared_.push_back({i,
                           std::move(target),
                           shape_of_weights(modes[i], i),
                           std::move(loss),
                           weights[i].is_null() ? 1.0 : weights[i].as_double(),
                           {},
                           std::nullopt});
    }
    if (compared_.empty()) fail_uncompiled("loss");
    if (compared_.size() > 1 || names_.size() > 1)
      for (Compared& each : compared_) each.tracker.emplace(each.target.name + "_loss");
  }

  /// A loss called crossentropy, of which the shapes decide the beginning.
  Json named_loss(const Json& given, size_t output) const {
    if (!given.is_string() || kind_by_shapes(given.as_string()) != "Crossentropy") return given;
    if (const Shape& shape = types_[output].shape; !shape.empty() && shape.back().is(1))
      return Json::of(std::string("binary_crossentropy"));
    throw Error(
        ErrorKind::unsupported,
        cat("the loss ", quoted(given.as_string()), " is one of two, which only the data tell"), where_,
        "sparse_categorical_crossentropy is for numbers of classes, categorical_crossentropy for a number "
        "per class");
  }

  Shape shape_of_weights(const Json& mode, size_t output) const {
    const Type& type = types_[output];
    if (mode.is_null() || (mode.is_string() && mode.as_string() == "samplewise")) return {type.shape[0]};
    if (!mode.is_string() || mode.as_string() != "temporal")
      throw Error(ErrorKind::data, cat("sample_weight_mode is ", mode.dump()), where_,
                  "known are null, samplewise and temporal");
    if (type.rank() < 3)
      throw Error(ErrorKind::data,
                  cat("sample_weight_mode is temporal, and the output ", quoted(names_[output]), " is ",
                      to_text(type), ": it has no steps"),
                  where_);
    return {type.shape.begin(), type.shape.end() - 1};
  }

  void read_metrics() {
    read_metrics(config_.metrics, "metrics", false);
    read_metrics(config_.weighted_metrics, "weighted_metrics", true);
  }

  void read_metrics(const Json& given, std::string_view what, bool weighted) {
    // With one output, a list is its metrics; with several, it has an entry for each.
    const std::vector<Json> parts =
        names_.size() == 1 && given.is_array() && (given.size() == 0 || !given.at(0).is_array())
            ? std::vector{given}
            : by_output(given, what);
    for (Compared& each : compared_) {
      const Json& part = parts[each.output];
      if (part.is_null()) continue;
      const std::string prefix = names_.size() == 1 ? "" : each.target.name + "_";
      for (const Json& one : part.is_array() ? part.items() : std::vector{part}) {
        Metric& metric =
            metrics_.emplace_back(one, each.target.type, types_[each.output], prefix, weighted, where_);
        std::string name = metric.name();
        if (weighted && is_taken(name, &metric)) name = cat(prefix, "weighted_", name.substr(prefix.size()));
        for (int copy = 1; is_taken(name, &metric); ++copy) name = cat(metric.name(), "_", copy);
        metric.rename(name);
        each.metrics.push_back(&metric);
      }
    }
  }

  bool is_taken(const std::string& name, const Metric* but) const {
    return name == "loss" || std::any_of(metrics_.begin(), metrics_.end(), [&](const Metric& other) {
             return &other != but && other.name() == name;
           });
  }

  /// The params, and the model on them.
  Forward forward(Builder& builder, bool training) {
    Forward run{.training = training};
    std::vector<Traced> inputs;
    for (const Model::Input& input : model_.inputs())
      inputs.emplace_back(Expr(builder, builder.param(input.name, input.type)));
    for (const Compared& each : compared_)
      run.targets.emplace_back(builder, builder.param(cat("y:", each.target.name), each.target.type));
    const auto weights_param = [&](const std::string& name, Shape shape) {
      return Expr(builder, builder.param(name, Type(DType::f32, std::move(shape))));
    };
    if (has_own_weights_)
      for (const Compared& each : compared_)
        run.sample_weights.push_back(weights_param(cat("sample_weight:", each.target.name), each.weights));
    else
      run.sample_weights.assign(compared_.size(),
                                weights_param("sample_weight", {model_.inputs()[0].type.shape[0]}));

    Tracer tracer{.builder = builder, .training = training, .losses = &run.penalties};
    if (training) {
      tracer.random_key = builder.var(seed_);
      tracer.random_counter = cast(optimizer_->iterations(builder), DType::u32).value();
    }
    run.outputs = model_.call(tracer, std::move(inputs));
    return run;
  }

  /// The loss of the step; metrics get what they accumulate.
  Expr compare(const Forward& run) {
    const Expr samples = count(run.sample_weights[0], {0});
    Expr loss;
    for (size_t i = 0; i < compared_.size(); ++i) {
      Compared& each = compared_[i];
      Traced output = run.outputs[each.output];
      output.mask = output.mask_at_run_time();
      const Expr own = (*each.loss)(run.targets[i], output, run.sample_weights[i]);
      if (each.tracker) each.tracker->update(own, samples);
      const Expr weighted = each.weight == 1 ? own : own * each.weight;
      loss = loss ? loss + weighted : weighted;
      // On JAX, Keras's metrics see the mask of an output in evaluate() but not in fit().
      Traced seen = output;
      if (run.training) seen.mask = {};
      for (Metric* metric : each.metrics) metric->update(run.targets[i], seen, run.sample_weights[i]);
    }
    for (const Expr& extra : run.penalties) loss = loss + extra;
    loss = loss + penalties_of_weights(loss);
    loss_.update(loss, samples);
    return loss;
  }

  /// What the regularizers of trained weights say.
  Expr penalties_of_weights(const Expr& like) {
    Expr sum = number(like, 0);
    for_each_variable([&](const Layer& layer, const LayerVariable& variable) {
      if (!variable.trainable || variable.regularizer.is_null()) return;
      const Expr value(like.builder(), like.builder().var(variable.path, variable.type));
      sum = sum + penalty(variable.regularizer, value, layer.where());
    });
    return sum;
  }

  Function trace_train_step() {
    Builder builder("train_step");
    const Expr loss = compare(forward(builder, true));
    std::vector<Value> arguments{optimizer_->scaled(loss).value()};
    for (const TrainedVariable& each : trained_) arguments.push_back(builder.var(each.variable));
    const Node* gradient = builder.make_node(Op::gradient, arguments);
    std::vector<Expr> gradients;
    for (uint32_t i = 0; i < trained_.size(); ++i) gradients.emplace_back(builder, gradient->value(i));
    optimizer_->step(builder, trained_, std::move(gradients)).write();
    builder.result("loss", loss.value());
    return builder.finish();
  }

  Function trace_evaluate_step() {
    Builder builder("evaluate_step");
    const Expr loss = compare(forward(builder, false));
    builder.result("loss", loss.value());
    return builder.finish();
  }

  Function trace_metrics() {
    Builder builder("metrics");
    std::map<std::string, Expr> results;  // Keras sorts its logs
    results.emplace("loss", loss_.result(builder));
    for (Compared& each : compared_)
      if (each.tracker) results.emplace(each.tracker->name(), each.tracker->result(builder));
    for (Metric& metric : metrics_) results.emplace(metric.name(), metric.result(builder));
    for (const auto& [name, result] : results) builder.result(name, result.value());
    return builder.finish();
  }

  int direction_of(const std::string& metric) const {
    for (const Metric& each : metrics_)
      if (each.name() == metric) return static_cast<int>(each.direction());
    return static_cast<int>(Direction::down);  // the loss, and those of the outputs
  }

  std::vector<Variable> metric_variables() const {
    std::vector<Variable> all = loss_.variables();
    const auto append = [&](const std::vector<Variable>& more) {
      all.insert(all.end(), more.begin(), more.end());
    };
    for (const Compared& each : compared_)
      if (each.tracker) append(each.tracker->variables());
    for (const Metric& metric : metrics_) append(metric.variables());
    return all;
  }

  Function trace_reset() {
    Builder builder("reset_metrics");
    for (const Variable& variable : metric_variables())
      builder.update(variable.name, builder.splat(Scalar::of(variable.type.dtype, 0), variable.type));
    return builder.finish();
  }

  Function trace_finish() {
    Builder builder("finish_training");
    optimizer_->finish(builder, trained_).write();
    return builder.finish();
  }

  Function trace_swap() {
    Builder builder("swap_averages");
    optimizer_->swap_averages(builder, trained_).write();
    return builder.finish();
  }

  Function trace_rates() {
    Builder builder("learning_rates");
    for (const auto& [name, rate] : optimizer_->rates(builder))
      builder.result(name.empty() ? "learning_rate" : cat("learning_rate_", name), rate.value());
    return builder.finish();
  }

  TrainingSignature finish() {
    TrainingSignature signature;
    for (Compared& each : compared_) signature.targets.push_back(each.target);
    for (const Result& metric : module_.function("metrics").results)
      signature.metrics.push_back({metric.name, direction_of(metric.name)});
    for (const TrainedVariable& each : trained_) signature.trained.push_back(each.variable.name);
    signature.optimizer_state = optimizer_->variables(trained_);
    for_each_layer([&](const Layer& layer) {
      if (layer.class_name() == "BatchNormalization") signature.batch_statistics.push_back(layer.origin());
    });
    std::vector<Variable> seed;
    for (const auto& node : module_.function("train_step").nodes)
      if (node->op == Op::var && node->as<NameAttrs>().name == seed_.name) seed = {seed_};
    for (const std::vector<Variable>& group : {signature.optimizer_state, metric_variables(), seed})
      module_.variables.insert(module_.variables.end(), group.begin(), group.end());
    return signature;
  }

  /// What random ops draw from, together with the number of the step; in no module without random ops.
  const Variable seed_{"random/seed", Type(DType::u32, {2}), Role::state, false, nullptr};
  Module& module_;
  Model& model_;
  const CompileConfig& config_;
  std::string where_;
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<std::string> names_;
  std::vector<Type> types_;
  std::vector<Compared> compared_;
  bool has_own_weights_ = false;  ///< whether each of the outputs has sample weights of its own
  std::deque<Metric> metrics_;
  std::vector<TrainedVariable> trained_;
  LossTracker loss_{"loss"};
};

}  // namespace

TrainingSignature add_training(Module& module, Model& model, const CompileConfig& config,
                               const std::string& where) {
  TrainingSignature signature = TrainingTracer(module, model, config, where).trace();
  module.functions.push_back(trace_initialize(module, model.root()));
  return signature;
}

}  // namespace keratin
