#include <keratin/keras/schedules.h>

#include "frontend/keras/make.h"

namespace keratin::keras::optimizers::schedules {
namespace {

Value schedule(std::string_view class_name, std::string_view name, const std::string& own_name,
               Arguments arguments) {
  arguments.emplace_back("name", own_name.empty() ? name : own_name);
  return make_object("keras.optimizers.schedules", class_name, arguments);
}

Value decay(std::string_view class_name, double rate, double steps, double decay_rate,
            const DecayOptions& o) {
  return schedule(class_name, class_name, o.name,
                  {{"initial_learning_rate", rate},
                   {"decay_steps", steps},
                   {"decay_rate", decay_rate},
                   {"staircase", o.staircase}});
}

}  // namespace

Value ExponentialDecay(double initial_learning_rate, double decay_steps, double decay_rate,
                       const DecayOptions& options) {
  return decay("ExponentialDecay", initial_learning_rate, decay_steps, decay_rate, options);
}
Value InverseTimeDecay(double initial_learning_rate, double decay_steps, double decay_rate,
                       const DecayOptions& options) {
  return decay("InverseTimeDecay", initial_learning_rate, decay_steps, decay_rate, options);
}

Value PiecewiseConstantDecay(const Value& boundaries, const Value& values,
                             const PiecewiseConstantDecayOptions& o) {
  return schedule("PiecewiseConstantDecay", "PiecewiseConstant", o.name,
                  {{"boundaries", boundaries}, {"values", values}});
}

Value PolynomialDecay(double initial_learning_rate, double decay_steps, const PolynomialDecayOptions& o) {
  return schedule("PolynomialDecay", "PolynomialDecay", o.name,
                  {{"initial_learning_rate", initial_learning_rate},
                   {"decay_steps", decay_steps},
                   {"end_learning_rate", o.end_learning_rate},
                   {"power", o.power},
                   {"cycle", o.cycle}});
}

Value CosineDecay(double initial_learning_rate, double decay_steps, const CosineDecayOptions& o) {
  return schedule("CosineDecay", "CosineDecay", o.name,
                  {{"initial_learning_rate", initial_learning_rate},
                   {"decay_steps", decay_steps},
                   {"alpha", o.alpha},
                   {"warmup_target", o.warmup_target},
                   {"warmup_steps", o.warmup_steps}});
}

Value CosineDecayRestarts(double initial_learning_rate, double first_decay_steps,
                          const CosineDecayRestartsOptions& o) {
  return schedule("CosineDecayRestarts", "SGDRDecay", o.name,
                  {{"initial_learning_rate", initial_learning_rate},
                   {"first_decay_steps", first_decay_steps},
                   {"t_mul", o.t_mul},
                   {"m_mul", o.m_mul},
                   {"alpha", o.alpha}});
}

}  // namespace keratin::keras::optimizers::schedules
