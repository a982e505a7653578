#include "frontend/operation.h"

#include "frontend/activations.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

const Operand& OperationCall::operand(size_t i) const {
  if (i >= operands_.size())
    fail(cat("has ", operands_.size(), " operands, expected at least ", i + 1), ErrorKind::data);
  return operands_[i];
}

Expr OperationCall::tensor(size_t i) const {
  const Operand& found = operand(i);
  if (!found.tensor.value) fail(cat("its operand ", i, " is no tensor"));
  return found.tensor.value;
}

std::pair<Expr, Expr> OperationCall::pair(size_t first) const {
  const Operand& a = operand(first);
  const Operand& b = operand(first + 1);
  if (a.tensor.value && b.tensor.value) return {a.tensor.value, b.tensor.value};
  const Operand& tensor = a.tensor.value ? a : b;
  const Operand& other = a.tensor.value ? b : a;
  if (!tensor.tensor.value || other.data == nullptr || !other.data->is_number())
    fail("operands must be tensors, or a tensor and a number");
  const bool is_fraction = other.data->kind() == Json::Kind::real;
  const Expr x = is_fraction || tensor.tensor.value.dtype() == DType::boolean ? to_float(tensor.tensor.value)
                                                                              : tensor.tensor.value;
  const Expr constant = number(x, other.data->as_double());
  return a.tensor.value ? std::pair(x, constant) : std::pair(constant, x);
}

void OperationCall::fail(std::string message, ErrorKind kind) const {
  throw Error(kind, std::move(message), args_.where());
}

std::optional<size_t> operand_position(const OperationDef& def, std::string_view keyword) {
  std::string_view rest = def.operands;
  for (size_t position = 0; !rest.empty(); ++position) {
    const size_t blank = rest.find(' ');
    if (rest.substr(0, blank) == keyword || (keyword == "y" && position == 1)) return position;
    rest = blank == std::string_view::npos ? std::string_view() : rest.substr(blank + 1);
  }
  return std::nullopt;
}

Outputs call_operation_def(const OperationDef& def, Builder& builder, const Json& config,
                           const std::vector<Operand>& operands, const std::string& origin,
                           const std::string& where) {
  const Origin outer = builder.origin();
  builder.set_origin(std::make_shared<const std::string>(origin));
  try {
    const Args args(def.params, config, where);
    OperationCall call(builder, args, operands);
    Outputs outputs = def.trace(call);
    for (const Traced& output : outputs) of_sane_size(output.value);
    builder.set_origin(outer);
    return outputs;
  } catch (const Error& error) {
    if (error.where() == where) throw;
    throw Error(error.kind(), error.message(), where, error.hint());
  }
}

}  // namespace keratin
