// Learning rates that change with the steps of training: for an optimizer's learning_rate.
#pragma once

#include <keratin/keras/value.h>

namespace keratin::keras::optimizers::schedules {

struct DecayOptions {
  bool staircase = false;  ///< only whole decays count
  std::string name = {};
};
/// initial_learning_rate · decay_rate^(step / decay_steps)
Value ExponentialDecay(double initial_learning_rate, double decay_steps, double decay_rate,
                       const DecayOptions& options = {});
/// initial_learning_rate / (1 + decay_rate · step / decay_steps)
Value InverseTimeDecay(double initial_learning_rate, double decay_steps, double decay_rate,
                       const DecayOptions& options = {});

struct PiecewiseConstantDecayOptions {
  std::string name = {};
};
/// values[0] up to step boundaries[0], values[1] up to boundaries[1], …, and the last value from there on.
Value PiecewiseConstantDecay(const Value& boundaries, const Value& values,
                             const PiecewiseConstantDecayOptions& options = {});

struct PolynomialDecayOptions {
  double end_learning_rate = 0.0001;
  double power = 1.0;
  bool cycle = false;  ///< after decay_steps, goes on with twice as many, …
  std::string name = {};
};
/// (initial_learning_rate − end_learning_rate) · (1 − step / decay_steps)^power + end_learning_rate
Value PolynomialDecay(double initial_learning_rate, double decay_steps,
                      const PolynomialDecayOptions& options = {});

struct CosineDecayOptions {
  double alpha = 0.0;  ///< of the highest rate remains
  std::string name = {};
  Value warmup_target = {};  ///< the highest rate, reached after warmup_steps; None: initial_learning_rate
  double warmup_steps = 0;
};
/// Down along half a cosine.
Value CosineDecay(double initial_learning_rate, double decay_steps, const CosineDecayOptions& options = {});

struct CosineDecayRestartsOptions {
  double t_mul = 2.0;  ///< how much longer each period is than the one before
  double m_mul = 1.0;  ///< how much higher it starts
  double alpha = 0.0;  ///< of the highest rate remains
  std::string name = {};
};
/// Down along half a cosine, again and again.
Value CosineDecayRestarts(double initial_learning_rate, double first_decay_steps,
                          const CosineDecayRestartsOptions& options = {});

}  // namespace keratin::keras::optimizers::schedules
