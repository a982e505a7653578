// What must hold of a kernel module beyond the types of its nodes: names, scopes, constants where they are asked for, and
// no access that certainly leaves its buffer. Intervals decide the last: an access under a condition that is not known
// to hold is given the benefit of the doubt, since the interpreter (and --check-bounds) look at every single one.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "codegen/kernel.h"
#include "codegen/kernel_types.h"
#include "codegen/program_facts.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Thrown within this file, with the statement it is about; verify() turns it into an abort.
struct Problem {
  std::string text;
};

void require(bool holds, const std::string& text) {
  if (!holds) throw Problem{text};
}

void require_typed(const std::string& problem) { require(problem.empty(), problem); }

template <typename Things>
void require_unique_names(const Things& things, std::string_view what) {
  std::set<std::string_view> seen;
  for (const auto& thing : things)
    require(seen.insert(thing.name).second, cat("two ", what, " named ", thing.name));
}

void collect_symbols(const Size& size, std::set<Symbol>& symbols) {
  for (const auto& term : size.terms()) symbols.insert(term.first.begin(), term.first.end());
}

void collect_symbols(const Shape& shape, std::set<Symbol>& symbols) {
  for (const Dim& dim : shape) {
    if (!dim.is_static()) symbols.insert(dim.symbol);
  }
}

/// Calls fn(index) for `index` and every dividend within it.
template <typename Fn>
void for_each_part(const Index& index, const Fn& fn) {
  fn(index);
  for (const auto& term : index.terms()) {
    if (term.first.inner) for_each_part(*term.first.inner, fn);
  }
}

class KernelVerifier {
 public:
  explicit KernelVerifier(const Kernel& kernel) : kernel_(kernel) {}

  /// Returns the symbols of the kernel.
  std::set<Symbol> verify() {
    names();
    require(!kernel_.in_rounds || !kernel_.par.empty(), "rounds of what is not parallel");
    for (const ParLoop& loop : kernel_.par) {
      check(loop.extent);
      require(loop.variable < kernel_.variables.size(), cat("there is no variable ", loop.variable));
      require(extent_is_free(loop.extent), "the extent of a parallel loop depends on a variable");
    }
    for (const ParLoop& loop : kernel_.par) {
      require_integer(loop.variable);
      std::optional<int64_t> last = loop.extent.interval({}).high;
      if (last) --*last;
      certain_ = certain_ && last.value_or(0) >= 0;
      bind(loop.variable, {0, last});
    }
    block(kernel_.body);
    for (const KernelVar& var : kernel_.variables) {
      require(!Symbol::is_valid(var.name) || !symbols_.contains(Symbol(var.name)),
              cat("variable ", var.name, " is named like a symbol"));
    }
    return symbols_;
  }

 private:
  enum class Scope { none, open, unrolled };

  void names() {
    require_unique_names(kernel_.buffers, "buffers");
    require_unique_names(kernel_.variables, "variables");
    require_unique_names(kernel_.accumulators, "accumulators");
    for (const KernelVar& var : kernel_.variables)
      require(is_kernel_name(var.name), cat("variable ", quoted(var.name)));
    for (const Accumulator& acc : kernel_.accumulators) {
      require(is_kernel_name(acc.name), cat("accumulator ", quoted(acc.name)));
      require(std::all_of(acc.shape.begin(), acc.shape.end(), [](int64_t n) { return n > 0; }),
              cat("accumulator ", acc.name, " of shape [", join(acc.shape, ","), "]"));
    }
    bool tiles = false;
    for (const KernelBuffer& buffer : kernel_.buffers) {
      collect_symbols(buffer.shape, symbols_);
      tiles = tiles || buffer.mode == Mode::tile;
      require(!tiles || buffer.mode == Mode::tile, cat("parameter %", buffer.name, " after a tile"));
      require(buffer.mode != Mode::tile || Size::product(buffer.shape).is_static(),
              cat("tile %", buffer.name, " has no fixed size"));
    }
    scopes_.assign(kernel_.variables.size(), Scope::none);
    declared_.assign(kernel_.accumulators.size(), false);
  }

  static bool extent_is_free(const Index& extent) {
    bool free = true;
    for_each_part(extent, [&](const Index& part) {
      for (const auto& term : part.terms()) free = free && term.first.kind != Index::Atom::Kind::variable;
    });
    return free;
  }

  void require_integer(VarId id) const {
    const KernelVar& var = kernel_.variables[id];
    require(var.dtype == DType::i64 && var.lanes == 1,
            cat(var.name, " is not an i64 and stands in an index"));
  }

  /// Makes the variable known; it must not be already.
  void bind(VarId id, const Interval& range, Scope scope = Scope::open) {
    require(scopes_[id] == Scope::none, cat(kernel_.variables[id].name, " is bound within its own scope"));
    scopes_[id] = scope;
    ranges_[id] = range;
  }
  void release(VarId id) {
    scopes_[id] = Scope::none;
    ranges_.erase(id);
  }

  void check(const Index& index) {
    for_each_part(index, [&](const Index& part) {
      collect_symbols(part.constant(), symbols_);
      for (const auto& term : part.terms()) {
        if (term.first.kind != Index::Atom::Kind::variable) continue;
        const VarId id = term.first.variable;
        require(id < kernel_.variables.size(), cat("there is no variable ", id));
        require(scopes_[id] != Scope::none, cat(kernel_.variables[id].name, " is used outside its scope"));
        require_integer(id);
      }
    });
  }

  void block(const Block& block) {
    std::vector<VarId> lets;
    std::vector<AccId> accs;
    for (const Stmt& stmt : block) {
      try {
        statement(stmt);
      } catch (Problem& problem) {
        if (problem.text.find('\n') == std::string::npos) problem.text += cat("\nin\n", print(kernel_, stmt));
        throw;
      }
      if (stmt.kind == StmtKind::let) lets.push_back(stmt.variable);
      if (stmt.kind == StmtKind::acc) accs.push_back(stmt.acc);
    }
    for (const VarId let : lets) release(let);
    for (const AccId acc : accs) declared_[acc] = false;
  }

  void statement(const Stmt& stmt) {
    visited_.clear();
    if (stmt.value)
      expression(*stmt.value);
    else
      require(stmt.kind == StmtKind::for_ || stmt.kind == StmtKind::if_ || stmt.kind == StmtKind::prefetch ||
                  stmt.kind == StmtKind::tiles || stmt.kind == StmtKind::mma,
              "a statement without a value");
    require_typed(type_problem(kernel_, stmt));
    switch (stmt.kind) {
      case StmtKind::for_: return loop(stmt);
      case StmtKind::if_: {
        for (const Index& index : stmt.guard) check(index);
        const bool was_certain = certain_;
        certain_ = certain_ && always(stmt.guard);
        block(stmt.body);
        certain_ = false;
        block(stmt.otherwise);
        certain_ = was_certain;
        return;
      }
      case StmtKind::let: return bind(stmt.variable, {});
      case StmtKind::store: return access(stmt.access);
      case StmtKind::prefetch:
        for (const Index& index : stmt.access.at) check(index);
        return;
      case StmtKind::acc:
        require(!declared_[stmt.acc],
                cat(kernel_.accumulators[stmt.acc].name, " is declared within its own scope"));
        declared_[stmt.acc] = true;
        return;
      case StmtKind::set: return accumulator(stmt.acc, stmt.at);
      case StmtKind::tiles:
        require(tiles_ == nullptr, "tiles within tiles");
        access(stmt.access);
        tiles_ = &stmt;
        block(stmt.body);
        tiles_ = nullptr;
        return;
      case StmtKind::mma:
        require(tiles_ != nullptr, "mma outside of tiles");
        access(stmt.access);
        return access(stmt.right);
    }
  }

  void loop(const Stmt& stmt) {
    check(stmt.low);
    check(stmt.high);
    const bool unrolled = stmt.loop == LoopKind::unroll;
    require(!unrolled || (stmt.low.is_constant() && stmt.high.is_constant()),
            "an unrolled loop without constant bounds");
    const Interval low = stmt.low.interval(ranges_), high = stmt.high.interval(ranges_);
    std::optional<int64_t> last = high.high;
    if (last) --*last;
    const bool was_certain = certain_;
    certain_ = certain_ && !(low.low && last && *last < *low.low);
    bind(stmt.variable, {low.low, last}, unrolled ? Scope::unrolled : Scope::open);
    block(stmt.body);
    release(stmt.variable);
    certain_ = was_certain;
  }

  void expression(const Expr& expr) {
    if (!visited_.insert(&expr).second) return;
    for (const ExprRef& arg : expr.args) expression(*arg);
    require_typed(type_problem(kernel_, expr));
    switch (expr.kind) {
      case ExprKind::index: return check(expr.index);
      case ExprKind::load: return access(expr.access);
      case ExprKind::acc: return accumulator(expr.acc, expr.at);
      case ExprKind::let:
        return require(scopes_[expr.variable] != Scope::none,
                       cat(kernel_.variables[expr.variable].name, " is used outside its scope"));
      default: return;
    }
  }

  void accumulator(AccId id, const std::vector<Index>& at) {
    const Accumulator& acc = kernel_.accumulators[id];
    require(declared_[id], cat(acc.name, " is used outside its scope"));
    for (size_t i = 0; i < at.size(); ++i) {
      check(at[i]);
      for_each_part(at[i], [&](const Index& part) {
        require(part.constant().is_static(), cat("an index of ", acc.name, " is not constant"));
        for (const auto& term : part.terms()) {
          const Index::Atom& atom = term.first;
          require(atom.kind != Index::Atom::Kind::variable || scopes_[atom.variable] == Scope::unrolled,
                  cat("an index of ", acc.name, " is not constant"));
        }
      });
      const Interval range = at[i].interval(ranges_);
      require(range.low && range.high &&
                  (*range.high < *range.low || (*range.low >= 0 && *range.high < acc.shape[i])),
              cat("an index of ", acc.name, " leaves its shape [", join(acc.shape, ","), "]"));
    }
  }

  bool always(const Guard& guard) const {
    return std::all_of(guard.begin(), guard.end(),
                       [&](const Index& index) { return index.interval(ranges_).low.value_or(-1) >= 0; });
  }

  void access(const Access& access) {
    for (const Index& index : access.at) check(index);
    for (const Index& index : access.guard) check(index);
    if (access.first) check(*access.first);
    if (access.limit) check(*access.limit);
    if (!certain_ || access.first || access.limit || !always(access.guard)) return;
    const KernelBuffer& buffer = kernel_.buffers[access.buffer];
    for (size_t i = 0; i < access.at.size(); ++i) {
      const bool has_lanes = access.lanes > 1 && static_cast<size_t>(access.lane_axis) == i;
      const Index last_lane = access.at[i] + Index(has_lanes ? access.lane_step * (access.lanes - 1) : 0);
      for (const Index& index : {access.at[i], last_lane}) {
        const Interval range = index.interval(ranges_);
        const bool below = range.high && *range.high < 0;
        const bool above = range.low && buffer.shape[i].is_static() && *range.low >= buffer.shape[i].value();
        require(!below && !above, cat("axis ", i, " of %", buffer.name, " is left"));
      }
    }
  }

  const Kernel& kernel_;
  std::set<Symbol> symbols_;
  std::vector<Scope> scopes_;   // by variable
  std::vector<bool> declared_;  // by accumulator
  Ranges ranges_;
  const Stmt* tiles_ = nullptr;  // around the current statement
  bool certain_ = true;  // what is looked at runs, unless a loop with symbolic bounds around it is empty
  std::unordered_set<const Expr*> visited_;  // of the current statement
};

class ProgramVerifier {
 public:
  ProgramVerifier(const KernelModule& module, const Program& program,
                  const std::vector<std::set<Symbol>>& kernel_symbols)
      : module_(module), program_(program), kernel_symbols_(kernel_symbols) {}

  void verify() {
    for (const uint32_t input : program_.inputs) {
      boundary(input, Storage::input);
      collect_symbols(program_.buffers[input].shape, known_);
    }
    for (const uint32_t output : program_.outputs) boundary(output, Storage::output);
    slices();
    for (const ProgramBuffer& each : program_.buffers) buffer(each);
    collect_symbols(program_.workspace, used_);
    for (const Launch& each : program_.launches) launch(each);
    for (const Symbol& symbol : used_)
      require(known_.contains(symbol) || known_.contains(symbol.root()),
              cat("no input has the dimension ", symbol.name()));
  }

 private:
  void boundary(uint32_t buffer, Storage storage) const {
    require(buffer < program_.buffers.size(), cat("there is no buffer ", buffer));
    require(program_.buffers[buffer].storage == storage,
            cat("%", program_.buffers[buffer].name, " is listed as what it is not"));
    const auto& list = storage == Storage::input ? program_.inputs : program_.outputs;
    require(std::count(list.begin(), list.end(), buffer) == 1,
            cat("%", program_.buffers[buffer].name, " is listed twice"));
  }

  void slices() const {
    const auto& [least, most] = program_.slices;
    if (least == 0) return;
    require(0 < least && least <= most, cat("there are no slices of ", least, " to ", most, " samples"));
    require(std::max(program_.inputs.size(), program_.outputs.size()) <= kMostCutArrays,
            "a program of so many arrays is not cut");
    const int64_t batch = fixed_batch(program_);
    for (const std::vector<uint32_t>* list : {&program_.inputs, &program_.outputs})
      for (const uint32_t each : *list) {
        const ProgramBuffer& array = program_.buffers[each];
        const Dim all = batch == 0 ? Dim::batch() : Dim(batch);
        require(!array.shape.empty() && array.shape[0] == all, cat("%", array.name, " has no batch to cut"));
      }
    require(batch == 0 || (least == most && batch % least == 0),
            cat(batch, " samples cannot be cut into slices of ", least));
  }

  void buffer(const ProgramBuffer& buffer) {
    collect_symbols(buffer.shape, used_);
    collect_symbols(buffer.offset, used_);
    const auto index = static_cast<uint32_t>(&buffer - program_.buffers.data());
    const auto listed = [&](const std::vector<uint32_t>& list) {
      return std::count(list.begin(), list.end(), index) != 0;
    };
    switch (buffer.storage) {
      case Storage::input: return require(listed(program_.inputs), cat("%", buffer.name, " is no input"));
      case Storage::output: return require(listed(program_.outputs), cat("%", buffer.name, " is no output"));
      case Storage::variable: {
        const auto variable = std::find_if(module_.variables.begin(), module_.variables.end(),
                                           [&](const Variable& v) { return v.name == buffer.name; });
        require(variable != module_.variables.end(), cat("there is no variable ", buffer.name));
        return require(
            variable->type.dtype == buffer.dtype && variable->type.physical_shape() == buffer.shape,
            cat("@", buffer.name, " is not ", buffer.dtype, buffer.shape));
      }
      case Storage::workspace:
        for (const auto& [symbols, coef] : buffer.offset.terms())
          require(coef % 64 == 0, cat("%", buffer.name, " is not aligned"));
    }
  }

  void launch(const Launch& launch) {
    require(launch.kernel < module_.kernels.size(), cat("there is no kernel ", launch.kernel));
    const Kernel& kernel = module_.kernels[launch.kernel];
    const auto params =
        static_cast<size_t>(std::count_if(kernel.buffers.begin(), kernel.buffers.end(),
                                          [](const KernelBuffer& b) { return b.mode != Mode::tile; }));
    require(launch.args.size() == params,
            cat("@", kernel.name, " takes ", params, " buffers, not ", launch.args.size()));
    for (size_t i = 0; i < params; ++i) {
      require(launch.args[i] < program_.buffers.size(), cat("there is no buffer ", launch.args[i]));
      const ProgramBuffer& arg = program_.buffers[launch.args[i]];
      const KernelBuffer& param = kernel.buffers[i];
      const bool is_whole = arg.storage == Storage::input || arg.storage == Storage::output;
      const Size elements = Size::product(param.shape) * (is_whole ? fixed_slices(program_) : 1);
      require(kernel_dtype(arg.dtype) == kernel_dtype(param.dtype) && Size::product(arg.shape) == elements,
              cat("@", kernel.name, " takes ", param.dtype, param.shape, " as %", param.name, ", not ",
                  arg.dtype, arg.shape));
      require(param.mode == Mode::in || arg.storage != Storage::input,
              cat("@", kernel.name, " writes the input %", arg.name));
    }
    exchange(launch, kernel);
    const std::set<Symbol>& symbols = kernel_symbols_[launch.kernel];
    used_.insert(symbols.begin(), symbols.end());
  }

  static void exchange(const Launch& launch, const Kernel& kernel) {
    if (launch.reduced_by.empty()) return;
    require(find_reduction(launch.reduced_by).has_value(),
            cat("ranks have no reduction ", launch.reduced_by));
    require(launch.args.size() == 2 && kernel.buffers[1].mode == Mode::out,
            cat("@", kernel.name, " is no copy, and is reduced"));
  }

  const KernelModule& module_;
  const Program& program_;
  const std::vector<std::set<Symbol>>& kernel_symbols_;
  std::set<Symbol> known_, used_;
};

}  // namespace

std::set<Symbol> symbols_of(const Kernel& kernel) { return KernelVerifier(kernel).verify(); }

std::string find_problem(const KernelModule& module) {
  std::string where = module.name, text;
  try {
    require_unique_names(module.variables, "variables");
    require_unique_names(module.kernels, "kernels");
    require_unique_names(module.programs, "programs");
    for (const Variable& variable : module.variables)
      require(variable.type.is_static(), cat("variable ", variable.name, " has no fixed size"));
    std::vector<std::set<Symbol>> symbols;
    for (const Kernel& kernel : module.kernels) {
      where = cat("kernel @", kernel.name);
      text = print(kernel);
      symbols.push_back(KernelVerifier(kernel).verify());
    }
    text.clear();
    for (const Program& program : module.programs) {
      where = cat("program @", program.name);
      ProgramVerifier(module, program, symbols).verify();
    }
  } catch (const Problem& problem) {
    return cat(where, ": ", problem.text, text.empty() ? "" : "\n", text);
  }
  return {};
}

void verify(const KernelModule& module) {
  const std::string problem = find_problem(module);
  KERATIN_CHECK(problem.empty(), problem);
}

}  // namespace keratin
