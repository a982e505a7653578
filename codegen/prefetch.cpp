#include "codegen/prefetch.h"

#include <algorithm>
#include <set>

#include "codegen/tiling.h"

namespace keratin {

namespace {

class Prefetcher {
 public:
  Prefetcher(const Kernel& kernel, int64_t least_bytes) : kernel_(kernel), least_bytes_(least_bytes) {}

  Block block(const Block& from) {
    Block fetched;
    std::vector<Access> known;
    const auto fetch = [&](const Access& access) {
      if (!is_fetched(access)) return;
      const bool is_new = std::none_of(known.begin(), known.end(), [&](const Access& other) {
        return other.buffer == access.buffer && other.at == access.at;
      });
      if (!is_new) return;
      known.push_back(access);
      fetched.push_back(prefetch_stmt(access));
    };
    for (const Stmt& stmt : from) {
      if (stmt.kind == StmtKind::for_) {
        Block inner = block(stmt.body);
        if (!inner.empty())
          fetched.push_back(
              for_stmt(stmt.variable, stmt.low, stmt.high, stmt.step, stmt.loop, std::move(inner)));
        continue;
      }
      if (stmt.kind == StmtKind::let) computed_.insert(stmt.variable);
      if (!stmt.value) continue;
      visited_.clear();
      each_load(*stmt.value, fetch);
      if (stmt.kind == StmtKind::store) fetch(stmt.access);
    }
    return fetched;
  }

 private:
  template <typename Visit>
  void each_load(const Expr& expr, const Visit& visit) {
    if (!visited_.insert(&expr).second) return;
    if (expr.kind == ExprKind::load) visit(expr.access);
    for (const ExprRef& arg : expr.args) each_load(*arg, visit);
  }

  bool is_fetched(const Access& access) const {
    const KernelBuffer& buffer = kernel_.buffers[access.buffer];
    const int64_t bytes = estimated_elements(buffer.shape) * byte_size(buffer.dtype);
    const auto is_computed = [&](const Index& index) {
      return std::any_of(computed_.begin(), computed_.end(), [&](VarId id) { return index.uses(id); });
    };
    return buffer.mode != Mode::tile && bytes >= least_bytes_ && access.lanes > 1 && access.lane_step == 1 &&
           access.lane_axis + 1 == static_cast<int>(access.at.size()) && access.guard.empty() &&
           std::none_of(access.at.begin(), access.at.end(), is_computed);
  }

  const Kernel& kernel_;
  const int64_t least_bytes_;
  std::set<VarId> computed_;
  std::set<const Expr*> visited_;
};

}  // namespace

std::optional<Stmt> prefetch_ahead(const ExprRef& value, int64_t places) {
  const Expr* next = value.get();
  while (next->kind != ExprKind::load && next->args.size() == 1) next = next->args[0].get();
  if (next->kind != ExprKind::load) return {};
  Access access = next->access;
  access.at[access.at.size() - 2] += places;
  return prefetch_stmt(std::move(access));
}

Block prefetches(const Kernel& kernel, const Block& block, int64_t least_bytes) {
  return Prefetcher(kernel, least_bytes).block(block);
}

}  // namespace keratin
