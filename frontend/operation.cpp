#include "frontend/operation.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

/// The numbers of nested lists, and how they are nested.
struct Numbers {
  std::vector<double> values;
  std::vector<int64_t> shape;
  bool all_integers = true, all_booleans = true;

  /// False if it is no array of numbers.
  bool add(const Json& data, size_t depth = 0) {
    if (!data.is_array()) {
      const bool is_boolean = data.kind() == Json::Kind::boolean;
      if (depth != shape.size() || (!data.is_number() && !is_boolean)) return false;
      all_booleans = all_booleans && is_boolean;
      all_integers = all_integers && data.kind() != Json::Kind::real;
      values.push_back(is_boolean ? data.as_bool() : data.as_double());
      return true;
    }
    const auto count = static_cast<int64_t>(data.size());
    if (depth == shape.size() && values.empty()) shape.push_back(count);
    if (depth >= shape.size() || shape[depth] != count) return false;
    return std::all_of(data.items().begin(), data.items().end(),
                       [&](const Json& item) { return add(item, depth + 1); });
  }
  DType dtype() const {
    return values.empty() ? DType::f32
           : all_booleans ? DType::boolean
           : all_integers ? DType::i32
                          : DType::f32;
  }
};

bool is_number(const Operand& operand) {
  return !operand.tensor.value && operand.data != nullptr &&
         (operand.data->is_number() || operand.data->kind() == Json::Kind::boolean);
}

/// Python's numbers have no width, and numpy's have 64 bits unless someone asks for less: Keras computes with 32.
DType at_most_32_bits(DType dtype) {
  switch (dtype) {
    case DType::f64: return DType::f32;
    case DType::i64: return DType::i32;
    case DType::u64: return DType::u32;
    default: return dtype;
  }
}

}  // namespace

size_t named_operands(const OperationDef& def) {
  const std::string_view names = def.operands;
  const auto words = names.empty() ? 0 : 1 + std::count(names.begin(), names.end(), ' ');
  return static_cast<size_t>(words - names.ends_with('*'));
}

bool OperationCall::has(size_t i) const {
  if (i >= operands_.size()) return false;
  const Operand& operand = operands_[i];
  return operand.tensor.value || !operand.items.empty() ||
         (operand.data != nullptr && !operand.data->is_null());
}

const Operand& OperationCall::operand(size_t i) const {
  if (i >= operands_.size())
    fail(cat("has ", operands_.size(), " operands, expected at least ", i + 1), ErrorKind::data);
  return operands_[i];
}

Expr OperationCall::constant(const Json& data) const {
  const Json* value = &data;
  std::optional<DType> dtype;
  if (data.is_object() && data.has("config")) {  // __tensor__ and __numpy__
    value = &data["config"]["value"];
    dtype = at_most_32_bits(read_dtype(data["config"]["dtype"], args_.where()));
  }
  Numbers numbers;
  if (!numbers.add(*value)) fail("an operand is neither a tensor nor an array of numbers");
  auto array = std::make_shared<Tensor>(dtype.value_or(numbers.dtype()), numbers.shape);
  for (size_t i = 0; i < numbers.values.size(); ++i) array->set(static_cast<int64_t>(i), numbers.values[i]);
  return {builder_, builder_.constant(std::move(array))};
}

Expr OperationCall::tensor(size_t i) const {
  const Operand& found = operand(i);
  if (found.tensor.value) return found.tensor.value;
  if (found.data == nullptr || found.data->is_null()) fail(cat("its operand ", i, " is None"));
  return constant(*found.data);
}

std::vector<Expr> OperationCall::tensors(size_t i) const {
  std::vector<Expr> parts;
  for (const Operand& item : operand(i).items)
    parts.push_back(item.tensor.value ? item.tensor.value : constant(*item.data));
  if (parts.empty()) fail("is called with an empty list", ErrorKind::data);
  return parts;
}

std::pair<Expr, Expr> OperationCall::beside(const Expr& x, const Json& data) const {
  const bool is_boolean = data.kind() == Json::Kind::boolean;
  if (!data.is_number() && !is_boolean) return {x, constant(data)};
  const bool is_fraction = data.kind() == Json::Kind::real;
  const Expr like = is_fraction                                  ? to_float(x)
                    : x.dtype() == DType::boolean && !is_boolean ? cast(x, DType::i32)
                                                                 : x;
  return {like, number(like, is_boolean ? data.as_bool() : data.as_double())};
}

std::pair<Expr, Expr> OperationCall::pair(size_t first) const {
  const Operand& a = operand(first);
  const Operand& b = operand(first + 1);
  if (is_number(b)) return beside(tensor(first), *b.data);
  if (!is_number(a)) return {tensor(first), tensor(first + 1)};
  const auto [x, constant] = beside(tensor(first + 1), *a.data);
  return {constant, x};
}

std::pair<Expr, Expr> OperationCall::real_pair(size_t first) const {
  const auto [a, b] = pair(first);
  const DType common = promote(a.dtype(), b.dtype()), dtype = is_float(common) ? common : DType::f32;
  return {cast(a, dtype), cast(b, dtype)};
}

DType OperationCall::dtype(std::string_view param, DType otherwise) const {
  const Json& given = args_.json(param);
  return given.is_null() ? otherwise : read_dtype(given, args_.where());
}

void OperationCall::fail(std::string message, ErrorKind kind, std::string_view hint) const {
  throw Error(kind, std::move(message), args_.where(), std::string(hint));
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
    if (!def.operands.ends_with('*') && operands.size() > named_operands(def))
      throw Error(ErrorKind::data, cat("has ", operands.size(), " operands, expected ", named_operands(def)),
                  where);
    const Args args(def.params, config, where);
    OperationCall call(builder, args, operands);
    Outputs outputs = def.trace(call);
    for (const Traced& output : outputs) of_sane_size(output.value);
    builder.set_origin(outer);
    return outputs;
  } catch (Error& error) {
    error.move_to(where);
    throw;
  }
}

}  // namespace keratin
