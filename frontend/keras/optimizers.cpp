#include <keratin/keras/optimizers.h>

#include "frontend/keras/make.h"

namespace keratin::keras::optimizers {
namespace {

/// An optimizer with what all have, and its `own` arguments.
template <typename Options>
Value optimizer(std::string_view class_name, std::string_view name, const Options& o, const Arguments& own) {
  Arguments arguments = {{"name", o.name.empty() ? name : o.name},
                         {"learning_rate", o.learning_rate},
                         {"weight_decay", o.weight_decay},
                         {"clipnorm", o.clipnorm},
                         {"global_clipnorm", o.global_clipnorm},
                         {"clipvalue", o.clipvalue},
                         {"use_ema", o.use_ema},
                         {"ema_momentum", o.ema_momentum},
                         {"ema_overwrite_frequency", o.ema_overwrite_frequency},
                         {"loss_scale_factor", o.loss_scale_factor},
                         {"gradient_accumulation_steps", o.gradient_accumulation_steps}};
  arguments.insert(arguments.end(), own.begin(), own.end());
  return make_object("keras.optimizers", class_name, arguments);
}

template <typename Options>
Value adam(std::string_view class_name, std::string_view name, const Options& o) {
  return optimizer(
      class_name, name, o,
      {{"beta_1", o.beta_1}, {"beta_2", o.beta_2}, {"epsilon", o.epsilon}, {"amsgrad", o.amsgrad}});
}

template <typename Options>
Value with_moments(std::string_view class_name, std::string_view name, const Options& o) {
  return optimizer(class_name, name, o, {{"beta_1", o.beta_1}, {"beta_2", o.beta_2}, {"epsilon", o.epsilon}});
}

}  // namespace

Value SGD(const SGDOptions& o) {
  return optimizer("SGD", "sgd", o, {{"momentum", o.momentum}, {"nesterov", o.nesterov}});
}

Value Adam(const AdamOptions& options) { return adam("Adam", "adam", options); }
Value AdamW(const AdamWOptions& options) { return adam("AdamW", "adam_w", options); }

Value RMSprop(const RMSpropOptions& o) {
  return optimizer(
      "RMSprop", "rm_sprop", o,
      {{"rho", o.rho}, {"momentum", o.momentum}, {"epsilon", o.epsilon}, {"centered", o.centered}});
}

Value Adadelta(const AdadeltaOptions& o) {
  return optimizer("Adadelta", "adadelta", o, {{"rho", o.rho}, {"epsilon", o.epsilon}});
}

Value Adagrad(const AdagradOptions& o) {
  return optimizer("Adagrad", "adagrad", o,
                   {{"initial_accumulator_value", o.initial_accumulator_value}, {"epsilon", o.epsilon}});
}

Value Adamax(const AdamaxOptions& options) { return with_moments("Adamax", "adamax", options); }

Value Adafactor(const AdafactorOptions& o) {
  return optimizer("Adafactor", "adafactor", o,
                   {{"beta_2_decay", o.beta_2_decay},
                    {"epsilon_1", o.epsilon_1},
                    {"epsilon_2", o.epsilon_2},
                    {"clip_threshold", o.clip_threshold},
                    {"relative_step", o.relative_step}});
}

Value Nadam(const NadamOptions& options) { return with_moments("Nadam", "nadam", options); }

Value Ftrl(const FtrlOptions& o) {
  return optimizer("Ftrl", "ftrl", o,
                   {{"learning_rate_power", o.learning_rate_power},
                    {"initial_accumulator_value", o.initial_accumulator_value},
                    {"l1_regularization_strength", o.l1_regularization_strength},
                    {"l2_regularization_strength", o.l2_regularization_strength},
                    {"l2_shrinkage_regularization_strength", o.l2_shrinkage_regularization_strength},
                    {"beta", o.beta}});
}

Value Lion(const LionOptions& o) {
  return optimizer("Lion", "lion", o, {{"beta_1", o.beta_1}, {"beta_2", o.beta_2}});
}

Value Lamb(const LambOptions& options) { return with_moments("Lamb", "lamb", options); }

Value Muon(const MuonOptions& o) {
  return optimizer(
      "Muon", "muon", o,
      {{"adam_beta_1", o.adam_beta_1},
       {"adam_beta_2", o.adam_beta_2},
       {"adam_weight_decay", o.adam_weight_decay},
       {"epsilon", o.epsilon},
       {"exclude_layers", o.exclude_layers.is_none() ? Value(std::vector<Value>()) : o.exclude_layers},
       {"exclude_embeddings", o.exclude_embeddings},
       {"muon_a", o.muon_a},
       {"muon_b", o.muon_b},
       {"muon_c", o.muon_c},
       {"adam_lr_ratio", o.adam_lr_ratio},
       {"momentum", o.momentum},
       {"ns_steps", o.ns_steps},
       {"nesterov", o.nesterov},
       {"rms_rate", o.rms_rate}});
}

Value ScheduleFreeAdamW(const ScheduleFreeAdamWOptions& o) {
  return optimizer(
      "ScheduleFreeAdamW", "schedule_free_adam_w", o,
      {{"beta_1", o.beta_1}, {"beta_2", o.beta_2}, {"epsilon", o.epsilon}, {"warmup_steps", o.warmup_steps}});
}

Value LossScaleOptimizer(const Value& inner_optimizer, const LossScaleOptions& o) {
  return make_object("keras.optimizers", "LossScaleOptimizer",
                     {{"name", o.name.empty() ? "loss_scale_optimizer" : o.name},
                      {"inner_optimizer", inner_optimizer},
                      {"initial_scale", o.initial_scale},
                      {"dynamic_growth_steps", o.dynamic_growth_steps}});
}

Value OptimizerMap(const Value& default_optimizer,
                   const std::vector<std::pair<std::string, Value>>& optimizer_map) {
  return make_object("keras.optimizers", "OptimizerMap",
                     {{"default_optimizer", default_optimizer}, {"optimizer_map", Dict(optimizer_map)}});
}

Value MultiOptimizer(const Value& optimizer_map, const MultiOptimizerOptions& o) {
  return make_object("keras.optimizers", "MultiOptimizer",
                     {{"optimizer_map", optimizer_map},
                      {"loss_scale_factor", o.loss_scale_factor},
                      {"name", o.name.empty() ? "multi_optimizer" : o.name}});
}

Value SGD(double learning_rate) { return SGD({.learning_rate = learning_rate}); }
Value Adam(double learning_rate) { return Adam({.learning_rate = learning_rate}); }
Value AdamW(double learning_rate) { return AdamW({.learning_rate = learning_rate}); }
Value RMSprop(double learning_rate) { return RMSprop({.learning_rate = learning_rate}); }
Value Adadelta(double learning_rate) { return Adadelta({.learning_rate = learning_rate}); }
Value Adagrad(double learning_rate) { return Adagrad({.learning_rate = learning_rate}); }
Value Adamax(double learning_rate) { return Adamax({.learning_rate = learning_rate}); }
Value Adafactor(double learning_rate) { return Adafactor({.learning_rate = learning_rate}); }
Value Nadam(double learning_rate) { return Nadam({.learning_rate = learning_rate}); }
Value Ftrl(double learning_rate) { return Ftrl({.learning_rate = learning_rate}); }
Value Lion(double learning_rate) { return Lion({.learning_rate = learning_rate}); }
Value Lamb(double learning_rate) { return Lamb({.learning_rate = learning_rate}); }
Value Muon(double learning_rate) { return Muon({.learning_rate = learning_rate}); }
Value ScheduleFreeAdamW(double learning_rate) { return ScheduleFreeAdamW({.learning_rate = learning_rate}); }

}  // namespace keratin::keras::optimizers
