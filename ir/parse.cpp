// The parser of the text form: recursive descent over the characters, one function per construct. It makes nodes with a
// builder that keeps them as they are, compares the types that the ops' rules infer with those in the text, and leaves
// everything else to check().
#include <map>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/parse_parts.h"
#include "ir/scanner.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "ir/text_rules.h"
#include "ir/verify.h"

namespace keratin {

namespace {

constexpr int kDeepestNesting = 64;

// Functions.

/// What can stand for an operand, before the types are known.
struct Operand {
  Scanner::Place place;
  Value value;                   // or, if empty,
  std::optional<Scalar> number;  // a constant whose shape the op tells
};

struct Param {
  std::string key, name;
  Type type;
};

/// How a value is called in the text, behind the %: a parameter's plain name, a statement's number, or what is in quotes
/// because it looks like neither.
std::string parse_value_key(Scanner& in) {
  const bool in_quotes = in.directly_at('"');
  std::string name = in.name();
  return in_quotes ? plain_value_name(name) : name;
}

class FunctionParser {
 public:
  FunctionParser(Scanner& in, const Module& module, const TensorStore* data, std::string name, int depth)
      : in_(in),
        module_(module),
        data_(data),
        is_region_(name.empty()),
        depth_(depth),
        builder_(std::move(name), Builder::Mode::verbatim) {}

  /// From the parameters to the closing brace.
  Function parse() {
    parse_params();
    std::vector<Param> results;
    if (!is_region_) {
      in_.expect("->");
      results = parse_param_list();
    }
    in_.expect('{');
    while (!in_.accept_word("return")) {
      builder_.set_origin(nullptr);
      parse_statement();
    }
    parse_return(results);
    in_.expect('}');
    return builder_.finish();
  }

 private:
  std::vector<Param> parse_param_list() {
    std::vector<Param> params;
    in_.expect('(');
    if (in_.accept(')')) return params;
    do {
      Param param;
      in_.expect('%');
      param.key = parse_value_key(in_);
      param.name = param.key.starts_with('"') ? *parse_quoted(param.key) : param.key;
      in_.expect(':');
      param.type = parse_type(in_);
      params.push_back(std::move(param));
    } while (in_.accept(','));
    in_.expect(')');
    return params;
  }

  void parse_params() {
    const Scanner::Place start = in_.place();
    for (Param& param : parse_param_list()) {
      const auto [place, is_new] = values_.try_emplace(param.key);
      if (!is_new) in_.fail_at(start, cat("two parameters are called %", param.key));
      place->second = builder_.param(std::move(param.name), std::move(param.type));
    }
  }

  Operand parse_operand() {
    Operand operand{in_.place(), {}, {}};
    if (in_.accept('%')) {
      const std::string key = parse_value_key(in_);
      const auto found = values_.find(key);
      if (found == values_.end()) in_.fail_at(operand.place, cat("there is no value %", key, " yet"));
      operand.value = found->second;
    } else if (in_.accept('@')) {
      operand.value = variable(operand.place, in_.name());
    } else {
      operand.number = in_.number();
    }
    return operand;
  }

  Value variable(Scanner::Place place, const std::string& name) {
    if (is_region_) in_.fail_at(place, "a region reads no variables", "pass it as an operand");
    const Variable* found = module_.find_variable(name);
    if (found == nullptr) in_.fail_at(place, cat("there is no variable @", name));
    Value& value = variables_[name];
    if (!value) value = builder_.var(*found);
    return value;
  }

  std::vector<Operand> parse_operands() {
    std::vector<Operand> operands;
    if (!starts_operand()) return operands;
    do operands.push_back(parse_operand());
    while (in_.accept(','));
    return operands;
  }

  bool starts_operand() { return in_.at('%') || in_.at('@') || in_.at_number(); }

  /// The value of an operand, given the type of the constant that a number would stand for.
  Value resolve(const Operand& operand, const Type& type) {
    if (operand.value) return operand.value;
    Value& value = numbers_[cat(*operand.number, " ", type)];
    if (!value) value = builder_.splat(*operand.number, type);
    return value;
  }

  Value resolve_scalar(const Operand& operand) {
    return resolve(operand, operand.number ? Type(operand.number->dtype, {}) : Type());
  }

  void parse_statement() {
    const Scanner::Place start = in_.place();
    std::vector<std::string> names;
    if (in_.at('%')) {
      do {
        in_.expect('%');
        names.push_back(parse_value_key(in_));
      } while (in_.accept(','));
      in_.expect('=');
    }
    const Scanner::Place op_place = in_.place();
    const std::string_view keyword = in_.word();
    const std::optional<Op> op = parse_op(keyword);
    if (!op || *op == Op::param || *op == Op::var) {
      in_.fail_at(op_place,
                  keyword.empty() ? "expected a statement" : cat("there is no op ", quoted(keyword)));
    }
    const Node* node = *op == Op::constant ? parse_constant() : parse_operation(*op, op_place);
    if (names.size() != node->types.size()) {
      in_.fail_at(start, cat("found ", names.size(), " names, expected ", node->types.size()));
    }
    for (uint32_t i = 0; i < node->types.size(); ++i) {
      if (!values_.emplace(names[i], node->value(i)).second)
        in_.fail_at(start, cat("%", names[i], " is there already"));
    }
  }

  const Node* parse_operation(Op op, Scanner::Place place) {
    const std::vector<Operand> operands = parse_operands();
    const AttrsParser attrs(in_, op);
    std::shared_ptr<const Function> body;
    if (op == Op::scan || op == Op::fusion) body = parse_region();
    in_.expect(':');
    const Scanner::Place types_place = in_.place();
    const std::vector<Type> types =
        body != nullptr && body->results.empty() ? std::vector<Type>() : parse_types(in_);
    parse_origin();

    const Type first = types.empty() ? Type() : types[0];
    std::vector<Value> values;
    for (const Operand& operand : operands) {
      values.push_back(
          resolve(operand, literal_type(op, first, operand.number ? operand.number->dtype : DType::f32)));
    }
    const Node* node = make_node(op, place, std::move(values), attrs.with_told(first), std::move(body));
    if (node->types != types) {
      in_.fail_at(types_place,
                  cat(op, ": found ", join(types, ", "), ", expected ", join(node->types, ", ")));
    }
    return node;
  }

  const Node* make_node(Op op, Scanner::Place place, std::vector<Value> operands, Attrs attrs,
                        std::shared_ptr<const Function> body) {
    try {
      return builder_.make_node(op, std::move(operands), std::move(attrs), std::move(body));
    } catch (const Error& error) {
      throw error.within(in_.text_of(place));
    }
  }

  std::shared_ptr<const Function> parse_region() {
    if (depth_ == kDeepestNesting) in_.fail(cat("regions are nested deeper than ", kDeepestNesting));
    return std::make_shared<const Function>(FunctionParser(in_, module_, data_, {}, depth_ + 1).parse());
  }

  void parse_origin() {
    if (!in_.accept_word("loc")) return;
    in_.expect('(');
    builder_.set_origin(std::make_shared<const std::string>(in_.quoted_text()));
    in_.expect(')');
  }

  const Node* parse_constant() {
    const Scanner::Place start = in_.place();
    if (in_.accept_word("data")) {
      in_.expect('(');
      const std::string name = in_.quoted_text();
      in_.expect(')');
      return with_type([&](const Type& type) { return builder_.constant(data(start, name, type)).node; });
    }
    if (in_.at('[')) {
      const std::vector<std::string_view> elements = parse_elements();
      return with_type(
          [&](const Type& type) { return builder_.constant(array(start, elements, type)).node; });
    }
    const Scalar number = in_.number();
    return with_type([&](const Type& type) {
      if (number.dtype != type.dtype)
        in_.fail_at(start, cat("found ", number, ", expected a number of ", type.dtype));
      return builder_.splat(number, type).node;
    });
  }

  template <typename Make>
  const Node* with_type(Make make) {
    in_.expect(':');
    const Type type = parse_type(in_);
    parse_origin();
    return make(type);
  }

  std::vector<std::string_view> parse_elements() {
    std::vector<std::string_view> elements;
    in_.expect('[');
    if (in_.accept(']')) return elements;
    do elements.push_back(in_.number_text());
    while (in_.accept(','));
    in_.expect(']');
    return elements;
  }

  std::shared_ptr<const Tensor> array(Scanner::Place place, const std::vector<std::string_view>& elements,
                                      const Type& type) {
    if (!type.is_static() || !type.layout.is_row_major() ||
        type.elements() != Size(static_cast<int64_t>(elements.size()))) {
      in_.fail_at(place, cat("found ", elements.size(), " elements for ", type));
    }
    std::vector<int64_t> shape;
    for (const Dim dim : type.shape) shape.push_back(dim.value());
    auto tensor = std::make_shared<Tensor>(type.dtype, std::move(shape));
    for (size_t i = 0; i < elements.size(); ++i) {
      const std::optional<Scalar> element = parse_element(elements[i], type.dtype);
      if (!element) in_.fail_at(place, cat(quoted(elements[i]), " is not a number of ", type.dtype));
      set_scalar(*tensor, static_cast<int64_t>(i), *element);
    }
    return tensor;
  }

  std::shared_ptr<const Tensor> data(Scanner::Place place, const std::string& name, const Type& type) {
    if (data_ == nullptr) in_.fail_at(place, "the file with the data is missing");
    const auto found = data_->find(name);
    if (found == data_->end()) in_.fail_at(place, cat("there is no data ", quoted(name)));
    if (found->second->type() != type) {
      in_.fail_at(place, cat("data ", quoted(name), " is ", found->second->type(), ", expected ", type));
    }
    return found->second;
  }

  void parse_return(const std::vector<Param>& results) {
    const Scanner::Place start = in_.place();
    const std::vector<Operand> values = in_.at_word("updates") ? std::vector<Operand>() : parse_operands();
    if (!is_region_ && values.size() != results.size()) {
      in_.fail_at(start, cat("found ", values.size(), " values, expected ", results.size()));
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const Value value = resolve_scalar(values[i]);
      if (!is_region_ && value.type() != results[i].type) {
        in_.fail_at(values[i].place,
                    cat("found ", value.type(), ", but the function returns ", results[i].type));
      }
      builder_.result(is_region_ ? std::string() : results[i].name, value);
    }
    if (!in_.accept_word("updates")) return;
    do {
      const auto place = in_.place();
      in_.expect('@');
      std::string variable = in_.name();
      for (const Update& update : builder_.updates())
        if (update.variable == variable) in_.fail_at(place, cat("@", variable, " is updated twice"));
      in_.expect('=');
      builder_.update(std::move(variable), resolve_scalar(parse_operand()));
    } while (in_.accept(','));
  }

  Scanner& in_;
  const Module& module_;
  const TensorStore* data_;
  bool is_region_;
  int depth_;
  Builder builder_;
  std::map<std::string, Value, std::less<>> values_;
  std::map<std::string, Value, std::less<>> variables_;
  std::map<std::string, Value, std::less<>> numbers_;
};

// Modules.

Variable parse_variable(Scanner& in, const TensorStore* data) {
  Variable variable;
  in.expect('@');
  variable.name = in.name();
  in.expect(':');
  const Scanner::Place start = in.place();
  variable.type = parse_type(in);
  parse_role(in, variable);
  if (data == nullptr) return variable;
  const auto found = data->find(variable.name);
  if (found == data->end()) return variable;
  variable.data = found->second;
  if (variable.data->type() != Type(variable.type.dtype, variable.type.shape)) {
    in.fail_at(start, cat("the data of @", variable.name, " is ", variable.data->type()));
  }
  return variable;
}

}  // namespace

Module parse_module(std::string_view text, const std::string& file_name, const TensorStore* data) {
  Scanner in(text, file_name);
  Module module;
  if (!in.accept_word("module")) in.fail("expected module");
  in.expect('@');
  module.name = in.name();
  in.expect('{');
  while (!in.accept('}')) {
    if (in.accept_word("var")) {
      module.variables.push_back(parse_variable(in, data));
    } else if (in.accept_word("func")) {
      in.expect('@');
      const Scanner::Place start = in.place();
      std::string name = in.name();
      if (name.empty()) in.fail_at(start, "a function has a name");
      module.functions.push_back(FunctionParser(in, module, data, std::move(name), 0).parse());
    } else {
      in.fail("expected var, func or }");
    }
  }
  if (!in.at_end()) in.fail("expected the end of the file");
  try {
    check(module);
  } catch (const Error& error) {
    throw error.within(file_name);
  }
  return module;
}

}  // namespace keratin
