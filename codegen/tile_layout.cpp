#include "codegen/tile_layout.h"

#include <algorithm>
#include <unordered_set>

#include "passes/memory_plan.h"

namespace keratin {

namespace {

/// Finds from which statement of the body to which each buffer is used.
class UseFinder {
 public:
  explicit UseFinder(const Kernel& kernel)
      : lifetimes_(kernel.buffers.size(), {static_cast<int64_t>(kernel.body.size()), -1, Size()}) {
    for (const Stmt& statement : kernel.body) {
      visit(statement);
      seen_.clear();
      ++step_;
    }
  }

  const std::vector<Lifetime>& lifetimes() const { return lifetimes_; }

 private:
  void visit(const Stmt& statement) {
    if (statement.kind == StmtKind::store || statement.kind == StmtKind::tiles ||
        statement.kind == StmtKind::mma)
      use(statement.access.buffer);
    if (statement.kind == StmtKind::mma) use(statement.right.buffer);
    visit(statement.value);
    for (const Stmt& inner : statement.body) visit(inner);
    for (const Stmt& inner : statement.otherwise) visit(inner);
  }

  void visit(const ExprRef& expr) {
    if (!expr || !seen_.insert(expr.get()).second) return;
    if (expr->kind == ExprKind::load) use(expr->access.buffer);
    for (const ExprRef& arg : expr->args) visit(arg);
  }

  void use(BufferId buffer) {
    Lifetime& lifetime = lifetimes_[buffer];
    lifetime.first = std::min(lifetime.first, step_);
    lifetime.last = step_;
  }

  int64_t step_ = 0;
  std::vector<Lifetime> lifetimes_;
  std::unordered_set<const Expr*> seen_;  // in this statement
};

}  // namespace

TileLayout tile_layout(const Kernel& kernel) {
  TileLayout layout{std::vector<int64_t>(kernel.buffers.size(), 0),
                    std::vector<int64_t>(kernel.buffers.size(), 0), 0};
  std::vector<size_t> numbers;
  for (size_t i = 0; i < kernel.buffers.size(); ++i)
    if (kernel.buffers[i].mode == Mode::tile) numbers.push_back(i);
  if (numbers.empty()) return layout;
  const UseFinder uses(kernel);
  std::vector<Lifetime> tiles;
  for (const size_t number : numbers) {
    const KernelBuffer& buffer = kernel.buffers[number];
    layout.sizes[number] = byte_size(buffer.dtype) * Size::product(buffer.shape).value();
    tiles.push_back(uses.lifetimes()[number]);
    if (tiles.back().last < 0) tiles.back() = {0, 0, Size()};  // unused
    tiles.back().bytes = layout.sizes[number];
  }
  const MemoryPlan plan = plan_memory(tiles);
  for (size_t i = 0; i < numbers.size(); ++i) layout.offsets[numbers[i]] = plan.offsets[i].value();
  layout.bytes = plan.total.value();
  return layout;
}

int64_t tile_bytes(const KernelModule& module, const Program& program) {
  int64_t most = 0;
  for (const Launch& launch : program.launches)
    most = std::max(most, tile_layout(module.kernels[launch.kernel]).bytes);
  return most;
}

}  // namespace keratin
