// Makers of kernel IR. Each checks the types of what it makes (codegen/kernel_types.h), so that an ill-typed expression
// cannot exist; what depends on scope (variables, accumulators, bounds) is verify()'s part.
#include "codegen/kernel.h"

#include <algorithm>
#include <functional>

#include "codegen/kernel_types.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

ExprRef checked(Expr expr) {
  const std::string problem = type_problem(expr);
  KERATIN_CHECK(problem.empty(), problem);
  return std::make_shared<const Expr>(std::move(expr));
}

ExprRef checked(const Kernel& kernel, Expr expr) {
  const std::string problem = type_problem(kernel, expr);
  KERATIN_CHECK(problem.empty(), problem);
  return std::make_shared<const Expr>(std::move(expr));
}

/// `name`, or `name` with a number behind it, whichever is not taken.
template <typename Things>
std::string unique_name(std::string name, const Things& things) {
  const auto is_free = [&](const std::string& candidate) {
    return !is_kernel_keyword(candidate) &&
           std::none_of(things.begin(), things.end(),
                        [&](const auto& thing) { return thing.name == candidate; });
  };
  if (is_free(name)) return name;
  for (int64_t i = 1;; ++i) {
    if (std::string candidate = cat(name, "_", i); is_free(candidate)) return candidate;
  }
}

/// For variables and accumulators.
template <typename Things>
std::string unique_local_name(std::string name, const Things& things) {
  name = unique_name(std::move(name), things);
  KERATIN_CHECK(is_kernel_name(name), cat("name ", quoted(name)));
  return name;
}

}  // namespace

ExprRef number(Scalar value, int lanes) {
  return checked({.kind = ExprKind::number, .dtype = value.dtype, .lanes = lanes, .number = value});
}

ExprRef number(float value, int lanes) { return number(Scalar::of(DType::f32, value), lanes); }

ExprRef index_value(DType dtype, Index index, int lanes, int64_t lane_step) {
  return checked({.kind = ExprKind::index,
                  .dtype = dtype,
                  .lanes = lanes,
                  .index = std::move(index),
                  .lane_step = lanes == 1 ? 0 : lane_step});
}

ExprRef load(const Kernel& kernel, Access access, Scalar otherwise) {
  const int lanes = access.lanes;
  return checked(kernel, {.kind = ExprKind::load,
                          .dtype = otherwise.dtype,
                          .lanes = lanes,
                          .number = otherwise,
                          .access = std::move(access)});
}

ExprRef load(const Kernel& kernel, Access access) {
  KERATIN_CHECK(access.buffer < kernel.buffers.size(), cat("load from buffer ", access.buffer));
  const DType dtype = kernel_dtype(kernel.buffers[access.buffer].dtype);
  return load(kernel, std::move(access), Scalar::of_integer(dtype, 0));
}

ExprRef apply(Op op, std::vector<ExprRef> args) {
  KERATIN_CHECK(op != Op::cast && !args.empty(), cat("apply of ", to_text(op)));
  const bool compares = op == Op::eq || op == Op::ne || op == Op::lt || op == Op::le;
  const DType dtype = compares ? DType::boolean : args.back()->dtype;
  const int lanes = args.back()->lanes;
  return checked(
      {.kind = ExprKind::apply, .dtype = dtype, .lanes = lanes, .op = op, .args = std::move(args)});
}

ExprRef cast(DType to, ExprRef value) {
  if (value->dtype == to) return value;
  const int lanes = value->lanes;
  return checked(
      {.kind = ExprKind::apply, .dtype = to, .lanes = lanes, .op = Op::cast, .args = {std::move(value)}});
}

ExprRef fma(ExprRef a, ExprRef b, ExprRef c) {
  const DType dtype = a->dtype;
  const int lanes = a->lanes;
  return checked({.kind = ExprKind::fma,
                  .dtype = dtype,
                  .lanes = lanes,
                  .args = {std::move(a), std::move(b), std::move(c)}});
}

ExprRef dot2(ExprRef a, ExprRef b, ExprRef c) {
  const int lanes = c->lanes;
  return checked({.kind = ExprKind::dot2,
                  .dtype = DType::f32,
                  .lanes = lanes,
                  .args = {std::move(a), std::move(b), std::move(c)}});
}

ExprRef narrow(ExprRef value) {
  const int lanes = value->lanes;
  return checked({.kind = ExprKind::narrow, .dtype = DType::u16, .lanes = lanes, .args = {std::move(value)}});
}

std::vector<ExprRef> transposed(std::vector<ExprRef> rows, const std::function<ExprRef(ExprRef)>& keep) {
  // With each round the number of a vector loses its highest bit to the number of a lane, as its lowest, and gets the lane's highest.
  const size_t half = rows.size() / 2;
  for (size_t round = 1; round < rows.size(); round *= 2) {
    std::vector<ExprRef> zipped;
    for (size_t i = 0; i < half; ++i)
      for (const ExprKind kind : {ExprKind::zip_low, ExprKind::zip_high})
        zipped.push_back(keep(checked({.kind = kind,
                                       .dtype = rows[i]->dtype,
                                       .lanes = rows[i]->lanes,
                                       .args = {rows[i], rows[i + half]}})));
    rows = std::move(zipped);
  }
  return rows;
}

ExprRef bitcast(DType to, ExprRef value) {
  if (value->dtype == to) return value;
  const auto lanes = static_cast<int>(value->lanes * byte_size(value->dtype) / byte_size(to));
  return checked({.kind = ExprKind::bitcast, .dtype = to, .lanes = lanes, .args = {std::move(value)}});
}

ExprRef splat(ExprRef scalar, int lanes) {
  if (lanes == 1 && scalar->lanes == 1) return scalar;
  const DType dtype = scalar->dtype;
  return checked({.kind = ExprKind::splat, .dtype = dtype, .lanes = lanes, .args = {std::move(scalar)}});
}

ExprRef fold(Op op, ExprRef vector) {
  return vector->lanes == 1 ? vector : fold(op, std::vector<ExprRef>{std::move(vector)});
}

ExprRef fold(Op op, std::vector<ExprRef> vectors) {
  KERATIN_CHECK(!vectors.empty(), "a fold of nothing");
  const DType dtype = vectors[0]->dtype;
  const int lanes = static_cast<int>(vectors.size());
  return checked(
      {.kind = ExprKind::fold, .dtype = dtype, .lanes = lanes, .op = op, .args = std::move(vectors)});
}

ExprRef acc_value(const Kernel& kernel, AccId acc, std::vector<Index> at) {
  KERATIN_CHECK(acc < kernel.accumulators.size(), cat("accumulator ", acc));
  const Accumulator& accumulator = kernel.accumulators[acc];
  return checked(kernel, {.kind = ExprKind::acc,
                          .dtype = accumulator.dtype,
                          .lanes = accumulator.lanes,
                          .acc = acc,
                          .at = std::move(at)});
}

ExprRef let_value(const Kernel& kernel, VarId variable) {
  KERATIN_CHECK(variable < kernel.variables.size(), cat("variable ", variable));
  const KernelVar& var = kernel.variables[variable];
  return checked(kernel,
                 {.kind = ExprKind::let, .dtype = var.dtype, .lanes = var.lanes, .variable = variable});
}

VarId add_variable(Kernel& kernel, std::string name, DType dtype, int lanes) {
  kernel.variables.push_back({unique_local_name(std::move(name), kernel.variables), dtype, lanes});
  return static_cast<VarId>(kernel.variables.size() - 1);
}

BufferId add_buffer(Kernel& kernel, KernelBuffer buffer) {
  const bool after_tiles = !kernel.buffers.empty() && kernel.buffers.back().mode == Mode::tile;
  KERATIN_CHECK(buffer.mode == Mode::tile || !after_tiles, cat("parameter ", buffer.name, " after a tile"));
  buffer.name = unique_name(std::move(buffer.name), kernel.buffers);
  kernel.buffers.push_back(std::move(buffer));
  return static_cast<BufferId>(kernel.buffers.size() - 1);
}

AccId add_accumulator(Kernel& kernel, Accumulator accumulator) {
  accumulator.name = unique_local_name(std::move(accumulator.name), kernel.accumulators);
  kernel.accumulators.push_back(std::move(accumulator));
  return static_cast<AccId>(kernel.accumulators.size() - 1);
}

Stmt for_stmt(VarId variable, Index low, Index high, int64_t step, LoopKind loop, Block body) {
  KERATIN_CHECK(step >= 1, cat("a loop in steps of ", step));
  return {.kind = StmtKind::for_,
          .variable = variable,
          .loop = loop,
          .low = std::move(low),
          .high = std::move(high),
          .step = step,
          .body = std::move(body)};
}

Stmt let_stmt(VarId variable, ExprRef value) {
  return {.kind = StmtKind::let, .variable = variable, .value = std::move(value)};
}

Access neighbours(BufferId buffer, std::vector<Index> at, int lanes) {
  const int last = static_cast<int>(at.size()) - 1;
  return {.buffer = buffer, .at = std::move(at), .lanes = lanes, .lane_axis = last};
}

Stmt prefetch_stmt(Access access) {
  return {.kind = StmtKind::prefetch, .access = {.buffer = access.buffer, .at = std::move(access.at)}};
}

Stmt store_stmt(Access access, ExprRef value) {
  KERATIN_CHECK(access.lanes == value->lanes, cat("store of ", value->lanes, " lanes into ", access.lanes));
  return {.kind = StmtKind::store, .value = std::move(value), .access = std::move(access)};
}

Stmt acc_stmt(AccId acc, ExprRef initial) {
  return {.kind = StmtKind::acc, .value = std::move(initial), .acc = acc};
}

Stmt set_stmt(AccId acc, std::vector<Index> at, ExprRef value) {
  return {.kind = StmtKind::set, .value = std::move(value), .acc = acc, .at = std::move(at)};
}

Stmt if_stmt(Guard guard, Block then, Block otherwise) {
  return {.kind = StmtKind::if_,
          .body = std::move(then),
          .otherwise = std::move(otherwise),
          .guard = std::move(guard)};
}

Stmt tiles_stmt(Access sums, int64_t rows, int64_t columns, Block body) {
  return {.kind = StmtKind::tiles,
          .body = std::move(body),
          .access = std::move(sums),
          .tile_rows = rows,
          .tile_columns = columns};
}

bool uses_tiles(const Kernel& kernel) {
  const std::function<bool(const Block&)> within = [&](const Block& block) {
    return std::any_of(block.begin(), block.end(), [&](const Stmt& stmt) {
      return stmt.kind == StmtKind::tiles || within(stmt.body) || within(stmt.otherwise);
    });
  };
  return within(kernel.body);
}

Stmt mma_stmt(Access left, int row_axis, int64_t row_step, Access right, int column_axis) {
  return {.kind = StmtKind::mma,
          .access = std::move(left),
          .right = std::move(right),
          .row_axis = row_axis,
          .column_axis = column_axis,
          .row_step = row_step};
}

}  // namespace keratin
