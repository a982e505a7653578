// Kernel modules as text: see codegen/kernel.h for what it looks like and codegen/kernel_parse.cpp for its grammar.
#include <algorithm>
#include <unordered_map>

#include "codegen/kernel.h"
#include "ir/text.h"
#include "ir/text_rules.h"

namespace keratin {
namespace {

constexpr int kDeepestInPlace = 32;

std::string value_type(DType dtype, int lanes) { return lanes == 1 ? cat(dtype) : cat(dtype, "x", lanes); }

std::string_view mode_text(Mode mode) {
  switch (mode) {
    case Mode::in: return "in";
    case Mode::out: return "out";
    case Mode::inout: return "inout";
    case Mode::tile: return "tile";
  }
  return {};
}

/// Leaves are written wherever they are used; everything else once.
bool is_leaf(const Expr& expr) {
  return expr.kind == ExprKind::number || expr.kind == ExprKind::let || expr.kind == ExprKind::index ||
         expr.kind == ExprKind::acc;
}

class KernelPrinter {
 public:
  /// `lines`: where to note the lines of statements, the kernel's text beginning at `first_line`. May be null.
  explicit KernelPrinter(const Kernel& kernel, TextLines* lines = nullptr, unsigned first_line = 1)
      : kernel_(kernel), lines_(lines), line_(first_line) {}

  std::string print() {
    if (lines_ != nullptr) lines_->kernels[&kernel_] = line_;
    header();
    line_ += static_cast<unsigned>(std::count(out_.begin(), out_.end(), '\n'));
    indent_ = 1;
    for (const KernelBuffer& buffer : kernel_.buffers) {
      if (buffer.mode == Mode::tile)
        line(cat("tile %", plain_name(buffer.name), ": ", buffer.dtype, buffer.shape));
    }
    block(kernel_.body);
    indent_ = 0;
    line("}");
    return std::move(out_);
  }

  std::string print(const Stmt& stmt) {
    statement(stmt);
    return std::move(out_);
  }

 private:
  void line(std::string_view text) {
    out_ += cat(std::string(static_cast<size_t>(2 * indent_), ' '), text, "\n");
    ++line_;
  }

  void header() {
    std::vector<std::string> params, loops;
    size_t width = 0;
    for (const KernelBuffer& buffer : kernel_.buffers) {
      if (buffer.mode == Mode::tile) continue;
      params.push_back(
          cat("%", plain_name(buffer.name), ": ", mode_text(buffer.mode), " ", buffer.dtype, buffer.shape));
      width += params.back().size() + 2;
    }
    for (const ParLoop& loop : kernel_.par)
      loops.push_back(cat(name(loop.variable), " in 0..", text(loop.extent)));
    out_ += cat("kernel @", plain_name(kernel_.name), "(", join(params, width < 90 ? ", " : ",\n    "), ")");
    if (kernel_.origin) out_ += cat("\n    from ", quoted(*kernel_.origin));
    if (!loops.empty()) out_ += cat("\n    par ", kernel_.in_rounds ? "rounds " : "", join(loops, ", "));
    out_ += " {\n";
  }

  void block(const Block& block) {
    for (const Stmt& stmt : block) statement(stmt);
  }

  void nested(const Block& inner) {
    ++indent_;
    block(inner);
    --indent_;
  }

  void statement(const Stmt& stmt) {
    if (lines_ != nullptr) lines_->statements[&stmt] = line_;
    switch (stmt.kind) {
      case StmtKind::for_: return loop(stmt);
      case StmtKind::if_: {
        line(cat("if ", guard(stmt.guard), " {"));
        nested(stmt.body);
        if (!stmt.otherwise.empty()) {
          line("} else {");
          nested(stmt.otherwise);
        }
        return line("}");
      }
      case StmtKind::let: {
        const std::string type = value_type(stmt.value->dtype, stmt.value->lanes);
        return assignment(cat("let ", name(stmt.variable), ": ", type), stmt.value, {});
      }
      case StmtKind::store:
        return assignment(cat("store ", place(stmt.access)), stmt.value, conditions(stmt.access));
      case StmtKind::prefetch: return line(cat("prefetch ", place(stmt.access)));
      case StmtKind::acc: {
        const std::vector<int64_t> shape = stmt.acc < kernel_.accumulators.size()
                                               ? kernel_.accumulators[stmt.acc].shape
                                               : std::vector<int64_t>();
        const std::string type = value_type(stmt.value->dtype, stmt.value->lanes);
        return assignment(cat("acc ", name_of_acc(stmt.acc), ": ", type, "[", join(shape, ","), "]"),
                          stmt.value, {});
      }
      case StmtKind::set:
        return assignment(cat("set ", name_of_acc(stmt.acc), "[", indices(stmt.at), "]"), stmt.value, {});
      case StmtKind::tiles:
        line(cat("tiles ", place(stmt.access), " ", stmt.tile_rows, " x ", stmt.tile_columns, " {"));
        nested(stmt.body);
        return line("}");
      case StmtKind::mma:
        return line(cat("mma ", place(stmt.access), " along ", stmt.row_axis,
                        stmt.row_step == 1 ? "" : cat(" by ", stmt.row_step), ", ", place(stmt.right),
                        " along ", stmt.column_axis));
    }
  }

  /// Loops of one kind with nothing between them share a line.
  void loop(const Stmt& outermost) {
    std::vector<std::string> loops;
    const Stmt* stmt = &outermost;
    while (true) {
      loops.push_back(cat(name(stmt->variable), " in ", text(stmt->low), "..", text(stmt->high),
                          stmt->step == 1 ? std::string() : cat(" step ", stmt->step)));
      if (stmt->body.size() != 1 || stmt->body[0].kind != StmtKind::for_ || stmt->body[0].loop != stmt->loop)
        break;
      stmt = &stmt->body[0];
    }
    line(cat(outermost.loop == LoopKind::unroll ? "unroll " : "for ", join(loops, ", "), " {"));
    nested(stmt->body);
    line("}");
  }

  void assignment(const std::string& target, const ExprRef& value, const std::string& conditions) {
    uses_.clear();
    shared_.clear();
    count_uses(*value);
    name_shared(*value);
    line(cat(target, " = ", text(*value), conditions));
  }

  void count_uses(const Expr& expr) {
    if (is_leaf(expr) || ++uses_[&expr] > 1) return;
    for (const ExprRef& arg : expr.args) count_uses(*arg);
  }

  /// Writes the definitions of the nodes at and below `expr` that get a name, arguments first: those used more than
  /// once, and some in between where an expression is so deep that it could not be read. Returns the depth of what is
  /// left to be written in place.
  int name_shared(const Expr& expr) {
    if (is_leaf(expr) || shared_.contains(&expr)) return 0;
    int depth = 0;
    for (const ExprRef& arg : expr.args) depth = std::max(depth, name_shared(*arg) + 1);
    if (uses_[&expr] < 2 && depth < kDeepestInPlace) return depth;
    const std::string definition = text(expr);
    const std::string name = cat("$", shared_.size() + 1);
    line(cat(name, ": ", value_type(expr.dtype, expr.lanes), " = ", definition));
    shared_.emplace(&expr, name);
    return 0;
  }

  std::string text(const Expr& expr) {
    if (const auto shared = shared_.find(&expr); shared != shared_.end()) return shared->second;
    switch (expr.kind) {
      case ExprKind::number: return to_text(expr.number);
      case ExprKind::index: return cat(expr.dtype, "(", index_value(expr), ")");
      case ExprKind::load: {
        const std::string conditional = conditions(expr.access);
        const bool otherwise = !(expr.number == Scalar::of_integer(expr.number.dtype, 0));
        if (conditional.empty() && !otherwise) return cat("load ", place(expr.access));
        return cat("(load ", place(expr.access), conditional,
                   otherwise ? cat(" or ", to_text(expr.number)) : "", ")");
      }
      case ExprKind::apply:
        return cat(to_text(expr.op), expr.op == Op::cast ? cat(" ", expr.dtype) : "", "(", arguments(expr),
                   ")");
      case ExprKind::fma: return cat("fma(", arguments(expr), ")");
      case ExprKind::dot2: return cat("dot2(", arguments(expr), ")");
      case ExprKind::narrow: return cat("narrow(", arguments(expr), ")");
      case ExprKind::bitcast: {
        const int lanes = expr.args[0]->lanes;
        return cat("bitcast ", expr.dtype, lanes == expr.lanes ? "" : cat(" x", lanes), "(", arguments(expr),
                   ")");
      }
      case ExprKind::splat: return cat("splat(", arguments(expr), ")");
      case ExprKind::zip_low: return cat("zip_low(", arguments(expr), ")");
      case ExprKind::zip_high: return cat("zip_high(", arguments(expr), ")");
      case ExprKind::fold:
        return cat("fold ", to_text(expr.op), " x", expr.args[0]->lanes, "(", arguments(expr), ")");
      case ExprKind::acc: return cat(name_of_acc(expr.acc), "[", indices(expr.at), "]");
      case ExprKind::let: return name(expr.variable);
    }
    return {};
  }

  std::string arguments(const Expr& expr) {
    std::vector<std::string> texts;
    for (const ExprRef& arg : expr.args) texts.push_back(text(*arg));
    return join(texts, ", ");
  }

  std::string index_value(const Expr& expr) {
    if (expr.lane_step == 0) return text(expr.index);
    // The lane's number is one more variable.
    const VarId lane = static_cast<VarId>(kernel_.variables.size());
    return to_text(expr.index + Index::variable(lane) * expr.lane_step,
                   [&](VarId id) { return id == lane ? "lane" : name(id); });
  }

  std::string place(const Access& access) {
    std::vector<std::string> texts;
    for (size_t axis = 0; axis < access.at.size(); ++axis) {
      texts.push_back(text(access.at[axis]));
      if (access.lanes == 1 || static_cast<int>(axis) != access.lane_axis) continue;
      texts.back() += cat(" : ", access.lanes);
      if (access.lane_step != 1) texts.back() += cat(" by ", access.lane_step);
    }
    return cat(name_of_buffer(access.buffer), "[", join(texts, ", "), "]");
  }

  std::string conditions(const Access& access) {
    std::string result;
    if (access.first || access.limit) {
      result += cat(" only ", access.first ? text(*access.first) : "", "..",
                    access.limit ? text(*access.limit) : "");
    }
    if (!access.guard.empty()) result += cat(" if ", guard(access.guard));
    return result;
  }

  std::string guard(const Guard& guard) {
    std::vector<std::string> texts;
    for (const Index& index : guard) texts.push_back(text(index));
    return texts.empty() ? "0" : join(texts, " and ");
  }

  std::string indices(const std::vector<Index>& at) {
    std::vector<std::string> texts;
    for (const Index& index : at) texts.push_back(text(index));
    return join(texts, ", ");
  }

  // Ill-formed kernels are printed too, by verify().
  template <typename Things>
  static std::string name_of(const Things& things, uint32_t id) {
    return id < things.size() ? things[id].name : cat("?", id);
  }
  std::string name(VarId id) const { return name_of(kernel_.variables, id); }
  std::string name_of_acc(AccId id) const { return name_of(kernel_.accumulators, id); }
  std::string name_of_buffer(BufferId id) const { return cat("%", plain_name(name_of(kernel_.buffers, id))); }
  std::string text(const Index& index) const {
    return to_text(index, [&](VarId id) { return name(id); });
  }

  const Kernel& kernel_;
  TextLines* lines_;
  unsigned line_;
  std::string out_;
  int indent_ = 0;
  std::unordered_map<const Expr*, int> uses_;  // of the current statement
  std::unordered_map<const Expr*, std::string> shared_;
};

std::string_view storage_text(Storage storage) {
  switch (storage) {
    case Storage::input: return "input";
    case Storage::output: return "output";
    case Storage::variable: return "variable";
    case Storage::workspace: return "workspace";
  }
  return {};
}

/// The names by which buffers are referred to: a variable's with @, others with %; with the number where they clash.
std::vector<std::string> buffer_names(const Program& program) {
  std::unordered_map<std::string, int> count;
  std::vector<std::string> names;
  for (const ProgramBuffer& buffer : program.buffers) {
    names.push_back(cat(buffer.storage == Storage::variable ? "@" : "%", plain_name(buffer.name)));
    ++count[names.back()];
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (count[names[i]] > 1) names[i] += cat("#", i);
  }
  return names;
}

std::string program_text(const Program& program, const std::function<std::string(uint32_t)>& kernel_name) {
  const std::vector<std::string> names = buffer_names(program);
  const auto references = [&](const std::vector<uint32_t>& buffers) {
    std::vector<std::string> texts;
    for (const uint32_t buffer : buffers) texts.push_back(names[buffer]);
    return cat("(", join(texts, ", "), ")");
  };
  std::string out = cat("program @", plain_name(program.name), references(program.inputs), " -> ",
                        references(program.outputs), " memory ", to_text(program.workspace));
  if (program.slices.least > 0) out += cat(" slices ", program.slices.least, "..", program.slices.most);
  out += " {\n";
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    const ProgramBuffer& buffer = program.buffers[i];
    out += cat("  ", storage_text(buffer.storage), " ", names[i], ": ", buffer.dtype, buffer.shape);
    if (buffer.storage == Storage::workspace) out += cat(" at ", to_text(buffer.offset));
    out += "\n";
  }
  for (const Launch& launch : program.launches) {
    out += cat("  launch @", kernel_name(launch.kernel), references(launch.args),
               launch.reduced_by.empty() ? "" : cat(" all_reduce ", launch.reduced_by), "\n");
  }
  return out + "}\n";
}

std::string variable_text(const Variable& variable) {
  const std::string role = variable.role == Role::weight ? std::string() : cat(" ", to_text(variable.role));
  return cat("var @", plain_name(variable.name), ": ", variable.type, role,
             variable.trainable ? " trainable" : "", "\n");
}

}  // namespace

std::string print(const Kernel& kernel) { return KernelPrinter(kernel).print(); }

std::string print(const Kernel& kernel, const Stmt& stmt) { return KernelPrinter(kernel).print(stmt); }

std::string print(const Program& program) {
  return program_text(program, [](uint32_t kernel) { return to_text(kernel); });
}

std::string print(const KernelModule& module) {
  TextLines unused;
  return print(module, unused);
}

std::string print(const KernelModule& module, TextLines& lines) {
  std::string out = cat("kernels @", plain_name(module.name), "\n");
  if (!module.variables.empty()) out += "\n";
  for (const Variable& variable : module.variables) out += variable_text(variable);
  auto next_line = static_cast<unsigned>(std::count(out.begin(), out.end(), '\n')) + 1;
  for (const Kernel& kernel : module.kernels) {
    const std::string text = cat("\n", KernelPrinter(kernel, &lines, next_line + 1).print());
    next_line += static_cast<unsigned>(std::count(text.begin(), text.end(), '\n'));
    out += text;
  }
  for (const Program& program : module.programs) {
    out += cat("\n", program_text(program,
                                  [&](uint32_t kernel) { return plain_name(module.kernels[kernel].name); }));
  }
  return out;
}

}  // namespace keratin
