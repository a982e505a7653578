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

Value SGD(double learning_rate) { return SGD({.learning_rate = learning_rate}); }
Value Adam(double learning_rate) { return Adam({.learning_rate = learning_rate}); }
Value AdamW(double learning_rate) { return AdamW({.learning_rate = learning_rate}); }
Value RMSprop(double learning_rate) { return RMSprop({.learning_rate = learning_rate}); }

}  // namespace keratin::keras::optimizers
