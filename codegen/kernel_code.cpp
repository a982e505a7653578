#include "codegen/kernel_code.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "codegen/kernel_machine.h"
#include "codegen/kernel_steps.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

IndexCode compile_index(const Index& index, const Bindings& bindings) {
  IndexCode code{.constant = index.constant().value(bindings)};
  for (const auto& [atom, coef] : index.terms()) {
    std::shared_ptr<const IndexCode> inner;
    if (atom.inner) inner = std::make_shared<const IndexCode>(compile_index(*atom.inner, bindings));
    code.terms.push_back({coef, atom.kind, atom.variable, atom.by, std::move(inner)});
  }
  return code;
}

class Compiler {
 public:
  Compiler(const Kernel& kernel, const Bindings& bindings, KernelCode::Impl& code)
      : kernel_(kernel), bindings_(bindings), code_(code), variable_slots_(kernel.variables.size()) {}

  void compile() {
    code_.kernel = &kernel_;
    for (const ParLoop& loop : kernel_.par) code_.grid.push_back(index(loop.extent).value(nullptr));
    for (const KernelBuffer& buffer : kernel_.buffers) {
      code_.buffer_bytes.push_back(Size::product(buffer.shape).value(bindings_) * byte_size(buffer.dtype));
    }
    for (const Accumulator& acc : kernel_.accumulators) {
      const auto element_bytes = static_cast<uint32_t>(acc.lanes * byte_size(acc.dtype));
      int64_t elements = 1;
      for (const int64_t extent : acc.shape) elements *= extent;
      code_.accs.push_back(
          {new_slot(static_cast<uint32_t>(elements) * element_bytes), element_bytes, elements, acc.shape});
    }
    for (size_t id = 0; id < kernel_.variables.size(); ++id) {
      const KernelVar& var = kernel_.variables[id];
      variable_slots_[id] = new_slot(var.dtype, var.lanes);
    }
    code_.body = block(kernel_.body);
  }

 private:
  IndexCode index(const Index& index) const { return compile_index(index, bindings_); }

  std::vector<IndexCode> indices(const std::vector<Index>& from) const {
    std::vector<IndexCode> result;
    for (const Index& index : from) result.push_back(compile_index(index, bindings_));
    return result;
  }

  bool is_index(VarId id) const {
    return kernel_.variables[id].dtype == DType::i64 && kernel_.variables[id].lanes == 1;
  }

  uint32_t new_slot(uint32_t bytes) {
    const auto offset = static_cast<uint32_t>((code_.frame.size() + 15) / 16 * 16);
    code_.frame.resize(offset + bytes);
    return offset;
  }
  uint32_t new_slot(DType dtype, int lanes) {
    return new_slot(static_cast<uint32_t>(byte_size(dtype) * lanes));
  }

  uint32_t constant(const Scalar& number, int lanes) {
    const uint32_t slot = new_slot(number.dtype, lanes);
    with_type(number.dtype, [&](auto element) {
      using T = decltype(element);
      T value;
      if constexpr (std::is_floating_point_v<T>)
        value = static_cast<T>(number.real);
      else
        value = static_cast<T>(number.integer);
      for (int lane = 0; lane < lanes; ++lane) {
        std::memcpy(code_.frame.data() + slot + static_cast<size_t>(lane) * sizeof(T), &value, sizeof(T));
      }
    });
    return slot;
  }

  AccessCode access(const Access& access) const {
    const KernelBuffer& buffer = kernel_.buffers[access.buffer];
    AccessCode code{.buffer = access.buffer,
                    .axes = {},
                    .lanes = access.lanes,
                    .lane_axis = static_cast<size_t>(access.lane_axis),
                    .lane_step = access.lane_step,
                    .first = {},
                    .limit = {},
                    .guard = indices(access.guard)};
    if (access.first) code.first = index(*access.first);
    if (access.limit) code.limit = index(*access.limit);
    int64_t stride = byte_size(buffer.dtype);
    code.axes.resize(access.at.size());
    for (size_t axis = access.at.size(); axis-- > 0;) {
      const int64_t extent = buffer.shape[axis].value(bindings_);
      code.axes[axis] = {index(access.at[axis]), extent, stride};
      stride *= extent;
    }
    return code;
  }

  BlockCode block(const Block& block) {
    BlockCode code;
    for (const Stmt& stmt : block) code.push_back(statement(stmt));
    return code;
  }

  StmtCode statement(const Stmt& stmt) {
    StmtCode code{.kind = stmt.kind, .source = &stmt};
    if (stmt.value) {
      slots_.clear();
      code.value = value(stmt.value, code.steps);
      code.bytes = static_cast<uint32_t>(byte_size(stmt.value->dtype) * stmt.value->lanes);
    }
    switch (stmt.kind) {
      case StmtKind::for_:
        code.variable = stmt.variable;
        code.low = index(stmt.low);
        code.high = index(stmt.high);
        code.step = stmt.step;
        code.body = block(stmt.body);
        break;
      case StmtKind::if_:
        code.guard = indices(stmt.guard);
        code.body = block(stmt.body);
        code.otherwise = block(stmt.otherwise);
        break;
      case StmtKind::let:
        code.variable = stmt.variable;
        code.is_index = is_index(stmt.variable);
        code.slot = variable_slots_[stmt.variable];
        break;
      case StmtKind::store: code.access = access(stmt.access); break;
      case StmtKind::prefetch: break;
      case StmtKind::acc:
      case StmtKind::set:
        code.acc = stmt.acc;
        code.at = indices(stmt.at);
        break;
      case StmtKind::tiles:
        code.access = access(stmt.access);
        code.body = block(stmt.body);
        code.tile_rows = stmt.tile_rows;
        code.tile_columns = stmt.tile_columns;
        code.row_stride = code.access.axes[code.access.axes.size() - 2].stride;
        break;
      case StmtKind::mma:
        code.access = access(stmt.access);
        code.right = access(stmt.right);
        code.row_stride = code.access.axes[static_cast<size_t>(stmt.row_axis)].stride * stmt.row_step;
        code.column_stride = code.right.axes[static_cast<size_t>(stmt.column_axis)].stride;
        break;
    }
    return code;
  }

  /// The slot in which `expr`'s value will be; each node of a statement's DAG is computed once.
  uint32_t value(const ExprRef& expr, std::vector<Step>& steps) {
    if (const auto known = slots_.find(expr.get()); known != slots_.end()) return known->second;
    const uint32_t slot = new_value(*expr, steps);
    slots_.emplace(expr.get(), slot);
    return slot;
  }

  uint32_t new_value(const Expr& expr, std::vector<Step>& steps) {
    if (expr.kind == ExprKind::number) return constant(expr.number, expr.lanes);
    if (expr.kind == ExprKind::let && !is_index(expr.variable)) return variable_slots_[expr.variable];
    Step step{.run = nullptr, .out = 0, .lanes = expr.lanes};
    for (size_t i = 0; i < expr.args.size(); ++i) step.args[i] = value(expr.args[i], steps);
    if (expr.kind == ExprKind::bitcast) return step.args[0];
    step.out = new_slot(expr.dtype, expr.lanes);
    step.run = step_function(expr);
    KERATIN_CHECK(step.run != nullptr, cat(kernel_.name, ": no meaning for ", to_text(expr.op)));
    complete(expr, step);
    steps.push_back(std::move(step));
    return steps.back().out;
  }

  /// What the step's function needs beside its arguments.
  void complete(const Expr& expr, Step& step) {
    switch (expr.kind) {
      case ExprKind::fold:
        step.folded = expr.lanes;
        step.lanes = expr.args[0]->lanes;
        break;
      case ExprKind::let:
        step.index = std::make_shared<const IndexCode>(index(Index::variable(expr.variable)));
        break;
      case ExprKind::index:
        step.index = std::make_shared<const IndexCode>(index(expr.index));
        step.lane_step = expr.lane_step;
        break;
      case ExprKind::load:
        step.access = std::make_shared<const AccessCode>(access(expr.access));
        step.args[0] = constant(expr.number, expr.lanes);
        break;
      case ExprKind::acc:
        step.acc = expr.acc;
        step.at = indices(expr.at);
        break;
      default: break;
    }
  }

  const Kernel& kernel_;
  const Bindings& bindings_;
  KernelCode::Impl& code_;
  std::vector<uint32_t> variable_slots_;
  std::unordered_map<const Expr*, uint32_t> slots_;  // of the current statement
};

}  // namespace

KernelCode::KernelCode(const Kernel& kernel, const Bindings& bindings) {
  auto impl = std::make_unique<Impl>();
  Compiler(kernel, bindings, *impl).compile();
  impl_ = std::move(impl);
}

KernelCode::~KernelCode() = default;
KernelCode::KernelCode(KernelCode&&) noexcept = default;

void KernelCode::run(std::span<std::byte* const> buffers) const {
  const Kernel& kernel = *impl_->kernel;
  Machine machine{.code = *impl_,
                  .frame = impl_->frame,
                  .variables = std::vector<int64_t>(kernel.variables.size()),
                  .buffers = {buffers.begin(), buffers.end()}};
  std::vector<std::vector<std::byte>> tiles;
  for (size_t id = buffers.size(); id < kernel.buffers.size(); ++id) {
    tiles.emplace_back(static_cast<size_t>(impl_->buffer_bytes[id]));
    machine.buffers.push_back(tiles.back().data());
  }
  int64_t pieces = 1;
  for (const int64_t extent : impl_->grid) pieces *= extent;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    int64_t rest = piece;
    for (size_t i = kernel.par.size(); i-- > 0;) {
      machine.variables[kernel.par[i].variable] = rest % impl_->grid[i];
      rest /= impl_->grid[i];
    }
    // All ones is NaN in every float: what is read before it is written shows.
    for (std::vector<std::byte>& tile : tiles) std::fill(tile.begin(), tile.end(), std::byte{0xff});
    machine.run(impl_->body);
  }
}

}  // namespace keratin
