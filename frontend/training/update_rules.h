// What optimizers do to one variable: a table row and a short function each.
//
// An optimizer's function says what a variable becomes, given its gradient and its slots. Its slots are declared beside it: most
// are of the variable's shape, Adafactor's are its rows and columns. What all optimizers have in common (clipping, decay, averages,
// accumulation) stands in optimizers.cpp.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/training/serialized.h"
#include "frontend/training/step_state.h"

namespace keratin {

/// What an optimizer keeps of a variable, or one number for all of them.
struct Slot {
  std::string_view name;
  Shape shape;
  double initial = 0;
  bool starts_as_variable = false;  ///< from the variable's value before the first update, not from `initial`
  /// Keras makes it in another way than the rest. Within a LossScaleOptimizer it overlooks it then: the slot is in no file, and as it began
  /// in every step.
  bool is_overlooked = false;
};

/// One variable's update, as an optimizer's function sees it.
class VariableUpdate {
 public:
  /// `slots`: all that the variable has, and those for all variables. `prefix`, the optimizer's own: of their names.
  VariableUpdate(const Args& args, StepState& state, const Variable& of, std::vector<Slot> slots,
                 std::string prefix)
      : args(args),
        variable(state.get(of.name, of.type)),
        state_(state),
        of_(of),
        slots_(std::move(slots)),
        prefix_(std::move(prefix)) {}

  const Args& args;
  Expr variable;
  Expr gradient;
  Expr rate;  ///< the learning rate, an f32 scalar
  Expr step;  ///< the number of this update, from 1: an f32 scalar

  bool has_slot(std::string_view name) const;
  Expr slot(std::string_view name) const;
  void set_slot(std::string_view name, const Expr& value) const;
  /// A number that is kept for all variables. All set it to the same.
  Expr shared(std::string_view name) const;
  void set_shared(std::string_view name, const Expr& value) const;

 private:
  const Slot* find(std::string_view name) const;

  StepState& state_;
  const Variable& of_;
  std::vector<Slot> slots_;
  std::string prefix_;
};

/// "dense/kernel" and "momentum" are "dense_kernel_momentum".
std::string slot_name(std::string variable, std::string_view slot);

using UpdateFn = Expr(const VariableUpdate& update);
/// A variable's slots. Those of one group stand together in files, variable by variable; then comes the next group. All variables
/// have as many groups.
using SlotsFn = std::vector<std::vector<Slot>>(const Args& args, const Variable& variable);
/// What the weights of a variable decay by, per unit of the learning rate.
using DecayFn = std::optional<double>(const Args& args, const Variable& variable);

inline constexpr double kUsualRate = 0.001;
std::optional<double> usual_decay(const Args& args, const Variable& variable);  ///< the argument weight_decay

struct OptimizerDef : ClassRow {
  SlotsFn* slots;
  UpdateFn* update;
  double rate = kUsualRate;  ///< Keras's default
  DecayFn* decay = usual_decay;
  std::span<const Slot> shared = {};  ///< kept once for all variables: the last ones in files
};

/// One table per kind.
std::span<const OptimizerDef> gradient_rules();  ///< the gradient, by its size so far
std::span<const OptimizerDef> moment_rules();    ///< averages of the gradient and of its square
std::span<const OptimizerDef> matrix_rules();    ///< rules for matrices as a whole

/// The rows of all optimizers: those of these tables, wrappers, which have no rule, and those of plug-ins.
std::deque<OptimizerDef>& optimizer_defs();
/// The row's own arguments, and those that every optimizer has.
std::vector<Arg> arguments_of(const ClassRow& def);

/// The argument as a number; none if it is null, `fallback` if it is absent.
std::optional<double> optional_real(const Args& args, std::string_view name,
                                    std::optional<double> fallback = {});

/// The argument as Keras computes with it where it makes a tensor of it before it takes it from 1.
double rounded(const Args& args, std::string_view name);

/// Moves an average towards what `by` is in this step.
Expr averaged(const VariableUpdate& u, std::string_view slot, const Expr& by, double beta);
/// 1 - betaᵗ: how much of an average that began as zero has come together.
Expr weight_so_far(const VariableUpdate& u, double beta);
/// Adam's step, with the argument epsilon; the largest square so far counts where there is a slot velocity_hat.
Expr adam_step(const VariableUpdate& u, double beta_1, double beta_2, const Expr& rate);

Expr square(const Expr& x);
Expr root(const Expr& x);
Expr power(double base, const Expr& exponent);
Expr power(const Expr& x, double exponent);

}  // namespace keratin
