#include "codegen/kernel_executable.h"

#include <cstring>

#include "codegen/program_facts.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

std::vector<int64_t> numbers(const Shape& shape, const Bindings& bindings = {}) {
  std::vector<int64_t> result;
  for (const Dim& dim : shape) result.push_back(dim.value(bindings));
  return result;
}

template <typename Named>
size_t number_of(const std::vector<Named>& things, std::string_view name, std::string_view kind,
                 const std::string& where) {
  std::vector<std::string> names;
  for (size_t i = 0; i < things.size(); ++i) {
    if (things[i].name == name) return i;
    names.push_back(things[i].name);
  }
  throw Error(ErrorKind::data, cat("there is no ", kind, " ", name), where,
              cat("one of ", join(names, ", ")));
}

}  // namespace

KernelExecutable::KernelExecutable(std::shared_ptr<const KernelModule> module)
    : module_(std::move(module)),
      placement_(place_variables(*module_)),
      symbols_(symbols_of(*module_)),
      weights_(DType::u8, {placement_.weight_bytes}),
      state_(DType::u8, {placement_.state_bytes}) {
  for (const Variable& variable : module_->variables) {
    if (variable.data != nullptr) set_variable(variable.name, *variable.data);
  }
}

size_t KernelExecutable::program_number(std::string_view name) const {
  return number_of(module_->programs, name, "function", module_->name);
}

size_t KernelExecutable::variable_number(std::string_view name) const {
  return number_of(module_->variables, name, "variable", module_->name);
}

const std::byte* KernelExecutable::memory_of(size_t variable) const {
  const Placement::Slot& slot = placement_.slots[variable];
  return (slot.in_state ? state_ : weights_).data() + slot.offset;
}

std::byte* KernelExecutable::memory_of(size_t variable) {
  const Placement::Slot& slot = placement_.slots[variable];
  return (slot.in_state ? state_ : weights_).data() + slot.offset;
}

std::vector<Tensor> KernelExecutable::call(std::string_view function, std::span<const Tensor> inputs) {
  const size_t number = program_number(function);
  const Program& program = module_->programs[number];
  const Bindings bindings = bind_symbols(program, symbols_, inputs);
  std::vector<Tensor> outputs;
  for (const uint32_t output : program.outputs)
    outputs.emplace_back(program.buffers[output].dtype, numbers(program.buffers[output].shape, bindings));
  run(number, bindings, inputs, outputs);
  return outputs;
}

Tensor KernelExecutable::get_variable(std::string_view name) const {
  const size_t number = variable_number(name);
  const Type& type = module_->variables[number].type;
  Tensor physical(type.dtype, numbers(type.physical_shape()));
  std::memcpy(physical.data(), memory_of(number), static_cast<size_t>(physical.bytes()));
  return to_logical(physical, type);
}

void KernelExecutable::set_variable(std::string_view name, const Tensor& value) {
  const size_t number = variable_number(name);
  const Type& type = module_->variables[number].type;
  if (value.dtype() != type.dtype || value.shape() != numbers(type.shape)) {
    throw Error(ErrorKind::data, cat("found ", value.type(), ", expected ", type), cat("variable ", name));
  }
  const Tensor physical = to_physical(value, type);
  std::memcpy(memory_of(number), physical.data(), static_cast<size_t>(physical.bytes()));
}

}  // namespace keratin
