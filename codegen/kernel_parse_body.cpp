// A kernel's text, read by recursive descent: the grammar is at the head of codegen/kernel_parse.cpp.
#include <map>
#include <set>

#include "codegen/kernel_parse_parts.h"
#include "codegen/kernel_types.h"
#include "ir/error.h"
#include "ir/text.h"
#include "ir/text_rules.h"

namespace keratin {
namespace {

constexpr VarId kLane = ~VarId{0};  // stands for the lane's number while an index value is read
constexpr int kDeepestBlock = 200, kDeepestText = 200, kDeepestExpr = 4000;
constexpr int64_t kMostAccumulators = 1 << 16;

class KernelParser {
 public:
  explicit KernelParser(Scanner& in) : in_(in) {}

  Kernel parse() {
    in_.expect('@');
    kernel_.name = in_.name();
    parse_list(in_, '(', ')', [&] { parameter(); });
    if (in_.accept_word("from")) kernel_.origin = std::make_shared<const std::string>(in_.quoted_text());
    if (in_.accept_word("par")) {
      kernel_.in_rounds = in_.accept_word("rounds");
      do parallel_loop();
      while (in_.accept(','));
      for (const ParLoop& loop : kernel_.par) open_.insert(loop.variable);
    }
    in_.expect('{');
    while (in_.accept_word("tile")) add_buffer_of(Mode::tile, buffer_name());
    kernel_.body = block(0);
    return std::move(kernel_);
  }

 private:
  struct ValueType {
    DType dtype;
    int lanes;
  };
  /// An expression and how deep it is.
  struct Parsed {
    ExprRef expr;
    int depth = 1;
  };

  void check(Scanner::Place place, const std::string& problem) {
    if (!problem.empty()) in_.fail_at(place, problem);
  }

  // ---- names ----

  std::string buffer_name() {
    in_.expect('%');
    std::string name = in_.name();
    in_.expect(':');
    return name;
  }

  void parameter() {
    std::string name = buffer_name();
    const Scanner::Place place = in_.place();
    const std::string_view mode = in_.word();
    if (mode == "in")
      add_buffer_of(Mode::in, std::move(name));
    else if (mode == "out")
      add_buffer_of(Mode::out, std::move(name));
    else if (mode == "inout")
      add_buffer_of(Mode::inout, std::move(name));
    else
      in_.fail_at(place, "expected in, out or inout");
  }

  void add_buffer_of(Mode mode, std::string name) {
    const Scanner::Place place = in_.place();
    const Type type = parse_buffer_type(in_);
    if (!buffers_.emplace(name, static_cast<BufferId>(kernel_.buffers.size())).second) {
      in_.fail_at(place, cat("there is a %", name, " already"));
    }
    kernel_.buffers.push_back({std::move(name), type.dtype, type.shape, mode});
  }

  /// A variable to be bound: a new one, or one whose scope has ended. It is not in scope yet.
  VarId bind_variable(Scanner::Place place, const std::string& name, const ValueType& type) {
    if (!is_kernel_name(name))
      in_.fail_at(place, "expected the name of a variable",
                  "a small letter or _, then letters, digits and _");
    const auto [known, is_new] = variables_.emplace(name, static_cast<VarId>(kernel_.variables.size()));
    if (is_new) kernel_.variables.push_back({name, type.dtype, type.lanes});
    const KernelVar& var = kernel_.variables[known->second];
    if (var.dtype != type.dtype || var.lanes != type.lanes || open_.contains(known->second))
      in_.fail_at(place, cat("there is a ", name, " already"));
    return known->second;
  }

  VarId loop_variable() {
    const Scanner::Place place = in_.place();
    return bind_variable(place, std::string(in_.word()), {DType::i64, 1});
  }

  std::optional<VarId> find_variable(Scanner& in, Scanner::Place place, std::string_view name) const {
    const auto known = variables_.find(name);
    if (known == variables_.end()) return std::nullopt;
    const KernelVar& var = kernel_.variables[known->second];
    if (!open_.contains(known->second)) in.fail_at(place, cat(name, " is used outside its scope"));
    if (var.dtype != DType::i64 || var.lanes != 1) in.fail_at(place, cat(name, " is not an i64"));
    return known->second;
  }

  /// With `lane`, the word lane stands for the variable kLane.
  Index index(bool lane = false) {
    const auto find = [=, this](Scanner& in, Scanner::Place place, std::string_view name) {
      return lane && name == "lane" ? std::optional(kLane) : find_variable(in, place, name);
    };
    return parse_index(in_, find);
  }

  std::vector<Index> indices() {
    std::vector<Index> result;
    parse_list(in_, '[', ']', [&] { result.push_back(index()); });
    return result;
  }

  ValueType value_type() {
    const Scanner::Place place = in_.place();
    const std::string_view word = in_.word();
    const size_t cross = word.find('x');
    const std::optional<DType> dtype = parse_dtype(word.substr(0, cross));
    int lanes = 1;
    if (cross != std::string_view::npos) lanes = parse_lanes(place, word.substr(cross + 1));
    if (!dtype || kernel_dtype(*dtype) != *dtype)
      in_.fail_at(place, "expected the type of a value", "f32, i64x8, …");
    return {*dtype, lanes};
  }

  int parse_lanes(Scanner::Place place, std::string_view digits) {
    const std::optional<Scalar> lanes = parse_element(digits, DType::i32);
    if (!lanes || lanes->integer < 1 || lanes->integer > kMaxLanes)
      in_.fail_at(place, cat("lanes are 1 to ", kMaxLanes));
    return static_cast<int>(lanes->integer);
  }

  DType dtype_word() {
    const Scanner::Place place = in_.place();
    const std::optional<DType> dtype = parse_dtype(in_.word());
    if (!dtype) in_.fail_at(place, "expected a dtype");
    return *dtype;
  }

  // ---- statements ----

  void parallel_loop() {
    const VarId variable = loop_variable();
    for (const ParLoop& loop : kernel_.par) {
      if (loop.variable == variable) in_.fail("two loops have the same variable");
    }
    if (!in_.accept_word("in")) in_.fail("expected in");
    in_.expect("0..");
    kernel_.par.push_back({variable, index()});
  }

  /// Up to and with the closing brace.
  Block block(int depth) {
    if (depth > kDeepestBlock) in_.fail("blocks are nested too deeply");
    const std::set<VarId> outer = open_;
    const std::set<AccId> outer_accs = open_accs_;
    Block statements;
    while (!in_.accept('}')) statements.push_back(statement(depth));
    open_ = outer;
    open_accs_ = outer_accs;
    return statements;
  }

  Stmt statement(int depth) {
    shared_.clear();
    while (in_.accept('$')) definition();
    const Scanner::Place place = in_.place();
    const std::string_view word = in_.word();
    Stmt stmt;
    if (word == "let")
      stmt = let();
    else if (word == "acc")
      stmt = accumulator();
    else if (word == "set")
      stmt = set();
    else if (word == "store")
      stmt = store();
    else if (!shared_.empty())
      in_.fail_at(place, "expected let, acc, set or store");
    else if (word == "for")
      return loop(LoopKind::serial, depth);
    else if (word == "unroll")
      return loop(LoopKind::unroll, depth);
    else if (word == "if")
      return condition(depth);
    else if (word == "prefetch")
      stmt = prefetch_stmt(place_in_buffer());
    else if (word == "tiles")
      stmt = tiles(depth);
    else if (word == "mma")
      stmt = mma();
    else
      in_.fail_at(place, "expected a statement",
                  "for, unroll, if, let, acc, set, store, prefetch, tiles, mma");
    check(place, type_problem(kernel_, stmt));
    return stmt;
  }

  Stmt loop(LoopKind kind, int depth) {
    if (depth > kDeepestBlock) in_.fail("loops are nested too deeply");
    const VarId variable = loop_variable();
    if (!in_.accept_word("in")) in_.fail("expected in");
    Index low = index();
    in_.expect("..");
    Index high = index();
    int64_t step = 1;
    const Scanner::Place place = in_.place();
    if (in_.accept_word("step")) step = in_.integer();
    if (step < 1) in_.fail_at(place, "a step is at least 1");
    open_.insert(variable);
    Block body;
    if (in_.accept(',')) {
      body.push_back(loop(kind, depth + 1));
    } else {
      in_.expect('{');
      body = block(depth + 1);
    }
    open_.erase(variable);
    return for_stmt(variable, std::move(low), std::move(high), step, kind, std::move(body));
  }

  Stmt condition(int depth) {
    Guard condition = guard();
    in_.expect('{');
    Block then = block(depth + 1), otherwise;
    if (in_.accept_word("else")) {
      in_.expect('{');
      otherwise = block(depth + 1);
    }
    return if_stmt(std::move(condition), std::move(then), std::move(otherwise));
  }

  Stmt tiles(int depth) {
    Access sums = place_in_buffer();
    const int64_t rows = in_.integer();
    if (!in_.accept_word("x")) in_.fail("expected x");
    const int64_t columns = in_.integer();
    in_.expect('{');
    return tiles_stmt(std::move(sums), rows, columns, block(depth + 1));
  }

  Stmt mma() {
    Access left = place_in_buffer();
    const int row_axis = along(left);
    const int64_t step = in_.accept_word("by") ? in_.integer() : 1;
    in_.expect(',');
    Access right = place_in_buffer();
    const int column_axis = along(right);
    return mma_stmt(std::move(left), row_axis, step, std::move(right), column_axis);
  }

  int along(const Access& access) {
    if (!in_.accept_word("along")) in_.fail("expected along");
    const Scanner::Place place = in_.place();
    const int64_t axis = in_.integer();
    if (axis < 0 || axis >= static_cast<int64_t>(access.at.size()))
      in_.fail_at(place, cat("there is no axis ", axis));
    return static_cast<int>(axis);
  }

  void definition() {
    const Scanner::Place place = in_.place();
    if (in_.integer() != static_cast<int64_t>(shared_.size()) + 1) {
      in_.fail_at(place, cat("expected $", shared_.size() + 1));
    }
    in_.expect(':');
    const ValueType type = value_type();
    shared_.push_back(value(type));
  }

  /// "= expr"
  Parsed value(const ValueType& type) {
    in_.expect('=');
    const Scanner::Place place = in_.place();
    Parsed parsed = expression(type.lanes, 0);
    if (parsed.expr->dtype != type.dtype) {
      in_.fail_at(place, cat("the value is ", parsed.expr->dtype, " instead of ", type.dtype));
    }
    return parsed;
  }

  Stmt let() {
    const Scanner::Place place = in_.place();
    const std::string name(in_.word());
    in_.expect(':');
    const ValueType type = value_type();
    ExprRef bound = value(type).expr;
    const VarId variable = bind_variable(place, name, type);
    open_.insert(variable);
    return let_stmt(variable, std::move(bound));
  }

  Stmt accumulator() {
    const Scanner::Place place = in_.place();
    const std::string name(in_.word());
    if (!is_kernel_name(name)) in_.fail_at(place, "expected the name of an accumulator");
    in_.expect(':');
    const ValueType type = value_type();
    std::vector<int64_t> shape;
    parse_list(in_, '[', ']', [&] { shape.push_back(in_.integer()); });
    int64_t elements = 1;
    for (const int64_t extent : shape) {
      if (extent < 1 || extent > kMostAccumulators / elements)
        in_.fail_at(place, "the accumulator is too large");
      elements *= extent;
    }
    ExprRef initial = value(type).expr;
    const auto [known, is_new] = accs_.emplace(name, static_cast<AccId>(kernel_.accumulators.size()));
    if (is_new) kernel_.accumulators.push_back({name, type.dtype, type.lanes, shape});
    const Accumulator& acc = kernel_.accumulators[known->second];
    if (acc.dtype != type.dtype || acc.lanes != type.lanes || acc.shape != shape ||
        !open_accs_.insert(known->second).second) {
      in_.fail_at(place, cat("there is a ", name, " already"));
    }
    return acc_stmt(known->second, std::move(initial));
  }

  AccId find_accumulator(Scanner::Place place, std::string_view name) const {
    const auto known = accs_.find(name);
    if (known == accs_.end() || !open_accs_.contains(known->second)) {
      in_.fail_at(place, cat("no accumulator ", name, " is in scope"));
    }
    return known->second;
  }

  Stmt set() {
    const Scanner::Place place = in_.place();
    const AccId acc = find_accumulator(place, in_.word());
    std::vector<Index> at = indices();
    const Accumulator& accumulator = kernel_.accumulators[acc];
    return set_stmt(acc, std::move(at), value({accumulator.dtype, accumulator.lanes}).expr);
  }

  Stmt store() {
    Access access = place_in_buffer();
    in_.expect('=');
    ExprRef stored = expression(access.lanes, 0).expr;
    conditions(access);
    return store_stmt(std::move(access), std::move(stored));
  }

  // ---- accesses ----

  Access place_in_buffer() {
    in_.expect('%');
    const Scanner::Place place = in_.place();
    const std::string name = in_.name();
    const auto known = buffers_.find(name);
    if (known == buffers_.end()) in_.fail_at(place, cat("there is no buffer %", name));
    Access access{.buffer = known->second};
    parse_list(in_, '[', ']', [&] {
      access.at.push_back(index());
      const Scanner::Place colon = in_.place();
      if (!in_.accept(':')) return;
      if (access.lanes != 1) in_.fail_at(colon, "lanes run along one axis");
      access.lanes = parse_lanes(colon, in_.word());
      if (access.lanes == 1) in_.fail_at(colon, "a single lane is not written");
      access.lane_axis = static_cast<int>(access.at.size()) - 1;
      if (in_.accept_word("by")) access.lane_step = in_.integer();
    });
    return access;
  }

  void conditions(Access& access) {
    if (in_.accept_word("only")) {
      if (!in_.accept("..")) {
        access.first = index();
        in_.expect("..");
      }
      if (starts_index()) access.limit = index();
    }
    const Scanner before = in_;
    if (in_.accept_word("if")) access.guard = guard();
    // A brace: that was the head of an if statement, behind a store without conditions.
    if (in_.at('{')) {
      in_ = before;
      access.guard.clear();
    }
  }

  /// Whether an index comes next: behind "only 2..", where it may be missing, other words may.
  bool starts_index() {
    if (in_.at('}') || in_.at(')') || in_.at('$') || in_.at_word("if") || in_.at_word("or")) return false;
    for (const std::string_view word : {"for", "unroll", "let", "acc", "set", "store", "prefetch"}) {
      if (in_.at_word(word)) return false;
    }
    return true;
  }

  Guard guard() {
    Guard result;
    do result.push_back(index());
    while (in_.accept_word("and"));
    return result;
  }

  // ---- expressions ----

  Parsed expression(int lanes, int depth) {
    const Scanner::Place place = in_.place();
    if (depth > kDeepestText) in_.fail("the expression is nested too deeply");
    Parsed parsed = primary(place, lanes, depth);
    check(place, type_problem(kernel_, *parsed.expr));
    if (parsed.depth > kDeepestExpr) in_.fail_at(place, "the expression is nested too deeply");
    if (parsed.expr->lanes != lanes) in_.fail_at(place, cat(parsed.expr->lanes, " lanes instead of ", lanes));
    return parsed;
  }

  static ExprRef make(Expr expr) { return std::make_shared<const Expr>(std::move(expr)); }

  Parsed primary(Scanner::Place place, int lanes, int depth) {
    if (in_.accept('(')) {
      if (!in_.accept_word("load")) in_.fail("expected load");
      Parsed parsed{load(true)};
      in_.expect(')');
      return parsed;
    }
    if (in_.accept('$')) {
      const int64_t number = in_.integer();
      if (number < 1 || number > static_cast<int64_t>(shared_.size()))
        in_.fail_at(place, cat("there is no $", number));
      return shared_[static_cast<size_t>(number) - 1];
    }
    if (in_.at_number()) {
      const Scalar value = in_.number();
      return {make({.kind = ExprKind::number, .dtype = value.dtype, .lanes = lanes, .number = value})};
    }
    const std::string_view word = in_.word();
    if (word == "load") return {load(false)};
    if (in_.at('[')) return {acc_value(place, word)};
    if (word == "fma") return combine({.kind = ExprKind::fma, .lanes = lanes}, lanes, depth);
    if (word == "dot2") return combine({.kind = ExprKind::dot2, .lanes = lanes}, lanes, depth);
    if (word == "narrow")
      return combine({.kind = ExprKind::narrow, .dtype = DType::u16, .lanes = lanes}, lanes, depth);
    if (word == "zip_low") return combine({.kind = ExprKind::zip_low, .lanes = lanes}, lanes, depth);
    if (word == "zip_high") return combine({.kind = ExprKind::zip_high, .lanes = lanes}, lanes, depth);
    if (word == "splat") return combine({.kind = ExprKind::splat, .lanes = lanes}, 1, depth);
    if (word == "fold") return fold(depth);
    if (word == "cast")
      return combine({.kind = ExprKind::apply, .dtype = dtype_word(), .lanes = lanes, .op = Op::cast}, lanes,
                     depth);
    if (word == "bitcast") {
      Expr expr{.kind = ExprKind::bitcast, .dtype = dtype_word(), .lanes = lanes};
      const int argument_lanes = in_.at('(') ? lanes : folded_lanes();
      return combine(std::move(expr), argument_lanes, depth);
    }
    if (!in_.at('(')) return {let_value(place, word)};
    if (const std::optional<DType> dtype = parse_dtype(word)) return {index_value(*dtype, lanes)};
    const std::optional<Op> op = parse_op(word);
    if (!op || !is_kernel_op(*op) || *op == Op::cast)
      in_.fail_at(place, cat(quoted(word), " is no op of kernels"));
    return combine({.kind = ExprKind::apply, .lanes = lanes, .op = *op}, lanes, depth);
  }

  /// Reads the arguments; the dtype is theirs, unless the kind says otherwise.
  Parsed combine(Expr expr, int lanes, int depth) {
    const Scanner::Place place = in_.place();
    Parsed result;
    parse_list(in_, '(', ')', [&] {
      Parsed arg = expression(lanes, depth + 1);
      result.depth = std::max(result.depth, arg.depth + 1);
      expr.args.push_back(std::move(arg.expr));
    });
    if (expr.args.empty()) in_.fail_at(place, "there are no arguments");
    if (expr.kind == ExprKind::fold) expr.lanes = static_cast<int>(expr.args.size());
    const bool named = expr.kind == ExprKind::bitcast || expr.kind == ExprKind::narrow || expr.op == Op::cast;
    if (!named) expr.dtype = is_comparison(expr.op) ? DType::boolean : expr.args.back()->dtype;
    result.expr = make(std::move(expr));
    return result;
  }

  static bool is_comparison(Op op) { return op == Op::eq || op == Op::ne || op == Op::lt || op == Op::le; }

  Parsed fold(int depth) {
    const Scanner::Place place = in_.place();
    const std::optional<Op> op = parse_op(in_.word());
    if (!op) in_.fail_at(place, "expected an op");
    return combine({.kind = ExprKind::fold, .op = *op}, folded_lanes(), depth);
  }

  /// Of arguments that have other lanes than the result.
  int folded_lanes() {
    const Scanner::Place width = in_.place();
    const std::string_view lanes = in_.word();
    if (!lanes.starts_with('x')) in_.fail_at(width, "expected the number of lanes", "x16");
    return parse_lanes(width, lanes.substr(1));
  }

  ExprRef load(bool conditional) {
    Access access = place_in_buffer();
    const DType dtype = kernel_dtype(kernel_.buffers[access.buffer].dtype);
    Scalar otherwise = Scalar::of_integer(dtype, 0);
    if (conditional) {
      conditions(access);
      if (in_.accept_word("or")) otherwise = in_.number();
    }
    const int lanes = access.lanes;
    return make({.kind = ExprKind::load,
                 .dtype = dtype,
                 .lanes = lanes,
                 .number = otherwise,
                 .access = std::move(access)});
  }

  ExprRef acc_value(Scanner::Place place, std::string_view name) {
    const AccId acc = find_accumulator(place, name);
    const Accumulator& accumulator = kernel_.accumulators[acc];
    return make({.kind = ExprKind::acc,
                 .dtype = accumulator.dtype,
                 .lanes = accumulator.lanes,
                 .acc = acc,
                 .at = indices()});
  }

  ExprRef let_value(Scanner::Place place, std::string_view name) {
    const auto known = variables_.find(name);
    if (known == variables_.end() || !open_.contains(known->second)) {
      in_.fail_at(place, name.empty() ? "expected an expression" : cat("no variable ", name, " is in scope"));
    }
    const KernelVar& var = kernel_.variables[known->second];
    return make({.kind = ExprKind::let, .dtype = var.dtype, .lanes = var.lanes, .variable = known->second});
  }

  ExprRef index_value(DType dtype, int lanes) {
    in_.expect('(');
    const Scanner::Place place = in_.place();
    Index value = index(true);
    in_.expect(')');
    const std::optional<int64_t> step = value.slope(kLane);
    if (!step || (*step != 0 && lanes == 1)) in_.fail_at(place, "lane stands where it cannot");
    value += Index::variable(kLane) * -*step;
    return make({.kind = ExprKind::index,
                 .dtype = dtype,
                 .lanes = lanes,
                 .index = std::move(value),
                 .lane_step = *step});
  }

  Scanner& in_;
  Kernel kernel_;
  std::map<std::string, BufferId, std::less<>> buffers_;
  std::map<std::string, VarId, std::less<>> variables_;
  std::map<std::string, AccId, std::less<>> accs_;
  std::set<VarId> open_;  // in scope
  std::set<AccId> open_accs_;
  std::vector<Parsed> shared_;  // $1, $2, … of the current statement
};

}  // namespace

Kernel parse_kernel(Scanner& in) { return KernelParser(in).parse(); }

}  // namespace keratin
