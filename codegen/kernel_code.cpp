#include "codegen/kernel_code.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "codegen/scalar_ops.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

// ---- indices ----

struct IndexCode {
  struct Term {
    int64_t coef;
    Index::Atom::Kind kind;
    VarId variable;
    int64_t by;
    std::shared_ptr<const IndexCode> inner;
  };
  int64_t constant = 0;
  std::vector<Term> terms;

  int64_t value(const int64_t* variables) const {
    int64_t sum = constant;
    for (const Term& term : terms) {
      if (term.kind == Index::Atom::Kind::variable) {
        sum += term.coef * variables[term.variable];
        continue;
      }
      const int64_t inner = term.inner->value(variables);
      const int64_t rest = inner % term.by + (inner % term.by < 0 ? term.by : 0);
      sum += term.coef * (term.kind == Index::Atom::Kind::mod ? rest : (inner - rest) / term.by);
    }
    return sum;
  }
};

IndexCode compile_index(const Index& index, const Bindings& bindings) {
  IndexCode code{.constant = index.constant().value(bindings)};
  for (const auto& [atom, coef] : index.terms()) {
    std::shared_ptr<const IndexCode> inner;
    if (atom.inner) inner = std::make_shared<const IndexCode>(compile_index(*atom.inner, bindings));
    code.terms.push_back({coef, atom.kind, atom.variable, atom.by, std::move(inner)});
  }
  return code;
}

using GuardCode = std::vector<IndexCode>;

bool holds(const GuardCode& guard, const int64_t* variables) {
  return std::all_of(guard.begin(), guard.end(),
                     [&](const IndexCode& index) { return index.value(variables) >= 0; });
}

// ---- accesses ----

struct AccessCode {
  struct Axis {
    IndexCode at;
    int64_t extent, stride;  // stride in bytes
  };
  BufferId buffer;
  std::vector<Axis> axes;
  int lanes;
  size_t lane_axis;
  int64_t lane_step;
  std::optional<IndexCode> first, limit;
  GuardCode guard;
};

/// Where the lanes begin … end-1 of an access are: the byte of lane 0 (even if it is not accessed), bytes per lane.
struct Places {
  int64_t offset = 0, stride = 0;
  int begin = 0, end = 0;
};

// ---- steps and statements ----

struct Machine;

/// One operation on slots of the frame.
struct Step {
  void (*run)(const Step& step, Machine& machine);
  uint32_t out;
  uint32_t args[3] = {};
  int lanes = 1;
  int64_t lane_step = 0;                     // index
  std::shared_ptr<const IndexCode> index;    // index
  std::shared_ptr<const AccessCode> access;  // load
  AccId acc = 0;                             // acc
  std::vector<IndexCode> at;                 // acc
};

struct StmtCode;
using BlockCode = std::vector<StmtCode>;

struct StmtCode {
  StmtKind kind;
  std::vector<Step> steps;  // compute the value
  uint32_t value = 0;       // its slot
  VarId variable = 0;
  uint32_t slot = 0;      // let: the variable's, unless it is in the array of variables
  bool is_index = false;  // let: it is
  IndexCode low, high;
  int64_t step = 1;
  GuardCode guard;
  BlockCode body, otherwise;
  AccessCode access;
  AccId acc = 0;
  std::vector<IndexCode> at;
  uint32_t bytes = 0;  // of the value
  const Stmt* source = nullptr;
};

/// An accumulator in the frame.
struct AccPlace {
  uint32_t slot;
  uint32_t element_bytes;
  int64_t elements;
  std::vector<int64_t> shape;
};

}  // namespace

struct KernelCode::Impl {
  const Kernel* kernel;
  std::vector<int64_t> grid;
  BlockCode body;
  std::vector<AccPlace> accs;
  std::vector<int64_t> buffer_bytes;
  std::vector<std::byte> frame;  // as it is when a piece starts: constants in their slots
};

namespace {

struct Machine {
  const KernelCode::Impl& code;
  std::vector<std::byte> frame;
  std::vector<int64_t> variables;
  std::vector<std::byte*> buffers;
  const StmtCode* statement = nullptr;

  template <typename T>
  T* slot(uint32_t offset) {
    return reinterpret_cast<T*>(frame.data() + offset);
  }

  [[noreturn]] void fail(const std::string& what) const;
  Places locate(const AccessCode& access) const;
  std::byte* acc(AccId acc, const std::vector<IndexCode>& at);
  void run(const BlockCode& block);
  void run(const StmtCode& stmt);
  void store(const StmtCode& stmt);
};

void Machine::fail(const std::string& what) const {
  const Kernel& kernel = *code.kernel;
  std::string where = kernel.name;
  if (kernel.origin) where += cat(", ", *kernel.origin);
  std::vector<std::string> values;
  for (size_t id = 0; id < kernel.variables.size(); ++id) {
    if (const KernelVar& var = kernel.variables[id]; var.dtype == DType::i64 && var.lanes == 1) {
      values.push_back(cat(var.name, " = ", variables[id]));
    }
  }
  const std::string text = statement->source == nullptr ? "" : print(kernel, *statement->source);
  KERATIN_CHECK(false, cat(where, ": ", what, "\n", text, "with ", join(values, ", ")));
  __builtin_unreachable();
}

Places Machine::locate(const AccessCode& access) const {
  Places places{.end = access.lanes};
  if (!holds(access.guard, variables.data())) return {};
  const auto lane_bound = [&](const IndexCode& index) {
    return static_cast<int>(std::clamp<int64_t>(index.value(variables.data()), 0, access.lanes));
  };
  if (access.first) places.begin = lane_bound(*access.first);
  if (access.limit) places.end = lane_bound(*access.limit);
  if (places.begin >= places.end) return {};
  for (size_t i = 0; i < access.axes.size(); ++i) {
    const AccessCode::Axis& axis = access.axes[i];
    const int64_t at = axis.at.value(variables.data());
    int64_t low = at, high = at;
    if (access.lanes > 1 && i == access.lane_axis) {
      places.stride = axis.stride * access.lane_step;
      low += access.lane_step * (access.lane_step < 0 ? places.end - 1 : places.begin);
      high += access.lane_step * (access.lane_step < 0 ? places.begin : places.end - 1);
    }
    if (low < 0 || high >= axis.extent) {
      fail(cat("access to %", code.kernel->buffers[access.buffer].name, " at ", low, "..", high, " of axis ",
               i, ", which has ", axis.extent, " elements"));
    }
    places.offset += at * axis.stride;
  }
  return places;
}

std::byte* Machine::acc(AccId id, const std::vector<IndexCode>& at) {
  const AccPlace& acc = code.accs[id];
  int64_t element = 0;
  for (size_t i = 0; i < at.size(); ++i) {
    const int64_t index = at[i].value(variables.data());
    if (index < 0 || index >= acc.shape[i]) {
      fail(cat(code.kernel->accumulators[id].name, " at ", index, " of axis ", i, ", which has ",
               acc.shape[i], " elements"));
    }
    element = element * acc.shape[i] + index;
  }
  return frame.data() + acc.slot + static_cast<size_t>(element) * acc.element_bytes;
}

// ---- element types ----

template <typename Fn>
auto with_type(DType dtype, Fn&& fn) {
  switch (kernel_dtype(dtype)) {
    case DType::boolean: return fn(bool());
    case DType::i8: return fn(int8_t());
    case DType::i16: return fn(int16_t());
    case DType::i32: return fn(int32_t());
    case DType::i64: return fn(int64_t());
    case DType::u8: return fn(uint8_t());
    case DType::u16: return fn(uint16_t());
    case DType::u32: return fn(uint32_t());
    case DType::u64: return fn(uint64_t());
    case DType::f32: return fn(float());
    case DType::f64: return fn(double());
    default: break;
  }
  __builtin_unreachable();
}

using Run = void (*)(const Step& step, Machine& machine);

template <typename T, typename R, R (*F)(T)>
void run_unary(const Step& step, Machine& machine) {
  const T* a = machine.slot<T>(step.args[0]);
  R* out = machine.slot<R>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = F(a[lane]);
}

template <typename T, typename R, R (*F)(T, T)>
void run_binary(const Step& step, Machine& machine) {
  const T* a = machine.slot<T>(step.args[0]);
  const T* b = machine.slot<T>(step.args[1]);
  R* out = machine.slot<R>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = F(a[lane], b[lane]);
}

template <typename T>
void run_select(const Step& step, Machine& machine) {
  const bool* predicate = machine.slot<bool>(step.args[0]);
  const T* a = machine.slot<T>(step.args[1]);
  const T* b = machine.slot<T>(step.args[2]);
  T* out = machine.slot<T>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = predicate[lane] ? a[lane] : b[lane];
}

template <typename T>
void run_fma(const Step& step, Machine& machine) {
  const T* a = machine.slot<T>(step.args[0]);
  const T* b = machine.slot<T>(step.args[1]);
  const T* c = machine.slot<T>(step.args[2]);
  T* out = machine.slot<T>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = std::fma(a[lane], b[lane], c[lane]);
}

template <typename T>
void run_splat(const Step& step, Machine& machine) {
  std::fill_n(machine.slot<T>(step.out), step.lanes, *machine.slot<T>(step.args[0]));
}

template <typename T, T (*F)(T, T)>
void run_fold(const Step& step, Machine& machine) {
  T values[kMaxLanes];
  std::copy_n(machine.slot<T>(step.args[0]), step.lanes, values);
  for (int half = step.lanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) values[lane] = F(values[lane], values[lane + half]);
  }
  *machine.slot<T>(step.out) = values[0];
}

template <typename T>
void run_index(const Step& step, Machine& machine) {
  const int64_t first = step.index->value(machine.variables.data());
  T* out = machine.slot<T>(step.out);
  for (int lane = 0; lane < step.lanes; ++lane) out[lane] = static_cast<T>(first + lane * step.lane_step);
}

/// Stored booleans are true if they are not 0: whoever made the array may have used other bytes.
template <typename T>
T read(const std::byte* place) {
  if constexpr (std::is_same_v<T, bool>) return *place != std::byte{0};
  T value;
  std::memcpy(&value, place, sizeof(T));
  return value;
}

/// args[0] holds what lanes not accessed read as.
template <typename T>
void run_load(const Step& step, Machine& machine) {
  const Places places = machine.locate(*step.access);
  const std::byte* buffer = machine.buffers[step.access->buffer] + places.offset;
  T* out = machine.slot<T>(step.out);
  if (places.end - places.begin < step.lanes) std::copy_n(machine.slot<T>(step.args[0]), step.lanes, out);
  for (int lane = places.begin; lane < places.end; ++lane) out[lane] = read<T>(buffer + lane * places.stride);
}

template <typename T>
void run_acc(const Step& step, Machine& machine) {
  std::memcpy(machine.slot<T>(step.out), machine.acc(step.acc, step.at),
              sizeof(T) * static_cast<size_t>(step.lanes));
}

// ---- which function computes an op ----

template <typename T>
Run float_step(Op op) {
  using namespace scalar_ops;
  if constexpr (std::is_floating_point_v<T>) {
    switch (op) {
      case Op::sqrt: return run_unary<T, T, scalar_ops::sqrt<T>>;
      case Op::floor: return run_unary<T, T, scalar_ops::floor<T>>;
      case Op::ceil: return run_unary<T, T, scalar_ops::ceil<T>>;
      case Op::round: return run_unary<T, T, scalar_ops::round<T>>;
      default: break;
    }
  }
  return nullptr;
}

template <typename T>
Run integer_step(Op op) {
  using namespace scalar_ops;
  if constexpr (is_bits<T> && is_arithmetic<T>) {
    switch (op) {
      case Op::rem: return run_binary<T, T, rem<T>>;
      case Op::shl: return run_binary<T, T, shl<T>>;
      case Op::shr: return run_binary<T, T, shr<T>>;
      default: break;
    }
  }
  return nullptr;
}

template <typename T>
Run bit_step(Op op) {
  using namespace scalar_ops;
  if constexpr (is_bits<T>) {
    switch (op) {
      case Op::not_: return run_unary<T, T, not_<T>>;
      case Op::and_: return run_binary<T, T, and_<T>>;
      case Op::or_: return run_binary<T, T, or_<T>>;
      case Op::xor_: return run_binary<T, T, xor_<T>>;
      default: break;
    }
  }
  return nullptr;
}

template <typename T>
Run number_step(Op op) {
  using namespace scalar_ops;
  if constexpr (is_arithmetic<T>) {
    switch (op) {
      case Op::neg: return run_unary<T, T, neg<T>>;
      case Op::abs: return run_unary<T, T, scalar_ops::abs<T>>;
      case Op::add: return run_binary<T, T, add<T>>;
      case Op::sub: return run_binary<T, T, sub<T>>;
      case Op::mul: return run_binary<T, T, mul<T>>;
      case Op::div: return run_binary<T, T, scalar_ops::div<T>>;
      case Op::max: return run_binary<T, T, max<T>>;
      case Op::min: return run_binary<T, T, min<T>>;
      case Op::lt: return run_binary<T, bool, scalar_ops::lt<T>>;
      case Op::le: return run_binary<T, bool, scalar_ops::le<T>>;
      default: break;
    }
  }
  return nullptr;
}

template <typename T>
Run any_step(Op op) {
  switch (op) {
    case Op::eq: return run_binary<T, bool, scalar_ops::eq<T>>;
    case Op::ne: return run_binary<T, bool, scalar_ops::ne<T>>;
    case Op::select: return run_select<T>;
    default: return nullptr;
  }
}

/// `dtype`: of the last argument.
Run apply_step(Op op, DType dtype) {
  return with_type(dtype, [op](auto element) -> Run {
    using T = decltype(element);
    for (const Run run :
         {float_step<T>(op), integer_step<T>(op), bit_step<T>(op), number_step<T>(op), any_step<T>(op)}) {
      if (run != nullptr) return run;
    }
    return nullptr;
  });
}

Run cast_step(DType from, DType to) {
  return with_type(from, [to](auto source) -> Run {
    return with_type(to, [](auto target) -> Run {
      using From = decltype(source);
      using To = decltype(target);
      return run_unary<From, To, scalar_ops::cast<To, From>>;
    });
  });
}

template <typename T>
Run fold_step(Op op) {
  using namespace scalar_ops;
  if constexpr (is_arithmetic<T>) {
    switch (op) {
      case Op::add: return run_fold<T, add<T>>;
      case Op::mul: return run_fold<T, mul<T>>;
      case Op::max: return run_fold<T, max<T>>;
      case Op::min: return run_fold<T, min<T>>;
      default: break;
    }
  }
  if constexpr (is_bits<T>) {
    switch (op) {
      case Op::and_: return run_fold<T, and_<T>>;
      case Op::or_: return run_fold<T, or_<T>>;
      case Op::xor_: return run_fold<T, xor_<T>>;
      default: break;
    }
  }
  return nullptr;
}

// ---- compiling ----

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
      case StmtKind::acc:
      case StmtKind::set:
        code.acc = stmt.acc;
        code.at = indices(stmt.at);
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
    step.run = run_of(expr, step);
    KERATIN_CHECK(step.run != nullptr, cat(kernel_.name, ": no meaning for ", to_text(expr.op)));
    steps.push_back(std::move(step));
    return steps.back().out;
  }

  Run run_of(const Expr& expr, Step& step) {
    const auto pick = [&](auto choose) { return with_type(expr.dtype, choose); };
    switch (expr.kind) {
      case ExprKind::apply:
        return expr.op == Op::cast ? cast_step(expr.args[0]->dtype, expr.dtype)
                                   : apply_step(expr.op, expr.args.back()->dtype);
      case ExprKind::fma: return expr.dtype == DType::f32 ? run_fma<float> : run_fma<double>;
      case ExprKind::splat: return pick([](auto element) -> Run { return run_splat<decltype(element)>; });
      case ExprKind::fold:
        step.lanes = expr.args[0]->lanes;
        return pick([&](auto element) { return fold_step<decltype(element)>(expr.op); });
      case ExprKind::let:
        step.index = std::make_shared<const IndexCode>(index(Index::variable(expr.variable)));
        return run_index<int64_t>;
      case ExprKind::index:
        step.index = std::make_shared<const IndexCode>(index(expr.index));
        step.lane_step = expr.lane_step;
        return pick([](auto element) -> Run { return run_index<decltype(element)>; });
      case ExprKind::load:
        step.access = std::make_shared<const AccessCode>(access(expr.access));
        step.args[0] = constant(expr.number, expr.lanes);
        return pick([](auto element) -> Run { return run_load<decltype(element)>; });
      case ExprKind::acc:
        step.acc = expr.acc;
        step.at = indices(expr.at);
        return pick([](auto element) -> Run { return run_acc<decltype(element)>; });
      case ExprKind::number:
      case ExprKind::bitcast: break;  // make no step
    }
    return nullptr;
  }

  const Kernel& kernel_;
  const Bindings& bindings_;
  KernelCode::Impl& code_;
  std::vector<uint32_t> variable_slots_;
  std::unordered_map<const Expr*, uint32_t> slots_;  // of the current statement
};

// ---- running ----

void Machine::run(const BlockCode& block) {
  for (const StmtCode& stmt : block) run(stmt);
}

void Machine::store(const StmtCode& stmt) {
  const Places places = locate(stmt.access);
  const size_t size = stmt.bytes / static_cast<uint32_t>(stmt.access.lanes);
  std::byte* buffer = buffers[stmt.access.buffer] + places.offset;
  const std::byte* value = frame.data() + stmt.value;
  for (int lane = places.begin; lane < places.end; ++lane) {
    std::memcpy(buffer + lane * places.stride, value + static_cast<size_t>(lane) * size, size);
  }
}

void Machine::run(const StmtCode& stmt) {
  statement = &stmt;
  for (const Step& step : stmt.steps) step.run(step, *this);
  switch (stmt.kind) {
    case StmtKind::for_: {
      const int64_t high = stmt.high.value(variables.data());
      int64_t& variable = variables[stmt.variable];
      for (variable = stmt.low.value(variables.data()); variable < high; variable += stmt.step)
        run(stmt.body);
      break;
    }
    case StmtKind::if_: run(holds(stmt.guard, variables.data()) ? stmt.body : stmt.otherwise); break;
    case StmtKind::let:
      if (stmt.is_index)
        variables[stmt.variable] = *slot<int64_t>(stmt.value);
      else
        std::memmove(frame.data() + stmt.slot, frame.data() + stmt.value, stmt.bytes);
      break;
    case StmtKind::store: store(stmt); break;
    case StmtKind::acc: {
      const AccPlace& place = code.accs[stmt.acc];
      for (int64_t i = 0; i < place.elements; ++i) {
        std::memcpy(frame.data() + place.slot + static_cast<size_t>(i) * stmt.bytes,
                    frame.data() + stmt.value, stmt.bytes);
      }
      break;
    }
    case StmtKind::set: std::memcpy(acc(stmt.acc, stmt.at), frame.data() + stmt.value, stmt.bytes); break;
  }
}

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
