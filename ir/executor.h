// Something that can run a module: the reference interpreter, the kernel interpreter, the JIT.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ir/tensor.h"

namespace keratin {

/// A module made ready to run, with its variables. Not thread-safe: one call at a time.
class Executable {
 public:
  virtual ~Executable() = default;

  /// Calls a function: inputs in the order of its params, results in its order; updates its variables.
  /// Throws Error(data) if the number, dtypes or shapes do not fit.
  virtual std::vector<Tensor> call(std::string_view function, std::span<const Tensor> inputs) = 0;

  /// A variable's value in logical, row-major order.
  virtual Tensor get_variable(std::string_view name) const = 0;
  virtual void set_variable(std::string_view name, const Tensor& value) = 0;
};

/// Ranks run the same functions at the same time, each on samples of its own (passes/partition.cpp). One of them, as it sees all.
class Ranks {
 public:
  virtual ~Ranks() = default;
  /// What all_reduce gives (docs/ir.md). Every rank calls it as often, in the same order, with as many elements.
  virtual Tensor all_reduce(const Tensor& own, std::string_view by) = 0;
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual std::string_view name() const = 0;
  /// Variables start from their data, or zero where there is none.
  virtual std::unique_ptr<Executable> compile(const Module& module) = 0;
};

/// The symbols' values, from the inputs' shapes. Throws Error(data) if an input does not fit, by name, or if lengths are too short.
Bindings bind(const Function& function, std::span<const Tensor> inputs);
/// Throws Error(data) if one of the symbols that are computed from others is below 1, unless the batch is empty.
void expect_computed_lengths(const Bindings& bindings, std::span<const Symbol> symbols,
                             const std::string& where);

/// Whether each result is rounded to its dtype, as the ops mean it, or floats stay f64 from op to op: how far apart the two
/// end tells what rounding can do to a function's results.
enum class Rounding { every_result, none };

/// Graph IR, op by op, by the ops' own reference meaning (ir/op.h). `ranks` null: a single one.
std::unique_ptr<Executor> make_interpreter(Rounding rounding = Rounding::every_result,
                                           Ranks* ranks = nullptr);

}  // namespace keratin
