// The only way to make nodes.
//
// make() checks the operands, infers the result types, folds constants, applies the local identities of ir/fold.cpp and
// returns an existing node if an equal one is there: common subexpressions cannot arise. What is not reached from the
// results is left out by finish().
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace keratin {

class Builder {
 public:
  enum class Mode {
    fold,     ///< fold, simplify, share, drop the unreached
    verbatim  ///< every make() is a new node and all are kept: the parser's mode
  };
  explicit Builder(std::string function_name = {}, Mode mode = Mode::fold);
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  /// All parameters come before the first other node.
  Value param(std::string name, Type type);
  Value var(std::string name, Type type);
  Value var(const Variable& variable) { return var(variable.name, variable.type); }
  Value constant(Scalar splat, Shape shape = {});
  Value constant(DType dtype, double splat, Shape shape = {});
  Value constant(std::shared_ptr<const Tensor> data);
  /// `number` in every element, in any layout. Requires: number.dtype == type.dtype.
  Value splat(Scalar number, Type type);
  /// The constant `splat` with the type of `like`, its layout included.
  Value constant_like(Value like, double splat);

  /// The node for op(operands): throws Error(data), naming op and origin, if they do not fit. Shared, but as it is: folding
  /// and identities are for make(), since they may give a value that is not the first of its node.
  const Node* make_node(Op op, std::vector<Value> operands, Attrs attrs = NoAttrs{},
                        std::shared_ptr<const Function> body = nullptr);
  /// The first result of op(operands), simplified.
  Value make(Op op, std::vector<Value> operands, Attrs attrs = NoAttrs{},
             std::shared_ptr<const Function> body = nullptr);

  // Shorthands for what is written often. No implicit broadcasting: shapes must agree.
  Value neg(Value x) { return make(Op::neg, {x}); }
  Value exp(Value x) { return make(Op::exp, {x}); }
  Value add(Value a, Value b) { return make(Op::add, {a, b}); }
  Value sub(Value a, Value b) { return make(Op::sub, {a, b}); }
  Value mul(Value a, Value b) { return make(Op::mul, {a, b}); }
  Value div(Value a, Value b) { return make(Op::div, {a, b}); }
  Value max(Value a, Value b) { return make(Op::max, {a, b}); }
  Value min(Value a, Value b) { return make(Op::min, {a, b}); }
  Value lt(Value a, Value b) { return make(Op::lt, {a, b}); }
  Value le(Value a, Value b) { return make(Op::le, {a, b}); }
  Value eq(Value a, Value b) { return make(Op::eq, {a, b}); }
  Value select(Value predicate, Value a, Value b) { return make(Op::select, {predicate, a, b}); }
  Value cast(Value x, DType to);            ///< `x` itself if it has the dtype already
  Value reduce(Op op, Value x, Ints axes);  ///< `x` itself if `axes` is empty
  Value reshape(Value x, Shape shape);
  Value transpose(Value x, Ints perm);
  Value broadcast(Value x, Ints dims, Shape shape);
  Value slice(Value x, Ints start, Shape limit, Ints stride = {});
  Value pad(Value x, Value fill, Ints low, Ints high, Ints interior = {});
  Value concat(std::vector<Value> parts, int64_t axis);

  void result(std::string name, Value value);
  /// The variable takes `value` when the function returns; a later call for the same variable replaces an earlier one.
  void update(std::string variable, Value value);
  const std::vector<Update>& updates() const { return function_.updates; }

  /// The function built so far. The builder is empty afterwards.
  Function finish();

  /// What new nodes are said to come from.
  void set_origin(Origin origin) { origin_ = std::move(origin); }
  const Origin& origin() const { return origin_; }
  Mode mode() const { return mode_; }

 private:
  Node infer(Op op, std::vector<Value> operands, Attrs attrs, std::shared_ptr<const Function> body) const;
  const Node* intern(Node node);

  Mode mode_;
  Function function_;
  Origin origin_;
  std::unordered_multimap<size_t, const Node*> shared_;  // hash of (op, operands, attrs, body) to node
};

/// The constant behind a value, or null.
const ConstantAttrs* as_constant(Value value);
/// True if `value` is a constant written as one number for all elements, and it is `number` (-0 is not 0).
bool is_splat(Value value, double number);

}  // namespace keratin
