#include "codegen/plan_program.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "codegen/launch_order.h"
#include "codegen/program_facts.h"
#include "codegen/rematerialize.h"
#include "codegen/tile_layout.h"
#include "ir/text.h"
#include "passes/memory_plan.h"

namespace keratin {

namespace {

/// The temporaries of a program whose launches run in a given order: how long each lives, and which share a place.
class Temporaries {
 public:
  Temporaries(const KernelModule& module, const Program& program, const LaunchOrder& order,
              const MayOverwrite& may_overwrite)
      : module_(module),
        program_(program),
        lifetimes_(program.buffers.size()),
        block_(program.buffers.size()) {
    std::iota(block_.begin(), block_.end(), 0);
    for (Lifetime& lifetime : lifetimes_) lifetime = {static_cast<int64_t>(order.size()), -1, Size()};
    for (size_t step = 0; step < order.size(); ++step) {
      for (const uint32_t buffer : program.launches[order[step]].args) {
        Lifetime& lifetime = lifetimes_[buffer];
        lifetime.first = std::min<int64_t>(lifetime.first, step);
        lifetime.last = std::max<int64_t>(lifetime.last, step);
      }
    }
    for (size_t step = 0; step < order.size(); ++step)
      share_places(program.launches[order[step]], static_cast<int64_t>(step), may_overwrite);
  }

  /// Places for all blocks.
  MemoryPlan plan() const {
    std::vector<Lifetime> blocks;
    std::map<uint32_t, size_t> number;
    for (uint32_t i = 0; i < program_.buffers.size(); ++i) {
      if (!is_temporary(i) || block_[i] != i) continue;
      number[i] = blocks.size();
      blocks.push_back(lifetimes_[i]);
      blocks.back().bytes = bytes_of(program_.buffers[i]);
    }
    const MemoryPlan planned = plan_memory(blocks);
    MemoryPlan plan{std::vector<Size>(program_.buffers.size()), planned.total, planned.lower_bound};
    for (uint32_t i = 0; i < program_.buffers.size(); ++i)
      if (is_temporary(i)) plan.offsets[i] = planned.offsets[number.at(block_[i])];
    return plan;
  }

 private:
  bool is_temporary(uint32_t buffer) const { return program_.buffers[buffer].storage == Storage::workspace; }

  /// Lets results of a launch, which are born in it, lie where operands lie that die in it.
  void share_places(const Launch& launch, int64_t step, const MayOverwrite& may_overwrite) {
    const auto& modes = module_.kernels[launch.kernel].buffers;
    for (size_t result = 0; result < launch.args.size(); ++result) {
      const uint32_t to = launch.args[result];
      if (modes[result].mode != Mode::out || !is_temporary(to) || block_[to] != to ||
          lifetimes_[to].first != step || lifetimes_[to].last == step)
        continue;
      for (size_t operand = 0; operand < launch.args.size(); ++operand) {
        const uint32_t from = block_[launch.args[operand]];
        if (modes[operand].mode != Mode::in || !is_temporary(from) || lifetimes_[from].last != step ||
            !has_elements_of(launch.args[operand], to) ||
            !may_overwrite_all(launch, from, result, may_overwrite))
          continue;
        block_[to] = from;
        lifetimes_[from].last = lifetimes_[to].last;
        break;
      }
    }
  }

  bool has_elements_of(uint32_t a, uint32_t b) const {
    return byte_size(program_.buffers[a].dtype) == byte_size(program_.buffers[b].dtype) &&
           bytes_of(program_.buffers[a]) == bytes_of(program_.buffers[b]);
  }

  /// A block may be read as several operands, which are views of one buffer.
  bool may_overwrite_all(const Launch& launch, uint32_t block, size_t result,
                         const MayOverwrite& may_overwrite) const {
    for (size_t operand = 0; operand < launch.args.size(); ++operand)
      if (operand != result && block_[launch.args[operand]] == block &&
          !may_overwrite(launch, operand, result))
        return false;
    return true;
  }

  const KernelModule& module_;
  const Program& program_;
  std::vector<Lifetime>
      lifetimes_;  // by buffer, in steps of the order; of a block: from its first buffer to its last
  std::vector<uint32_t> block_;  // by buffer: the first buffer at its place
};

/// Puts launches, and the kernels of them, which are the module's last, in another order.
void reorder(KernelModule& module, Program& program, const LaunchOrder& order) {
  const size_t first = module.kernels.size() - order.size();
  std::vector<Kernel> kernels;
  std::vector<Launch> launches;
  for (const size_t number : order) {
    Launch& launch = program.launches[number];
    kernels.push_back(std::move(module.kernels[launch.kernel]));
    kernels.back().name = cat(program.name, ".", launches.size());
    launch.kernel = static_cast<uint32_t>(first + launches.size());
    launches.push_back(std::move(launch));
  }
  std::move(kernels.begin(), kernels.end(), module.kernels.begin() + static_cast<ptrdiff_t>(first));
  program.launches = std::move(launches);
}

void set_places(Program& program, const MemoryPlan& plan) {
  for (size_t i = 0; i < program.buffers.size(); ++i)
    if (program.buffers[i].storage == Storage::workspace) program.buffers[i].offset = plan.offsets[i];
  program.workspace = plan.total;
  program.least_workspace = plan.lower_bound;
}

}  // namespace

void plan_program(KernelModule& module, Program& program, const MayOverwrite& may_overwrite) {
  std::optional<MemoryPlan> best;
  LaunchOrder chosen;
  for (LaunchOrder& order : launch_orders(module, program)) {
    MemoryPlan plan = Temporaries(module, program, order, may_overwrite).plan();
    if (best && typical(plan.total) >= typical(best->total)) continue;
    best = std::move(plan);
    chosen = std::move(order);
  }
  set_places(program, *best);
  reorder(module, program, chosen);
}

namespace {

/// What the limit leaves for temporaries, beside scratch memory.
int64_t left_for_temporaries(const WorkspaceLimit& limit, const KernelModule& module,
                             const Program& program) {
  return limit.bytes - limit.threads * tile_bytes(module, program);
}

}  // namespace

bool exceeds(const WorkspaceLimit& limit, const KernelModule& module, const Program& program) {
  return (limit.programs.empty() || limit.programs.contains(program.name)) &&
         program.workspace.value(usual_bindings(module, limit.batch)) >
             left_for_temporaries(limit, module, program);
}

void keep_within(const WorkspaceLimit& limit, const KernelModule& module, Program& program,
                 const MayOverwrite& may_overwrite) {
  if (!exceeds(limit, module, program)) return;
  const Bindings bindings = usual_bindings(module, limit.batch);
  const int64_t available = left_for_temporaries(limit, module, program);
  const auto bytes = [&](const Program& each) { return each.workspace.value(bindings); };
  Program start = program, best = program;
  const LaunchOrder order = freeing_order(module, program);
  for (size_t i = 0; i < order.size(); ++i) start.launches[i] = program.launches[order[i]];
  // What is alive at once may be packed badly: then less has to be alive; in the end, as little as can be.
  for (const int64_t eighths : {8, 7, 6, 0}) {
    if (bytes(best) <= available) break;
    const int64_t alive = available / 8 * eighths;
    bool is_least = false;
    for (Rematerialization& each : rematerializations(module, start, bindings, alive)) {
      LaunchOrder given(each.program.launches.size());
      std::iota(given.begin(), given.end(), 0);
      set_places(each.program, Temporaries(module, each.program, given, may_overwrite).plan());
      is_least = each.is_least;
      if (bytes(each.program) < bytes(best)) best = std::move(each.program);
      if (bytes(best) <= available) break;
    }
    if (is_least) break;
  }
  program = std::move(best);
}

}  // namespace keratin
