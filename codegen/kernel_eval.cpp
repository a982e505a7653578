// The kernel interpreter: programs over a byte workspace, as machine code would run them.
//
// Buffers lie where the plan says, overlaps included, so a wrong plan gives wrong numbers here too; kernels run their
// pieces in order. Workspace and outputs start as all ones, NaN in every float, so that what is read before it is
// written shows. Kernels are prepared once per program and values of its symbols (codegen/kernel_code.h).
#include <cstring>
#include <map>

#include "codegen/kernel_code.h"
#include "codegen/kernel_executable.h"
#include "codegen/program_facts.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

void fill_with_ones(Tensor& tensor) { std::memset(tensor.data(), 0xff, static_cast<size_t>(tensor.bytes())); }

class KernelInterpreter : public KernelExecutable {
 public:
  using KernelExecutable::KernelExecutable;

 private:
  void run(size_t number, const Bindings& bindings, std::span<const Tensor> inputs,
           std::span<Tensor> outputs) override {
    const Program& program = module().programs[number];
    for (Tensor& output : outputs) fill_with_ones(output);
    Tensor workspace(DType::u8, {program.workspace.value(bindings)});
    fill_with_ones(workspace);
    std::vector<std::byte*> buffers = place(program, bindings, inputs, outputs, workspace);
    const std::vector<KernelCode>& codes = codes_of(number, bindings);
    const int64_t slices = fixed_slices(program);
    for (int64_t slice = 0; slice < slices; ++slice) {
      for (size_t i = 0; i < program.launches.size(); ++i) {
        std::vector<std::byte*> args;
        for (const uint32_t arg : program.launches[i].args) args.push_back(buffers[arg]);
        codes[i].run(args);
      }
      for (size_t i = 0; i < inputs.size(); ++i) buffers[program.inputs[i]] += inputs[i].bytes() / slices;
      for (size_t i = 0; i < outputs.size(); ++i) buffers[program.outputs[i]] += outputs[i].bytes() / slices;
    }
  }

  /// Where each buffer of the program is.
  std::vector<std::byte*> place(const Program& program, const Bindings& bindings,
                                std::span<const Tensor> inputs, std::span<Tensor> outputs,
                                Tensor& workspace) {
    std::vector<std::byte*> buffers(program.buffers.size(), nullptr);
    for (size_t i = 0; i < program.buffers.size(); ++i) {
      const ProgramBuffer& buffer = program.buffers[i];
      if (buffer.storage == Storage::variable) buffers[i] = memory_of(variable_number(buffer.name));
      if (buffer.storage != Storage::workspace) continue;
      const int64_t offset = buffer.offset.value(bindings);
      const int64_t bytes = Size::product(buffer.shape).value(bindings) * byte_size(buffer.dtype);
      KERATIN_CHECK(
          offset >= 0 && offset + bytes <= workspace.bytes(),
          cat(program.name, ": %", buffer.name, " at ", offset, " of ", workspace.bytes(), " bytes"));
      buffers[i] = workspace.data() + offset;
    }
    // verify() has seen to it that no kernel writes an input.
    for (size_t i = 0; i < inputs.size(); ++i)
      buffers[program.inputs[i]] = const_cast<std::byte*>(inputs[i].data());
    for (size_t i = 0; i < outputs.size(); ++i) buffers[program.outputs[i]] = outputs[i].data();
    return buffers;
  }

  const std::vector<KernelCode>& codes_of(size_t number, const Bindings& bindings) {
    std::vector<KernelCode>& codes = codes_[{number, bindings}];
    if (codes.empty()) {
      for (const Launch& launch : module().programs[number].launches) {
        codes.emplace_back(module().kernels[launch.kernel], bindings);
      }
    }
    return codes;
  }

  std::map<std::pair<size_t, Bindings>, std::vector<KernelCode>> codes_;  // one per launch
};

}  // namespace

std::unique_ptr<Executable> interpret_kernels(std::shared_ptr<const KernelModule> module) {
  verify(*module);
  return std::make_unique<KernelInterpreter>(std::move(module));
}

}  // namespace keratin
