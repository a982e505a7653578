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
};

class OperationCall;
using OperationFn = Outputs(OperationCall&);

struct OperationDef {
  std::string_view class_name;
  std::string_view operands;  ///< names, separated by blanks: a keyword argument takes the place of its name
  OperationFn* trace;
  std::span<const Arg> params = {};
};

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
  const Operand& operand(size_t i) const;  ///< Throws Error(data) if there are fewer.
  Expr tensor(size_t i) const;             ///< Throws Error(unsupported) if operand i is no tensor.
  /// Operands `first` and the next; one of them may be a number, which becomes a constant of the other's type (a fraction
  /// beside integers makes both floats).
  std::pair<Expr, Expr> pair(size_t first = 0) const;
  [[noreturn]] void fail(std::string message, ErrorKind kind = ErrorKind::unsupported) const;

 private:
  Builder& builder_;
  const Args& args_;
  const std::vector<Operand>& operands_;
};

}  // namespace keratin
