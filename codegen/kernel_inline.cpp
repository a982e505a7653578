#include "codegen/kernel_inline.h"

#include <algorithm>
#include <functional>
#include <map>

#include "ir/error.h"

namespace keratin {

namespace {

/// Copies statements, giving everything that they name its place in the outer kernel.
class Inliner {
 public:
  Inliner(KernelWriter& writer, const Kernel& inner, std::vector<BufferSlice> slices, Mode others)
      : Inliner(writer, inner, std::move(slices)) {
    for (size_t i = slices_.size(); i < inner.buffers.size(); ++i) {
      // What was private to a piece of the inner kernel is one buffer: its pieces run one after the other.
      KernelBuffer buffer = inner.buffers[i];
      buffer.mode = others;
      slices_.push_back({add_buffer(writer.kernel, std::move(buffer))});
    }
  }

  /// For one piece, of which others may run at the same time: what is private to one has a place for each.
  Inliner(KernelWriter& writer, const Kernel& inner, std::vector<BufferSlice> slices, const Index& piece)
      : Inliner(writer, inner, std::move(slices)) {
    for (size_t i = slices_.size(); i < inner.buffers.size(); ++i) {
      KernelBuffer buffer = inner.buffers[i];
      const bool is_private = buffer.mode == Mode::tile;
      if (is_private) buffer.shape.insert(buffer.shape.begin(), *static_pieces(inner));
      buffer.mode = Mode::out;
      const BufferId id = add_buffer(writer.kernel, std::move(buffer));
      slices_.push_back(is_private ? BufferSlice{id, 0, piece, {}} : BufferSlice{id});
    }
    is_one_piece_ = true;
    Index rest = piece;
    for (size_t axis = inner_.par.size(); axis-- > 0;) {
      const int64_t extent = inner_.par[axis].extent.value();
      places_[inner_.par[axis].variable] = axis == 0 ? rest : modulo(rest, extent, writer_.ranges);
      rest = floor_div(rest, extent, writer_.ranges);
    }
  }

  /// A parallel loop goes from `first` on, `count` times.
  void limit(VarId par, const Index& first, int64_t count) {
    places_[par] += first;
    counts_[par] = count;
  }

  void run() { emit_par(0); }

 private:
  Inliner(KernelWriter& writer, const Kernel& inner, std::vector<BufferSlice> slices)
      : writer_(writer), inner_(inner), slices_(std::move(slices)) {
    for (const KernelVar& variable : inner.variables) {
      variables_.push_back(add_variable(writer.kernel, variable.name, variable.dtype, variable.lanes));
      places_.push_back(Index::variable(variables_.back()));
    }
    for (const Accumulator& accumulator : inner.accumulators)
      accumulators_.push_back(add_accumulator(writer.kernel, accumulator));
  }

  void emit_par(size_t depth) {
    if (depth == inner_.par.size() || is_one_piece_) {
      for (Stmt& statement : block(inner_.body)) writer_.emit(std::move(statement));
      return;
    }
    const ParLoop& par = inner_.par[depth];
    const auto count = counts_.find(par.variable);
    const Index high = count == counts_.end() ? index(par.extent) : Index(count->second);
    Block body = writer_.collect([&] { emit_par(depth + 1); });
    writer_.emit(for_stmt(variables_[par.variable], 0, high, 1, LoopKind::serial, std::move(body)));
  }

  Index index(const Index& from) const {
    // All variables at once: an outer number may also be an inner one.
    Index to(from.constant());
    for (const auto& [atom, coefficient] : from.terms()) {
      switch (atom.kind) {
        case Index::Atom::Kind::variable: to += places_[atom.variable] * coefficient; break;
        case Index::Atom::Kind::div: to += floor_div(index(*atom.inner), atom.by, {}) * coefficient; break;
        case Index::Atom::Kind::mod: to += modulo(index(*atom.inner), atom.by, {}) * coefficient; break;
      }
    }
    return to;
  }

  std::vector<Index> indices(std::vector<Index> list) const {
    for (Index& i : list) i = index(i);
    return list;
  }

  Access access(Access from) const {
    const BufferSlice& slice = slices_[from.buffer];
    from.buffer = slice.buffer;
    from.at = indices(std::move(from.at));
    from.guard = indices(std::move(from.guard));
    if (from.first) from.first = index(*from.first);
    if (from.limit) from.limit = index(*from.limit);
    for (size_t axis = 0; axis < slice.first.size(); ++axis) from.at[axis] += slice.first[axis];
    if (slice.axis >= 0) {
      from.at.insert(from.at.begin() + slice.axis, slice.step);
      if (from.lane_axis >= slice.axis) ++from.lane_axis;
    }
    return from;
  }

  /// An axis of the buffer that `from` accesses.
  int axis(const Access& from, int number) const {
    const int inserted = slices_[from.buffer].axis;
    return inserted >= 0 && number >= inserted ? number + 1 : number;
  }

  ExprRef expr(const ExprRef& from) {
    if (!from) return from;
    if (auto known = exprs_.find(from.get()); known != exprs_.end()) return known->second;
    Expr to = *from;
    for (ExprRef& arg : to.args) arg = expr(arg);
    if (to.kind == ExprKind::index) to.index = index(to.index);
    if (to.kind == ExprKind::load) to.access = access(std::move(to.access));
    if (to.kind == ExprKind::acc) {
      to.acc = accumulators_[to.acc];
      to.at = indices(std::move(to.at));
    }
    if (to.kind == ExprKind::let) to.variable = variables_[to.variable];
    return exprs_[from.get()] = std::make_shared<const Expr>(std::move(to));
  }

  Block block(const Block& from) {
    Block to;
    for (const Stmt& statement : from) to.push_back(stmt(statement));
    return to;
  }

  Stmt stmt(Stmt s) {
    if (s.kind == StmtKind::for_ || s.kind == StmtKind::let) s.variable = variables_[s.variable];
    if (s.kind == StmtKind::for_) {
      s.low = index(s.low);
      s.high = index(s.high);
    }
    if (s.kind == StmtKind::acc || s.kind == StmtKind::set) s.acc = accumulators_[s.acc];
    if (s.kind == StmtKind::mma) {
      s.row_axis = axis(s.access, s.row_axis);
      s.column_axis = axis(s.right, s.column_axis);
      s.right = access(std::move(s.right));
    }
    if (s.kind == StmtKind::store || s.kind == StmtKind::prefetch || s.kind == StmtKind::tiles ||
        s.kind == StmtKind::mma)
      s.access = access(std::move(s.access));
    s.guard = indices(std::move(s.guard));
    s.at = indices(std::move(s.at));
    s.value = expr(s.value);
    s.body = block(s.body);
    s.otherwise = block(s.otherwise);
    return s;
  }

  KernelWriter& writer_;
  const Kernel& inner_;
  std::vector<BufferSlice> slices_;
  std::vector<VarId> variables_;
  std::vector<Index> places_;        // by variable of the inner kernel: what it is in the outer one
  std::map<VarId, int64_t> counts_;  // of parallel loops that do not run to their ends
  bool is_one_piece_ = false;        // whose parallel loops are none
  std::vector<AccId> accumulators_;
  std::map<const Expr*, ExprRef> exprs_;
};

/// The parallel loop whose variable is the index along an axis of all that the kernel stores to a buffer; null: there is none.
const ParLoop* par_of_axis(const Kernel& kernel, BufferId buffer, size_t axis) {
  const ParLoop* found = nullptr;
  bool is_other = false;
  const std::function<void(const Block&)> look = [&](const Block& block) {
    for (const Stmt& statement : block) {
      if (statement.kind == StmtKind::store && statement.access.buffer == buffer) {
        const auto par = std::ranges::find_if(kernel.par, [&](const ParLoop& loop) {
          return statement.access.at[axis] == Index::variable(loop.variable);
        });
        is_other |= par == kernel.par.end() || (found != nullptr && found != &*par);
        if (par != kernel.par.end()) found = &*par;
      }
      look(statement.body);
      look(statement.otherwise);
    }
  };
  look(kernel.body);
  return is_other ? nullptr : found;
}

}  // namespace

std::vector<Index> block_begin(const Shape& shape, const BlockedAxes& axes,
                               const std::vector<Blocking>& blockings, const std::vector<Index>& first) {
  std::vector<Index> begin(shape.size());
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    if (axes[axis] < 0) continue;
    const auto blocking = static_cast<size_t>(axes[axis]);
    begin[axis] = first[blocking] * (shape[axis].coef / blockings[blocking].all.coef);
  }
  return begin;
}

void inline_kernel(KernelWriter& writer, const Kernel& inner, const std::vector<BufferSlice>& slices,
                   Mode others) {
  Inliner(writer, inner, slices, others).run();
}

void inline_part(KernelWriter& writer, const Kernel& inner, const std::vector<BufferSlice>& slices,
                 BufferId result, const std::vector<ResultRange>& ranges, Mode others) {
  Inliner inliner(writer, inner, slices, others);
  for (const ResultRange& range : ranges) {
    const ParLoop* par = par_of_axis(inner, result, range.axis);
    KERATIN_CHECK(par != nullptr, "pieces of the kernel are indices along the axis");
    inliner.limit(par->variable, range.first, range.count);
  }
  inliner.run();
}

std::optional<int64_t> static_pieces(const Kernel& kernel) {
  int64_t pieces = 1;
  for (const ParLoop& loop : kernel.par) {
    if (!loop.extent.is_constant()) return {};
    pieces *= loop.extent.value();
  }
  return pieces;
}

void inline_piece(KernelWriter& writer, const Kernel& inner, const std::vector<BufferSlice>& slices,
                  const Index& piece) {
  Inliner(writer, inner, slices, piece).run();
}

}  // namespace keratin
