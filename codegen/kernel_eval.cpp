// The kernel interpreter: programs over a byte workspace, as machine code would run them.
//
// Buffers lie where the plan says, overlaps included, so a wrong plan gives wrong numbers here too; kernels run their
// pieces in order. Workspace and outputs start as all ones, NaN in every float, so that what is read before it is
// written shows. Codes are kept per program and values of its symbols (codegen/kernel_code.h).
#include <cstring>
#include <map>

#include "codegen/emit.h"
#include "codegen/kernel_code.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

void fill_with_ones(Tensor& tensor) { std::memset(tensor.data(), 0xff, static_cast<size_t>(tensor.bytes())); }

std::vector<int64_t> numbers(const Shape& shape, const Bindings& bindings) {
  std::vector<int64_t> result;
  for (const Dim& dim : shape) result.push_back(dim.value(bindings));
  return result;
}

class KernelInterpreter : public Executable {
 public:
  explicit KernelInterpreter(std::shared_ptr<const KernelModule> module)
      : module_(std::move(module)),
        placement_(place_variables(*module_)),
        weights_(DType::u8, {placement_.weight_bytes}),
        state_(DType::u8, {placement_.state_bytes}) {
    for (size_t i = 0; i < module_->variables.size(); ++i) {
      if (const auto& data = module_->variables[i].data) set(i, *data);
    }
  }

  std::vector<Tensor> call(std::string_view function, std::span<const Tensor> inputs) override {
    const Program& program = find_program(function);
    const Bindings bindings = bind(program, inputs);
    std::vector<Tensor> outputs;
    for (const uint32_t output : program.outputs) {
      outputs.emplace_back(program.buffers[output].dtype, numbers(program.buffers[output].shape, bindings));
      fill_with_ones(outputs.back());
    }
    Tensor workspace(DType::u8, {program.workspace.value(bindings)});
    fill_with_ones(workspace);
    const std::vector<std::byte*> buffers = place(program, bindings, inputs, outputs, workspace);
    const std::vector<KernelCode>& codes = codes_of(program, bindings);
    for (size_t i = 0; i < program.launches.size(); ++i) {
      std::vector<std::byte*> args;
      for (const uint32_t arg : program.launches[i].args) args.push_back(buffers[arg]);
      codes[i].run(args);
    }
    return outputs;
  }

  Tensor get_variable(std::string_view name) const override {
    const size_t index = find_variable(name);
    const Type& type = module_->variables[index].type;
    Tensor physical(type.dtype, numbers(type.physical_shape(), {}));
    std::memcpy(physical.data(), memory_of(index), static_cast<size_t>(physical.bytes()));
    return to_logical(physical, type);
  }

  void set_variable(std::string_view name, const Tensor& value) override {
    const size_t index = find_variable(name);
    const Type& type = module_->variables[index].type;
    if (value.dtype() != type.dtype || value.shape() != numbers(type.shape, {})) {
      throw Error(ErrorKind::data, cat("found ", value.type(), ", expected ", type), cat("variable ", name));
    }
    set(index, value);
  }

 private:
  const Program& find_program(std::string_view name) const {
    std::vector<std::string> names;
    for (const Program& program : module_->programs) {
      if (program.name == name) return program;
      names.push_back(program.name);
    }
    throw Error(ErrorKind::data, cat("there is no function ", name), module_->name,
                cat("one of ", join(names, ", ")));
  }

  size_t find_variable(std::string_view name) const {
    for (size_t i = 0; i < module_->variables.size(); ++i) {
      if (module_->variables[i].name == name) return i;
    }
    throw Error(ErrorKind::data, cat("there is no variable ", name), module_->name);
  }

  std::byte* memory_of(size_t variable) const {
    const Placement::Slot& slot = placement_.slots[variable];
    return const_cast<std::byte*>((slot.in_state ? state_ : weights_).data()) + slot.offset;
  }

  void set(size_t variable, const Tensor& logical) {
    const Tensor physical = to_physical(logical, module_->variables[variable].type);
    std::memcpy(memory_of(variable), physical.data(), static_cast<size_t>(physical.bytes()));
  }

  /// Where each buffer of the program is.
  std::vector<std::byte*> place(const Program& program, const Bindings& bindings,
                                std::span<const Tensor> inputs, std::vector<Tensor>& outputs,
                                Tensor& workspace) const {
    std::vector<std::byte*> buffers(program.buffers.size(), nullptr);
    for (size_t i = 0; i < program.buffers.size(); ++i) {
      const ProgramBuffer& buffer = program.buffers[i];
      if (buffer.storage == Storage::variable) buffers[i] = memory_of(find_variable(buffer.name));
      if (buffer.storage != Storage::workspace) continue;
      const int64_t offset = buffer.offset.value(bindings);
      const int64_t bytes = Size::product(buffer.shape).value(bindings) * byte_size(buffer.dtype);
      KERATIN_CHECK(
          offset >= 0 && offset % 64 == 0 && offset + bytes <= workspace.bytes(),
          cat(program.name, ": %", buffer.name, " at ", offset, " of ", workspace.bytes(), " bytes"));
      buffers[i] = workspace.data() + offset;
    }
    // verify() has seen to it that no kernel writes an input.
    for (size_t i = 0; i < inputs.size(); ++i)
      buffers[program.inputs[i]] = const_cast<std::byte*>(inputs[i].data());
    for (size_t i = 0; i < outputs.size(); ++i) buffers[program.outputs[i]] = outputs[i].data();
    return buffers;
  }

  const std::vector<KernelCode>& codes_of(const Program& program, const Bindings& bindings) {
    std::vector<KernelCode>& codes = codes_[{&program, bindings}];
    if (codes.empty()) {
      for (const Launch& launch : program.launches)
        codes.emplace_back(module_->kernels[launch.kernel], bindings);
    }
    return codes;
  }

  std::shared_ptr<const KernelModule> module_;
  Placement placement_;
  Tensor weights_, state_;
  std::map<std::pair<const Program*, Bindings>, std::vector<KernelCode>> codes_;  // one per launch
};

}  // namespace

std::unique_ptr<Executable> interpret_kernels(std::shared_ptr<const KernelModule> module) {
  verify(*module);
  return std::make_unique<KernelInterpreter>(std::move(module));
}

}  // namespace keratin
