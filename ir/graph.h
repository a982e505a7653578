// The graph: modules of variables and functions, functions of nodes.
//
// A function is a list of nodes in an order in which every operand stands before its users. It is built once, by a
// Builder, and never changes; a pass builds a new one (see ir/rebuild.h). Everything is pure: a random op computes its
// bits from a key and a counter, and a variable's new value is listed in `updates`, to be stored when the function
// returns, so every read within the function sees the old value.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/attrs.h"
#include "ir/type.h"

namespace keratin {

enum class Op : uint8_t {
#define OP(name, family) name,
#include "ir/ops.def"
#undef OP
};

enum class Family : uint8_t {
  structure,
  pointwise,
  reduce,
  contract,
  window,
  shape,
  index,
  loop,
  order,
  random,
  ranks,
  calculus,
  fused
};

std::string_view to_text(Op op);  ///< the keyword of the text form: "add", "and", …
std::optional<Op> parse_op(std::string_view keyword);
Family family_of(Op op);
/// The attributes of `op` with default values: says which struct the op has.
Attrs default_attrs(Op op);
inline constexpr int kOpCount = 0
#define OP(name, family) +1
#include "ir/ops.def"
#undef OP
    ;

struct Node;
struct Function;

/// One result of one node.
struct Value {
  const Node* node = nullptr;
  uint32_t result = 0;

  const Type& type() const;
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  int64_t rank() const { return type().rank(); }
  explicit operator bool() const { return node != nullptr; }
  bool operator==(const Value&) const = default;
};

/// Where a node comes from in the user's model: the layers around it, outermost first, "encoder/block_1/dense".
/// Shared, because thousands of nodes have the same one; null if unknown.
using Origin = std::shared_ptr<const std::string>;

struct Node {
  Op op;
  uint32_t index;  ///< place in the function; printed as %index
  std::vector<Value> operands;
  std::vector<Type> types;  ///< one per result
  Attrs attrs;
  std::shared_ptr<const Function>
      body;  ///< scan, fusion: what runs inside; its params stand for the operands
  Origin origin;

  template <typename T>
  const T& as() const {
    return std::get<T>(attrs);
  }
  Value value(uint32_t result = 0) const { return {this, result}; }
  const Type& type() const { return types[0]; }
};

inline const Type& Value::type() const { return node->types[result]; }

struct Result {
  std::string name;  ///< means nothing in the body of a scan or fusion
  Value value;
};
/// `variable` takes `value` when the function returns.
struct Update {
  std::string variable;
  Value value;
  bool operator==(const Update&) const = default;
};

struct Function {
  std::string name;                          ///< empty for the body of a scan or fusion
  std::vector<std::unique_ptr<Node>> nodes;  ///< topological order; params first, in order
  std::vector<const Node*> params;
  std::vector<Result> results;
  std::vector<Update> updates;

  Function() = default;
  Function(Function&&) = default;
  Function& operator=(Function&&) = default;
};

/// What a variable is for.
enum class Role : uint8_t {
  weight,    ///< read from the model file; trained if `trainable`
  state,     ///< lives from call to call: statistics, slots, counters, recurrent state
  prepared,  ///< computed from other variables by the function `prepare`
  strings,   ///< no number of the model: how strings become an input (ir/string_table.h)
};

struct Variable {
  std::string name;  ///< the path within the model, "dense/kernel"
  Type type;
  Role role = Role::weight;
  bool trainable = false;
  std::shared_ptr<const Tensor> data;  ///< initial value in logical, row-major order; null: not known here
};

/// Variables by name and functions by name, in order of definition.
struct Module {
  std::string name;
  std::vector<Variable> variables;
  std::vector<Function> functions;

  Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;

  const Variable* find_variable(std::string_view name) const;
  const Function* find_function(std::string_view name) const;
  const Function& function(std::string_view name) const;  ///< Throws Error(data) that lists the functions.
};

/// True if both compute the same: node by node, in order, with equal types, attributes and operands. Reads of variables
/// and constants are compared where they are used; where nodes come from does not matter.
bool equal(const Function& a, const Function& b);
bool equal(const Module& a, const Module& b);

/// A deep copy; nodes are new, bodies and data are shared.
Function clone(const Function& function);
Module clone(const Module& module);

}  // namespace keratin

template <>
struct std::hash<keratin::Value> {
  size_t operator()(const keratin::Value& v) const noexcept {
    return std::hash<const void*>()(v.node) * 31 + v.result;
  }
};
