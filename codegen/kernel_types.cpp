#include "codegen/kernel_types.h"

#include <algorithm>
#include <bit>
#include <set>

#include "ir/text.h"

namespace keratin {
namespace {

bool is_number(DType dtype) { return dtype != DType::boolean; }
bool has_bits(DType dtype) { return is_integer(dtype) || dtype == DType::boolean; }
bool is_any(DType) { return true; }

/// What an op asks of its arguments (all of one dtype, but for select's predicate).
struct Signature {
  size_t arity;
  bool (*accepts)(DType dtype);
  bool compares = false;  ///< the result is boolean
};

/// Absent: not a kernel op. cast, whose result is not a function of the arguments, is not here either.
std::optional<Signature> signature_of(Op op) {
  switch (op) {
    case Op::neg:
    case Op::abs: return Signature{1, is_number};
    case Op::sqrt:
    case Op::floor:
    case Op::ceil:
    case Op::round: return Signature{1, is_float};
    case Op::not_: return Signature{1, has_bits};
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::max:
    case Op::min: return Signature{2, is_number};
    case Op::rem:
    case Op::shl:
    case Op::shr: return Signature{2, is_integer};
    case Op::and_:
    case Op::or_:
    case Op::xor_: return Signature{2, has_bits};
    case Op::eq:
    case Op::ne: return Signature{2, is_any, true};
    case Op::lt:
    case Op::le: return Signature{2, is_number, true};
    case Op::select: return Signature{3, is_any};
    default: return std::nullopt;
  }
}

bool is_fold_op(Op op) {
  switch (op) {
    case Op::add:
    case Op::mul:
    case Op::max:
    case Op::min:
    case Op::and_:
    case Op::or_:
    case Op::xor_: return true;
    default: return false;
  }
}

bool is_lane_count(int lanes) { return lanes >= 1 && lanes <= kMaxLanes; }

std::string type_text(DType dtype, int lanes) { return lanes == 1 ? cat(dtype) : cat(dtype, "x", lanes); }
std::string type_text(const Expr& expr) { return type_text(expr.dtype, expr.lanes); }

std::string mismatch(std::string_view what, const Expr& found, DType dtype, int lanes) {
  return cat(what, " is ", type_text(found), " instead of ", type_text(dtype, lanes));
}

bool has_type(const Expr& expr, DType dtype, int lanes) { return expr.dtype == dtype && expr.lanes == lanes; }

std::string apply_problem(const Expr& expr) {
  if (expr.op == Op::cast) {
    if (expr.args.size() != 1) return "cast takes one argument";
    if (expr.args[0]->lanes != expr.lanes)
      return mismatch("cast's argument", *expr.args[0], expr.dtype, expr.lanes);
    return {};
  }
  const std::optional<Signature> signature = signature_of(expr.op);
  if (!signature) return cat(to_text(expr.op), " is not an op of kernels");
  if (expr.args.size() != signature->arity) {
    return cat(to_text(expr.op), " takes ", signature->arity, " arguments, not ", expr.args.size());
  }
  const Expr& last = *expr.args.back();
  if (!signature->accepts(last.dtype)) return cat(to_text(expr.op), " does not take ", last.dtype);
  for (size_t i = 0; i < expr.args.size(); ++i) {
    const DType expected = expr.op == Op::select && i == 0 ? DType::boolean : last.dtype;
    if (!has_type(*expr.args[i], expected, last.lanes)) {
      return mismatch(cat("argument ", i, " of ", to_text(expr.op)), *expr.args[i], expected, last.lanes);
    }
  }
  const DType result = signature->compares ? DType::boolean : last.dtype;
  return has_type(expr, result, last.lanes) ? std::string()
                                            : mismatch(to_text(expr.op), expr, result, last.lanes);
}

std::string fold_problem(const Expr& expr) {
  const Expr& vector = *expr.args[0];
  if (!is_fold_op(expr.op)) return cat("fold does not take ", to_text(expr.op));
  if (!signature_of(expr.op)->accepts(vector.dtype))
    return cat("fold ", to_text(expr.op), " does not take ", vector.dtype);
  if (vector.lanes < 2 || !std::has_single_bit(static_cast<unsigned>(vector.lanes))) {
    return cat("fold of ", vector.lanes, " lanes, which is not a power of two");
  }
  const auto count = static_cast<int>(expr.args.size());
  if (!std::has_single_bit(expr.args.size()) || expr.args.size() > kMostFolded || count > vector.lanes)
    return cat("fold of ", count, " vectors of ", vector.lanes, " lanes");
  for (const ExprRef& arg : expr.args)
    if (!has_type(*arg, vector.dtype, vector.lanes))
      return mismatch("what is folded", *arg, vector.dtype, vector.lanes);
  return has_type(expr, vector.dtype, count) ? std::string() : mismatch("fold", expr, vector.dtype, count);
}

std::string access_problem(const Kernel& kernel, const Access& access) {
  if (access.buffer >= kernel.buffers.size()) return cat("there is no buffer ", access.buffer);
  const KernelBuffer& buffer = kernel.buffers[access.buffer];
  if (access.at.size() != buffer.shape.size()) {
    return cat("%", buffer.name, " has ", buffer.shape.size(), " axes, not ", access.at.size());
  }
  if (!is_lane_count(access.lanes)) return cat(access.lanes, " lanes");
  if (access.lanes > 1 &&
      (access.lane_axis < 0 || static_cast<size_t>(access.lane_axis) >= access.at.size())) {
    return cat("%", buffer.name, " has no axis ", access.lane_axis);
  }
  return {};
}

std::string load_problem(const Kernel& kernel, const Expr& expr) {
  if (std::string problem = access_problem(kernel, expr.access); !problem.empty()) return problem;
  const KernelBuffer& buffer = kernel.buffers[expr.access.buffer];
  const DType dtype = kernel_dtype(buffer.dtype);
  if (!has_type(expr, dtype, expr.access.lanes)) return mismatch("load", expr, dtype, expr.access.lanes);
  if (expr.number.dtype != dtype) return cat("load of ", dtype, " or a number of ", expr.number.dtype);
  return {};
}

std::string acc_problem(const Kernel& kernel, AccId acc, size_t indices) {
  if (acc >= kernel.accumulators.size()) return cat("there is no accumulator ", acc);
  const Accumulator& accumulator = kernel.accumulators[acc];
  if (indices == accumulator.shape.size()) return {};
  return cat(accumulator.name, " has ", accumulator.shape.size(), " axes, not ", indices);
}

std::string store_problem(const Kernel& kernel, const Stmt& stmt) {
  if (std::string problem = access_problem(kernel, stmt.access); !problem.empty()) return problem;
  const KernelBuffer& buffer = kernel.buffers[stmt.access.buffer];
  if (buffer.mode == Mode::in) return cat("store into %", buffer.name, ", which is only read");
  const DType dtype = kernel_dtype(buffer.dtype);
  if (has_type(*stmt.value, dtype, stmt.access.lanes)) return {};
  return mismatch(cat("what is stored into %", buffer.name), *stmt.value, dtype, stmt.access.lanes);
}

std::string prefetch_problem(const Kernel& kernel, const Access& access) {
  if (std::string problem = access_problem(kernel, access); !problem.empty()) return problem;
  return access.lanes == 1 ? std::string() : cat("prefetch of ", access.lanes, " lanes");
}

/// Of a place from which a tile begins: one lane, no conditions.
std::string corner_problem(const Kernel& kernel, const Access& access, DType dtype, size_t least_rank) {
  if (std::string problem = access_problem(kernel, access); !problem.empty()) return problem;
  const KernelBuffer& buffer = kernel.buffers[access.buffer];
  if (access.lanes != 1 || access.first || access.limit || !access.guard.empty())
    return "a tile begins at one place, without conditions";
  if (kernel_dtype(buffer.dtype) != dtype) return cat("tiles of %", buffer.name, ", which is ", buffer.dtype);
  return buffer.shape.size() >= least_rank ? std::string() : cat("tiles of %", buffer.name, buffer.shape);
}

std::string tiles_problem(const Kernel& kernel, const Stmt& stmt) {
  if (stmt.tile_rows < 1 || stmt.tile_columns < 1 || stmt.tile_rows > kMostTileRows ||
      stmt.tile_rows * stmt.tile_columns > kMostTilesOfSums)
    return cat(stmt.tile_rows, " x ", stmt.tile_columns, " tiles");
  if (std::string problem = corner_problem(kernel, stmt.access, DType::f32, 2); !problem.empty())
    return problem;
  const KernelBuffer& sums = kernel.buffers[stmt.access.buffer];
  return sums.mode == Mode::in ? cat("tiles are stored into %", sums.name, ", which is only read")
                               : std::string();
}

std::string mma_problem(const Kernel& kernel, const Stmt& stmt) {
  if (std::string problem = corner_problem(kernel, stmt.access, DType::u16, 1); !problem.empty())
    return problem;
  if (std::string problem = corner_problem(kernel, stmt.right, DType::u16, 3); !problem.empty())
    return problem;
  const KernelBuffer &left = kernel.buffers[stmt.access.buffer], &right = kernel.buffers[stmt.right.buffer];
  if (stmt.row_axis < 0 || static_cast<size_t>(stmt.row_axis) >= left.shape.size())
    return cat("%", left.name, " has no axis ", stmt.row_axis);
  if (stmt.column_axis < 0 || static_cast<size_t>(stmt.column_axis) >= right.shape.size())
    return cat("%", right.name, " has no axis ", stmt.column_axis);
  if (stmt.row_step < 1) return cat("rows in steps of ", stmt.row_step);
  return right.shape.back().is(kTileDepth) ? std::string()
                                           : cat("%", right.name, right.shape, " holds no pairs of rows");
}

size_t argument_count(ExprKind kind) {
  switch (kind) {
    case ExprKind::fma:
    case ExprKind::dot2: return 3;
    case ExprKind::zip_low:
    case ExprKind::zip_high: return 2;
    case ExprKind::narrow:
    case ExprKind::bitcast:
    case ExprKind::splat: return 1;
    default: return 0;
  }
}

}  // namespace

bool is_kernel_op(Op op) { return op == Op::cast || signature_of(op).has_value(); }

DType kernel_dtype(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16 ? DType::u16 : dtype; }

bool is_kernel_keyword(std::string_view word) {
  static constexpr std::string_view kWords[] = {
      "acc",   "along", "and",  "at",       "bitcast",  "by",     "cast",  "div",    "dot2",
      "else",  "false", "fma",  "fold",     "for",      "from",   "if",    "in",     "inf",
      "inout", "lane",  "let",  "load",     "mma",      "mod",    "nan",   "narrow", "only",
      "or",    "out",   "par",  "prefetch", "rounds",   "set",    "splat", "step",   "store",
      "tile",  "tiles", "true", "unroll",   "zip_high", "zip_low"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

bool is_kernel_name(std::string_view name) {
  const auto is_lower = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto is_word = [&](char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && is_lower(name[0]) && std::all_of(name.begin(), name.end(), is_word) &&
         !is_kernel_keyword(name);
}

std::string type_problem(const Expr& expr) {
  if (!is_lane_count(expr.lanes)) return cat(expr.lanes, " lanes");
  if (kernel_dtype(expr.dtype) != expr.dtype) return cat("a value of dtype ", expr.dtype);
  if (expr.kind != ExprKind::apply && expr.kind != ExprKind::fold &&
      expr.args.size() != argument_count(expr.kind)) {
    return cat("an expression with ", expr.args.size(), " arguments");
  }
  switch (expr.kind) {
    case ExprKind::number:
      return expr.number.dtype == expr.dtype ? std::string()
                                             : mismatch("a number", expr, expr.number.dtype, expr.lanes);
    case ExprKind::index:
      return is_integer(expr.dtype) ? std::string() : cat("an index of dtype ", expr.dtype);
    case ExprKind::apply: return apply_problem(expr);
    case ExprKind::fma:
      if (!is_float(expr.dtype)) return cat("fma does not take ", expr.dtype);
      for (const ExprRef& arg : expr.args) {
        if (!has_type(*arg, expr.dtype, expr.lanes))
          return mismatch("an argument of fma", *arg, expr.dtype, expr.lanes);
      }
      return {};
    case ExprKind::dot2:
      if (expr.dtype != DType::f32 || expr.lanes > kMostDot2Lanes ||
          !std::has_single_bit(static_cast<unsigned>(expr.lanes)))
        return cat("dot2 does not give ", type_text(expr));
      for (size_t i = 0; i < 3; ++i) {
        const DType expected = i < 2 ? DType::u32 : DType::f32;
        if (!has_type(*expr.args[i], expected, expr.lanes))
          return mismatch(cat("argument ", i, " of dot2"), *expr.args[i], expected, expr.lanes);
      }
      return {};
    case ExprKind::narrow:
      if (expr.dtype != DType::u16 || !std::has_single_bit(static_cast<unsigned>(expr.lanes)))
        return cat("narrow does not give ", type_text(expr));
      return has_type(*expr.args[0], DType::f32, expr.lanes)
                 ? std::string()
                 : mismatch("the argument of narrow", *expr.args[0], DType::f32, expr.lanes);
    case ExprKind::bitcast: {
      const Expr& arg = *expr.args[0];
      const bool fits = is_number(expr.dtype) && is_number(arg.dtype) &&
                        byte_size(expr.dtype) * expr.lanes == byte_size(arg.dtype) * arg.lanes;
      return fits ? std::string() : cat("bitcast of ", type_text(arg), " to ", type_text(expr));
    }
    case ExprKind::splat:
      return has_type(*expr.args[0], expr.dtype, 1)
                 ? std::string()
                 : mismatch("the argument of splat", *expr.args[0], expr.dtype, 1);
    case ExprKind::zip_low:
    case ExprKind::zip_high:
      if (expr.lanes % 2 != 0) return cat("zips of ", expr.lanes, " lanes");
      for (const ExprRef& arg : expr.args)
        if (!has_type(*arg, expr.dtype, expr.lanes))
          return mismatch("an argument of a zip", *arg, expr.dtype, expr.lanes);
      return {};
    case ExprKind::fold: return fold_problem(expr);
    case ExprKind::load:
    case ExprKind::acc:
    case ExprKind::let: return {};
  }
  return "an expression of no kind";
}

std::string type_problem(const Kernel& kernel, const Expr& expr) {
  if (std::string problem = type_problem(expr); !problem.empty()) return problem;
  switch (expr.kind) {
    case ExprKind::load: return load_problem(kernel, expr);
    case ExprKind::acc: {
      if (std::string problem = acc_problem(kernel, expr.acc, expr.at.size()); !problem.empty())
        return problem;
      const Accumulator& acc = kernel.accumulators[expr.acc];
      return has_type(expr, acc.dtype, acc.lanes) ? std::string()
                                                  : mismatch(acc.name, expr, acc.dtype, acc.lanes);
    }
    case ExprKind::let: {
      if (expr.variable >= kernel.variables.size()) return cat("there is no variable ", expr.variable);
      const KernelVar& var = kernel.variables[expr.variable];
      return has_type(expr, var.dtype, var.lanes) ? std::string()
                                                  : mismatch(var.name, expr, var.dtype, var.lanes);
    }
    default: return {};
  }
}

std::string type_problem(const Kernel& kernel, const Stmt& stmt) {
  switch (stmt.kind) {
    case StmtKind::for_: {
      if (stmt.variable >= kernel.variables.size()) return cat("there is no variable ", stmt.variable);
      if (stmt.step < 1) return cat("a loop in steps of ", stmt.step);
      const KernelVar& var = kernel.variables[stmt.variable];
      return var.dtype == DType::i64 && var.lanes == 1
                 ? std::string()
                 : cat("the loop variable ", var.name, " is ", type_text(var.dtype, var.lanes));
    }
    case StmtKind::let: {
      if (stmt.variable >= kernel.variables.size()) return cat("there is no variable ", stmt.variable);
      const KernelVar& var = kernel.variables[stmt.variable];
      return has_type(*stmt.value, var.dtype, var.lanes)
                 ? std::string()
                 : mismatch(cat("the value of ", var.name), *stmt.value, var.dtype, var.lanes);
    }
    case StmtKind::store: return store_problem(kernel, stmt);
    case StmtKind::prefetch: return prefetch_problem(kernel, stmt.access);
    case StmtKind::acc:
    case StmtKind::set: {
      if (stmt.acc >= kernel.accumulators.size()) return cat("there is no accumulator ", stmt.acc);
      const Accumulator& acc = kernel.accumulators[stmt.acc];
      if (stmt.kind == StmtKind::set) {
        if (std::string problem = acc_problem(kernel, stmt.acc, stmt.at.size()); !problem.empty())
          return problem;
      }
      return has_type(*stmt.value, acc.dtype, acc.lanes)
                 ? std::string()
                 : mismatch(cat("the value of ", acc.name), *stmt.value, acc.dtype, acc.lanes);
    }
    case StmtKind::if_: return {};
    case StmtKind::tiles: return tiles_problem(kernel, stmt);
    case StmtKind::mma: return mma_problem(kernel, stmt);
  }
  return "a statement of no kind";
}

}  // namespace keratin
