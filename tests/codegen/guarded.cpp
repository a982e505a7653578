#include "tests/codegen/guarded.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <vector>

#include "codegen/jit.h"
#include "codegen/kernel_executable.h"
#include "codegen/program_facts.h"
#include "codegen/tile_layout.h"
#include "ir/text.h"
#include "runtime/abi.h"

namespace keratin::testing {
namespace {

enum class Guard { behind, before };

/// Memory of `bytes` between two pages that must not be touched, against one of them.
class GuardedBlock {
 public:
  GuardedBlock(std::string name, size_t bytes, Guard guard) : name_(std::move(name)), bytes_(bytes) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    usable_ = (bytes + page - 1) / page * page;
    total_ = usable_ + 2 * page;
    void* mapped = ::mmap(nullptr, total_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<unsigned char*>(mapped);
    first_ = base_ + page;
    if (usable_ > 0 && ::mprotect(first_, usable_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    data_ = guard == Guard::behind ? first_ + usable_ - bytes : first_;
    std::fill(first_, first_ + usable_, kUnused);
  }
  GuardedBlock(const GuardedBlock&) = delete;
  GuardedBlock& operator=(const GuardedBlock&) = delete;
  ~GuardedBlock() { ::munmap(base_, total_); }

  unsigned char* data() const { return data_; }
  const std::string& name() const { return name_; }
  bool covers(const void* address) const { return address >= base_ && address < base_ + total_; }
  /// Whether something was written beside the buffer, in the pages that may be touched.
  bool is_spoilt() const {
    const auto used = [](unsigned char byte) { return byte != kUnused; };
    return std::any_of(first_, data_, used) || std::any_of(data_ + bytes_, first_ + usable_, used);
  }

 private:
  static constexpr unsigned char kUnused = 0xa5;

  std::string name_;
  size_t bytes_, usable_, total_;
  unsigned char *base_, *first_, *data_;
};

sigjmp_buf fault_exit;
void* volatile fault_address;

void leave_at_fault(int, siginfo_t* info, void*) {
  fault_address = info->si_addr;
  siglongjmp(fault_exit, 1);
}

/// Runs the code; the address of a forbidden access, or null.
void* fault_of(krt_run* run, const krt_call& call) {
  struct sigaction handler{}, previous{};
  handler.sa_sigaction = leave_at_fault;
  handler.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSEGV, &handler, &previous);
  fault_address = nullptr;
  if (sigsetjmp(fault_exit, 1) == 0) run(&call);
  ::sigaction(SIGSEGV, &previous, nullptr);
  return fault_address;
}

class GuardedExecutable final : public KernelExecutable {
 public:
  GuardedExecutable(std::shared_ptr<const KernelModule> module, const Target& target)
      : KernelExecutable(std::move(module)),
        placement_(place_variables(this->module())),
        code_(emit_native(this->module(), target, {})) {}

 private:
  void run(size_t number, const Bindings& bindings, std::span<const Tensor> inputs,
           std::span<Tensor> outputs) override {
    std::vector<Tensor> first(outputs.begin(), outputs.end());
    Tensor next_state(DType::u8, {placement_.state_bytes});
    run_guarded(Guard::behind, number, bindings, inputs, first, next_state.data());
    run_guarded(Guard::before, number, bindings, inputs, outputs, next_state.data());
    if (!std::equal(first.begin(), first.end(), outputs.begin()))
      throw std::runtime_error("gives other results at another place in memory");
    paste(next_state.data(), state(), placement_.state_bytes);
  }

  void run_guarded(Guard guard, size_t number, const Bindings& bindings, std::span<const Tensor> inputs,
                   std::span<Tensor> outputs, std::byte* next_state) {
    const Program& program = module().programs[number];
    blocks_.clear();
    guard_ = guard;
    std::vector<const void*> from;
    std::vector<void*> to;
    for (const Tensor& input : inputs) from.push_back(copy_of("an input", input.data(), input.bytes()));
    for (const Tensor& output : outputs) to.push_back(copy_of("an output", output.data(), output.bytes()));
    std::vector<int64_t> sizes;
    for (const Symbol& symbol : symbols_of(module()))
      sizes.push_back(is_known(Dim(1, symbol), bindings) ? value_of(symbol, bindings) : 0);
    const int64_t planned =
        (program.workspace.value(bindings) + KRT_ALIGNMENT - 1) / KRT_ALIGNMENT * KRT_ALIGNMENT;
    const int64_t tile = tile_bytes(module(), program);
    const krt_call call{.inputs = from.data(),
                        .outputs = to.data(),
                        .symbols = sizes.data(),
                        .weights = copy_of("the weights", weights(), placement_.weight_bytes),
                        .state = copy_of("the state", state(), placement_.state_bytes),
                        .workspace = block("the workspace", planned),
                        .tiles = block("the tile", tile),
                        .tile_bytes = tile,
                        .threads = 1,
                        .pool = nullptr};
    if (const void* fault = fault_of(code_.run(number), call)) refuse(fault);
    for (const auto& block : blocks_)
      if (block->is_spoilt()) throw std::runtime_error(cat("writes beside ", block->name()));
    for (size_t i = 0; i < outputs.size(); ++i) paste(to[i], outputs[i].data(), outputs[i].bytes());
    paste(call.state, next_state, placement_.state_bytes);
  }

  unsigned char* block(const char* name, int64_t bytes) {
    blocks_.push_back(std::make_unique<GuardedBlock>(name, static_cast<size_t>(bytes), guard_));
    return blocks_.back()->data();
  }
  unsigned char* copy_of(const char* name, const std::byte* bytes, int64_t size) {
    unsigned char* copy = block(name, size);
    if (size > 0) std::memcpy(copy, bytes, static_cast<size_t>(size));
    return copy;
  }
  static void paste(const void* from, std::byte* to, int64_t size) {
    if (size > 0) std::memcpy(to, from, static_cast<size_t>(size));
  }

  [[noreturn]] void refuse(const void* fault) const {
    for (const auto& block : blocks_)
      if (block->covers(fault))
        throw std::runtime_error(cat("touches byte ",
                                     static_cast<const unsigned char*>(fault) - block->data(), " of ",
                                     block->name()));
    throw std::runtime_error("touches memory that is not its own");
  }

  Placement placement_;
  LoadedModule code_;
  Guard guard_ = Guard::behind;                        // of the call that runs
  std::vector<std::unique_ptr<GuardedBlock>> blocks_;  // and its memory
};

}  // namespace

std::unique_ptr<Executable> guarded_kernels(std::shared_ptr<const KernelModule> module,
                                            const Target& target) {
  return std::make_unique<GuardedExecutable>(std::move(module), target);
}

}  // namespace keratin::testing
