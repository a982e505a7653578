#include "ir/graph.h"

#include <array>
#include <unordered_map>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

// The table of ops.

namespace {

struct OpInfo {
  std::string_view name;
  Family family;
};

/// The keyword of an enumerator: those that C++ reserves end in an underscore.
constexpr std::string_view keyword(std::string_view enumerator) {
  return enumerator.back() == '_' ? enumerator.substr(0, enumerator.size() - 1) : enumerator;
}

constexpr std::array<OpInfo, kOpCount> kOps{{
#define OP(name, family) {keyword(#name), Family::family},
#include "ir/ops.def"
#undef OP
}};

}  // namespace

std::string_view to_text(Op op) { return kOps[static_cast<size_t>(op)].name; }
Family family_of(Op op) { return kOps[static_cast<size_t>(op)].family; }

std::optional<Op> parse_op(std::string_view keyword) {
  for (size_t i = 0; i < kOps.size(); ++i) {
    if (kOps[i].name == keyword) return static_cast<Op>(i);
  }
  return std::nullopt;
}

Attrs default_attrs(Op op) {
  switch (op) {
    case Op::param:
    case Op::var: return NameAttrs{};
    case Op::constant: return ConstantAttrs{};
    case Op::cast: return CastAttrs{};
    case Op::reduce_sum:
    case Op::reduce_prod:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::reduce_and:
    case Op::reduce_or:
    case Op::argmax:
    case Op::argmin:
    case Op::reverse: return AxesAttrs{};
    case Op::dot: return DotAttrs{};
    case Op::conv: return ConvAttrs{};
    case Op::winograd: return WinogradAttrs{};
    case Op::pool_max:
    case Op::pool_sum:
    case Op::pool_max_grad: return WindowAttrs{};
    case Op::reshape: return ShapeAttrs{};
    case Op::transpose: return TransposeAttrs{};
    case Op::broadcast: return BroadcastAttrs{};
    case Op::slice: return SliceAttrs{};
    case Op::pad: return PadAttrs{};
    case Op::concat:
    case Op::dynamic_update_slice:
    case Op::cumsum:
    case Op::cumprod: return AxisAttrs{};
    case Op::dynamic_slice: return DynamicSliceAttrs{};
    case Op::iota: return IotaAttrs{};
    case Op::dim_size: return DimAttrs{};
    case Op::relayout: return LayoutAttrs{};
    case Op::gather:
    case Op::scatter_add: return GatherAttrs{};
    case Op::scan: return ScanAttrs{};
    case Op::sort:
    case Op::top_k: return SortAttrs{};
    case Op::random_bits: return RandomAttrs{};
    case Op::all_reduce: return AllReduceAttrs{};
    default: return NoAttrs{};
  }
}

// Modules.

const Variable* Module::find_variable(std::string_view wanted) const {
  for (const Variable& variable : variables) {
    if (variable.name == wanted) return &variable;
  }
  return nullptr;
}

const Function* Module::find_function(std::string_view wanted) const {
  for (const Function& function : functions) {
    if (function.name == wanted) return &function;
  }
  return nullptr;
}

const Function& Module::function(std::string_view wanted) const {
  if (const Function* found = find_function(wanted)) return *found;
  std::vector<std::string> names;
  for (const Function& function : functions) names.push_back(function.name);
  throw Error(ErrorKind::data, cat("there is no function ", quoted(wanted)), name,
              names.empty() ? "the module has no functions" : cat("the functions are ", join(names, ", ")));
}

// Comparing.

namespace {

bool is_leaf(const Node& node) { return node.op == Op::var || node.op == Op::constant; }

/// The places of the nodes that are not leaves, counted in order; by node index.
std::vector<size_t> places(const Function& function, size_t& count) {
  std::vector<size_t> place(function.nodes.size());
  count = 0;
  for (const auto& node : function.nodes) {
    if (!is_leaf(*node)) place[node->index] = count++;
  }
  return place;
}

struct Comparison {
  std::vector<size_t> place_a, place_b;

  bool same(Value a, Value b) const {
    if (a.result != b.result || a.node->op != b.node->op) return false;
    if (is_leaf(*a.node)) return a.node->types == b.node->types && a.node->attrs == b.node->attrs;
    return place_a[a.node->index] == place_b[b.node->index];
  }

  bool same(const Node& a, const Node& b) const {
    if (a.op != b.op || a.types != b.types || a.attrs != b.attrs || a.operands.size() != b.operands.size())
      return false;
    for (size_t i = 0; i < a.operands.size(); ++i) {
      if (!same(a.operands[i], b.operands[i])) return false;
    }
    if (a.body == nullptr || b.body == nullptr) return a.body == b.body;
    return a.body == b.body || equal(*a.body, *b.body);
  }
};

}  // namespace

bool equal(const Function& a, const Function& b) {
  size_t count_a, count_b;
  const Comparison compare{places(a, count_a), places(b, count_b)};
  if (a.name != b.name || count_a != count_b || a.params.size() != b.params.size() ||
      a.results.size() != b.results.size() || a.updates.size() != b.updates.size()) {
    return false;
  }
  for (size_t i = 0, j = 0; count_a > 0; ++i, ++j, --count_a) {
    while (is_leaf(*a.nodes[i])) ++i;
    while (is_leaf(*b.nodes[j])) ++j;
    if (!compare.same(*a.nodes[i], *b.nodes[j])) return false;
  }
  for (size_t i = 0; i < a.results.size(); ++i) {
    const bool named = !a.name.empty();
    if ((named && a.results[i].name != b.results[i].name) ||
        !compare.same(a.results[i].value, b.results[i].value))
      return false;
  }
  for (size_t i = 0; i < a.updates.size(); ++i) {
    if (a.updates[i].variable != b.updates[i].variable ||
        !compare.same(a.updates[i].value, b.updates[i].value)) {
      return false;
    }
  }
  return true;
}

bool equal(const Module& a, const Module& b) {
  if (a.name != b.name || a.variables.size() != b.variables.size() ||
      a.functions.size() != b.functions.size()) {
    return false;
  }
  for (size_t i = 0; i < a.variables.size(); ++i) {
    const Variable &x = a.variables[i], &y = b.variables[i];
    if (x.name != y.name || x.type != y.type || x.role != y.role || x.trainable != y.trainable) return false;
    if (x.data != y.data && (x.data == nullptr || y.data == nullptr || *x.data != *y.data)) return false;
  }
  for (size_t i = 0; i < a.functions.size(); ++i) {
    if (!equal(a.functions[i], b.functions[i])) return false;
  }
  return true;
}

// Copying.

Function clone(const Function& function) {
  Function copy;
  copy.name = function.name;
  const auto mapped = [&](Value value) { return Value{copy.nodes[value.node->index].get(), value.result}; };
  for (const auto& node : function.nodes) {
    auto twin = std::make_unique<Node>(*node);
    for (Value& operand : twin->operands) operand = mapped(operand);
    copy.nodes.push_back(std::move(twin));
  }
  for (const Node* param : function.params) copy.params.push_back(copy.nodes[param->index].get());
  for (const Result& result : function.results) copy.results.push_back({result.name, mapped(result.value)});
  for (const Update& update : function.updates)
    copy.updates.push_back({update.variable, mapped(update.value)});
  return copy;
}

Module clone(const Module& module) {
  Module copy;
  copy.name = module.name;
  copy.variables = module.variables;
  for (const Function& function : module.functions) copy.functions.push_back(clone(function));
  return copy;
}

}  // namespace keratin
