#include "codegen/jit.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>

#include "codegen/kernel_executable.h"
#include "codegen/program_facts.h"
#include "codegen/tile_layout.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

template <typename T>
T value_of(llvm::Expected<T> expected) {
  if (!expected) check_failed(__FILE__, __LINE__, "LLVM's JIT works", llvm::toString(expected.takeError()));
  return std::move(*expected);
}

void expect_success(llvm::Error error) {
  if (error) check_failed(__FILE__, __LINE__, "LLVM's JIT works", llvm::toString(std::move(error)));
}

template <typename Function>
void define(llvm::orc::LLJIT& jit, const char* name, Function* function) {
  const llvm::orc::ExecutorSymbolDef symbol(llvm::orc::ExecutorAddr::fromPtr(function),
                                            llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable);
  expect_success(
      jit.getMainJITDylib().define(llvm::orc::absoluteSymbols({{jit.mangleAndIntern(name), symbol}})));
}

struct PoolCloser {
  void operator()(keratin_pool* pool) const { krt_pool_destroy(pool); }
};

unsigned char* bytes_of(std::byte* memory) { return reinterpret_cast<unsigned char*>(memory); }

class JitExecutable final : public KernelExecutable {
 public:
  JitExecutable(std::shared_ptr<const KernelModule> module, const Target& target, const EmitOptions& options,
                unsigned threads, Launcher* launcher)
      : KernelExecutable(std::move(module)),
        symbols_(symbols_of(this->module())),
        code_(emit_native(this->module(), target, options), launcher),
        pool_(threads != 1 ? krt_pool_create(threads) : nullptr) {
    for (const Program& program : this->module().programs)
      tile_bytes_.push_back(tile_bytes(this->module(), program));
  }

 private:
  void run(size_t number, const Bindings& bindings, std::span<const Tensor> inputs,
           std::span<Tensor> outputs) override {
    const Program& program = module().programs[number];
    std::vector<const void*> from;
    std::vector<void*> to;
    std::vector<int64_t> sizes;
    for (const Tensor& input : inputs) from.push_back(input.data());
    for (Tensor& output : outputs) to.push_back(output.data());
    for (const Symbol& symbol : symbols_)
      sizes.push_back(is_known(Dim(1, symbol), bindings) ? value_of(symbol, bindings) : 0);
    const unsigned threads = pool_ ? pool_->threads : 1;
    const int64_t tile = tile_bytes_[number];
    const int64_t n = program.slices.least > 0 ? inputs[0].shape()[0] : 0;
    const int64_t slices = slices_of(program, n, threads);
    Bindings of_slice = bindings;
    if (slices > 1 && of_slice.contains(Symbol("N"))) of_slice[Symbol("N")] = (n + slices - 1) / slices;
    const int64_t planned =
        (program.workspace.value(of_slice) + KRT_ALIGNMENT - 1) / KRT_ALIGNMENT * KRT_ALIGNMENT;
    const int64_t needed = slices > 1 ? (planned + tile) * threads : planned + tile * threads;
    if (needed > workspace_.bytes()) workspace_ = Tensor(DType::u8, {needed});
    const krt_call call{.inputs = from.data(),
                        .outputs = to.data(),
                        .symbols = sizes.data(),
                        .weights = bytes_of(weights()),
                        .state = bytes_of(state()),
                        .workspace = bytes_of(workspace_.data()),
                        .tiles = bytes_of(workspace_.data()) + planned,
                        .tile_bytes = tile,
                        .threads = threads,
                        .pool = pool_.get()};
    if (slices == 1) return code_.run(number)(&call);
    std::vector<size_t> input_bytes, output_bytes;
    for (const Tensor& input : inputs) input_bytes.push_back(static_cast<size_t>(input.bytes() / n));
    for (const Tensor& output : outputs) output_bytes.push_back(static_cast<size_t>(output.bytes() / n));
    const krt_cut cut{.n = static_cast<uint64_t>(n),
                      .slices = static_cast<uint64_t>(slices),
                      .planned = static_cast<size_t>(planned),
                      .input_bytes = input_bytes.data(),
                      .output_bytes = output_bytes.data(),
                      .input_count = static_cast<uint32_t>(inputs.size()),
                      .output_count = static_cast<uint32_t>(outputs.size())};
    krt_run_slices(&call, code_.run(number), &cut);
  }

  std::vector<Symbol> symbols_;
  std::vector<int64_t> tile_bytes_;  // by program
  Tensor workspace_;                 // kept from call to call
  LoadedModule code_;
  std::unique_ptr<keratin_pool, PoolCloser> pool_;
};

}  // namespace

LoadedObject::LoadedObject(std::span<const std::byte> object, Launcher* launcher) {
  llvm::orc::LLJITBuilder builder;
  builder.setLinkProcessSymbolsByDefault(false);
  builder.setPlatformSetUp(llvm::orc::setUpInactivePlatform);  // no constructors, no process symbols
  jit_ = value_of(builder.create());
  define(*jit_, "krt_launch", launcher);
  define(*jit_, "krt_reduce_start", &krt_reduce_start);
  define(*jit_, "krt_reduce_finish", &krt_reduce_finish);
  define(*jit_, "krt_out_of_bounds", &krt_out_of_bounds);
  const llvm::StringRef bytes(reinterpret_cast<const char*>(object.data()), object.size());
  expect_success(jit_->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(bytes, "kernels")));
}

LoadedObject::~LoadedObject() = default;

void* LoadedObject::address(const std::string& symbol) const {
  return value_of(jit_->lookup(symbol)).toPtr<void*>();
}

LoadedModule::LoadedModule(const NativeModule& native, Launcher* launcher)
    : object_(native.object, launcher) {
  for (const std::string& name : native.runs)
    runs_.push_back(reinterpret_cast<krt_run*>(object_.address(name)));
}

LoadedTrainer::LoadedTrainer(const LevelKernels& level, const EmitOptions& options,
                             const TrainerSpec& trainer)
    : object_(emit_trainer_object(std::span(&level, 1), options, {.prefix = level.kernels.name}, trainer)),
      data_(place_data(level.kernels, place_variables(level.kernels))),
      trainer_(*static_cast<const krt_trainer*>(object_.address("keratin_trainer_model"))) {
  model_ = *trainer_.model;
  if (data_.weights.bytes() > 0) model_.weights = bytes_of(data_.weights.data());
  if (!data_.state_is_zero) model_.state_initial = bytes_of(data_.state.data());
  trainer_.model = &model_;
}

namespace {

std::unique_ptr<Executable> load(std::shared_ptr<const KernelModule> module, const Target& target,
                                 const EmitOptions& options, unsigned threads, Launcher* launcher) {
  if (!runs_on_host(target)) {
    throw Error(ErrorKind::usage, cat("this machine does not run code for ", target.cpu), {}, "--cpu native");
  }
  return std::make_unique<JitExecutable>(std::move(module), target, options, threads, launcher);
}

}  // namespace

std::unique_ptr<Executable> jit_kernels(std::shared_ptr<const KernelModule> module, const Target& target,
                                        const EmitOptions& options, unsigned threads) {
  return load(std::move(module), target, options, threads, &krt_launch);
}

std::unique_ptr<Executable> jit_kernels_launched_by(Launcher* launcher,
                                                    std::shared_ptr<const KernelModule> module,
                                                    const Target& target, unsigned threads) {
  return load(std::move(module), target, {}, threads, launcher);
}

}  // namespace keratin
