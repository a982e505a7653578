// Optimizers.
//
// clipnorm, clipvalue and global_clipnorm limit gradients; only one of them can be set. With use_ema, fit ends by setting weights to
// their averages over the steps; with ema_overwrite_frequency it does so during training, too. With gradient_accumulation_steps
// weights are updated once in so many steps, by the mean of the gradients.
#pragma once

#include <keratin/keras/schedules.h>
#include <keratin/keras/value.h>

#include <string>
#include <utility>
#include <vector>

namespace keratin::keras::optimizers {

struct SGDOptions {
  Value learning_rate = 0.01;  ///< or a schedule
  double momentum = 0.0;
  bool nesterov = false;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Steps down the gradient, with momentum.
Value SGD(const SGDOptions& options = {});
Value SGD(double learning_rate);

struct AdamOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Moving averages of the gradient divided by those of its size.
Value Adam(const AdamOptions& options = {});
Value Adam(double learning_rate);

struct AdamWOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  Value weight_decay = 0.004;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Adam, with weights that decay.
Value AdamW(const AdamWOptions& options = {});
Value AdamW(double learning_rate);

struct RMSpropOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double rho = 0.9;
  double momentum = 0.0;
  double epsilon = 1e-7;
  bool centered = false;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// The gradient divided by a moving average of its size.
Value RMSprop(const RMSpropOptions& options = {});
Value RMSprop(double learning_rate);

struct AdadeltaOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double rho = 0.95;
  double epsilon = 1e-7;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// The gradient, times the size of recent steps over that of recent gradients.
Value Adadelta(const AdadeltaOptions& options = {});
Value Adadelta(double learning_rate);

struct AdagradOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double initial_accumulator_value = 0.1;
  double epsilon = 1e-7;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// The gradient divided by the root of all its squares so far.
Value Adagrad(const AdagradOptions& options = {});
Value Adagrad(double learning_rate);

struct AdamaxOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Adam, with the largest recent size of the gradient in place of its average.
Value Adamax(const AdamaxOptions& options = {});
Value Adamax(double learning_rate);

struct AdafactorOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double beta_2_decay = -0.8;
  double epsilon_1 = 1e-30;
  double epsilon_2 = 1e-3;
  double clip_threshold = 1.0;  ///< the largest size of a step, as a root of the mean square
  bool relative_step = true;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// The gradient divided by its size, which is kept per row and per column.
Value Adafactor(const AdafactorOptions& options = {});
Value Adafactor(double learning_rate);

struct NadamOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Adam with Nesterov's momentum.
Value Nadam(const NadamOptions& options = {});
Value Nadam(double learning_rate);

struct FtrlOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double learning_rate_power = -0.5;
  double initial_accumulator_value = 0.1;
  double l1_regularization_strength = 0.0;
  double l2_regularization_strength = 0.0;
  double l2_shrinkage_regularization_strength = 0.0;
  double beta = 0.0;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Follows the regularized leader: weights that matter little become 0.
Value Ftrl(const FtrlOptions& options = {});
Value Ftrl(double learning_rate);

struct LionOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double beta_1 = 0.9;
  double beta_2 = 0.99;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Steps of one size, in the direction of an average of the gradient.
Value Lion(const LionOptions& options = {});
Value Lion(double learning_rate);

struct LambOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Adam's step, made as long as the weights: for large batches.
Value Lamb(const LambOptions& options = {});
Value Lamb(double learning_rate);

struct MuonOptions {
  Value learning_rate = 0.001;  ///< or a schedule
  double adam_beta_1 = 0.9;
  double adam_beta_2 = 0.999;
  Value adam_weight_decay = 0.004;
  double epsilon = 1e-7;
  Value exclude_layers = {};  ///< patterns of names, in Python's notation, of weights for Adam
  bool exclude_embeddings = true;
  double muon_a = 3.4445;
  double muon_b = -4.7750;
  double muon_c = 2.0315;
  double adam_lr_ratio = 1.0;
  double momentum = 0.95;
  int64_t ns_steps = 5;
  bool nesterov = true;
  Value rms_rate = 0.2;
  Value weight_decay = 0.004;
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Matrices step along their momentum with all singular values made equal; all else by Adam.
Value Muon(const MuonOptions& options = {});
Value Muon(double learning_rate);

struct ScheduleFreeAdamWOptions {
  Value learning_rate = 0.0025;  ///< or a schedule
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-8;
  double warmup_steps = 0;
  Value weight_decay = {};
  Value clipnorm = {};         ///< the largest length of each gradient
  Value clipvalue = {};        ///< the largest size of each element
  Value global_clipnorm = {};  ///< the largest length of all gradients together
  bool use_ema = false;
  double ema_momentum = 0.99;
  Value ema_overwrite_frequency = {};
  Value loss_scale_factor = {};
  Value gradient_accumulation_steps = {};
  std::string name = {};
};
/// Adam that needs no schedule: gradients are taken between plain steps and their mean.
Value ScheduleFreeAdamW(const ScheduleFreeAdamWOptions& options = {});
Value ScheduleFreeAdamW(double learning_rate);

struct LossScaleOptions {
  double initial_scale = 32768.0;
  int64_t dynamic_growth_steps = 2000;
  std::string name = {};
};
/// Has another optimizer take gradients of a scaled loss, and leaves out steps in which they overflow. Those halve the scale;
/// dynamic_growth_steps others double it.
Value LossScaleOptimizer(const Value& inner_optimizer, const LossScaleOptions& options = {});

/// Which optimizer a weight is for: that whose pattern (Python's notation) its whole name fits, or the default one.
Value OptimizerMap(const Value& default_optimizer,
                   const std::vector<std::pair<std::string, Value>>& optimizer_map = {});

struct MultiOptimizerOptions {
  Value loss_scale_factor = {};
  std::string name = {};
};
/// Several optimizers, each for some of the weights.
Value MultiOptimizer(const Value& optimizer_map, const MultiOptimizerOptions& options = {});

}  // namespace keratin::keras::optimizers
