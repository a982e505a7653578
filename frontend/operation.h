// Operation nodes: what `x + y`, `x[:, 0]` and keras.ops calls leave in a functional model.
//
// An operation is a table row like a layer: the names of its operands, its static parameters, and a function. Operands
// are tensors, Python numbers or lists, so the function gets them as a tree.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontend/args.h"
#include "frontend/layer.h"

namespace keratin {

/// An argument of a call: a tensor, a list, or plain data.
struct Operand {
  Traced tensor;               ///< none if it is no tensor
  std::vector<Operand> items;  ///< if it is a list
  const Json* data = nullptr;  ///< if it is no tensor: what the file says
  std::string keyword = {};    ///< its name, where a row takes any keywords
};

class OperationCall;
using OperationFn = Outputs(OperationCall&);

struct OperationDef {
  std::string_view class_name;
  /// Names, separated by blanks: a keyword argument takes the place of its name. Behind "*" there may be any number, behind "**" of
  /// keywords that are no names.
  std::string_view operands;
  OperationFn* trace;
  std::span<const Arg> params = {};
  std::string_view refusal = {};  ///< why the class cannot be compiled; then there is no function
};

/// The row of a class that is known, but cannot be compiled.
constexpr OperationDef refused(std::string_view class_name, std::string_view reason) {
  return {.class_name = class_name, .operands = "*", .trace = nullptr, .refusal = reason};
}

/// How many operands have names.
size_t named_operands(const OperationDef& def);

/// The row of a class of keras.ops, or null.
const OperationDef* find_operation_def(std::string_view class_name);

/// The place of the operand that a keyword argument stands for. Keras 2 calls the second one "y".
std::optional<size_t> operand_position(const OperationDef& def, std::string_view keyword);

/// Traces an operation. `origin` is the nodes', `where` is put into errors.
Outputs call_operation_def(const OperationDef& def, Builder& builder, const Json& config,
                           const std::vector<Operand>& operands, const std::string& origin,
                           const std::string& where);

/// One call of one operation, as its function sees it.
class OperationCall {
 public:
  OperationCall(Builder& builder, const Args& args, const std::vector<Operand>& operands)
      : builder_(builder), args_(args), operands_(operands) {}

  Builder& builder() { return builder_; }
  const Args& args() const { return args_; }
  size_t count() const { return operands_.size(); }
  bool has(size_t i) const;                ///< there is an operand i, and it is not None
  const Operand& operand(size_t i) const;  ///< Throws Error(data) if there are fewer.
  /// Operand i; a number or an array in the file becomes a constant. Throws Error(unsupported) if it is neither.
  Expr tensor(size_t i) const;
  Expr real(size_t i) const { return to_float(tensor(i)); }
  /// The items of operand i, a list.
  std::vector<Expr> tensors(size_t i) const;
  /// Operands `first` and the next; one of them may be a number, which becomes a constant of the other's type (a fraction
  /// beside integers makes both floats).
  std::pair<Expr, Expr> pair(size_t first = 0) const;
  /// The same, both as floats of one dtype.
  std::pair<Expr, Expr> real_pair(size_t first = 0) const;
  /// `x` and what the file says beside it: a number takes the type of `x`, as in pair().
  std::pair<Expr, Expr> beside(const Expr& x, const Json& data) const;
  /// Numbers in nested lists, or a serialized array.
  Expr constant(const Json& data) const;
  /// Whether a parameter is None where that is not its default.
  bool is_none(std::string_view param) const {
    return args_.config().has(param) && args_.config()[param].is_null();
  }
  /// The dtype that a parameter names, or `otherwise` if it is null.
  DType dtype(std::string_view param, DType otherwise) const;
  [[noreturn]] void fail(std::string message, ErrorKind kind = ErrorKind::unsupported,
                         std::string_view hint = {}) const;

 private:
  Builder& builder_;
  const Args& args_;
  const std::vector<Operand>& operands_;
};

}  // namespace keratin
