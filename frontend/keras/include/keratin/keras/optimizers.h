// Optimizers.
//
// clipnorm, clipvalue and global_clipnorm limit gradients; only one of them can be set. Refused by Model::compile, as yet: use_ema,
// loss_scale_factor, gradient_accumulation_steps.
#pragma once

#include <keratin/keras/schedules.h>
#include <keratin/keras/value.h>

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

}  // namespace keratin::keras::optimizers
