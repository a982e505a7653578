// What running kernel modules has in common, whoever runs the kernels: functions found by name, inputs checked, outputs
// made, variables kept.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "codegen/emit.h"
#include "ir/executor.h"

namespace keratin {

class KernelExecutable : public Executable {
 public:
  /// Variables start from their data, or zero where there is none.
  explicit KernelExecutable(std::shared_ptr<const KernelModule> module);

  std::vector<Tensor> call(std::string_view function, std::span<const Tensor> inputs) final;
  Tensor get_variable(std::string_view name) const final;
  void set_variable(std::string_view name, const Tensor& value) final;

 protected:
  /// Runs a program (by number): the inputs fit; the outputs have their shapes, and zeros in them.
  virtual void run(size_t program, const Bindings& bindings, std::span<const Tensor> inputs,
                   std::span<Tensor> outputs) = 0;

  const KernelModule& module() const { return *module_; }
  std::byte* weights() { return weights_.data(); }
  std::byte* state() { return state_.data(); }
  /// Where a variable (by number) lies.
  std::byte* memory_of(size_t variable);
  size_t variable_number(std::string_view name) const;

 private:
  size_t program_number(std::string_view name) const;
  const std::byte* memory_of(size_t variable) const;

  std::shared_ptr<const KernelModule> module_;
  Placement placement_;
  std::vector<Symbol> symbols_;
  Tensor weights_, state_;  // bytes
};

}  // namespace keratin
