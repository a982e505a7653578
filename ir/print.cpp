// The printer of the text form. Numbers of statements are given as they are printed; where a constant needs a statement
// is found before.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/text.h"
#include "ir/text_format.h"
#include "ir/text_rules.h"

namespace keratin {

namespace {

// Attributes.

template <typename T>
std::string value_text(const T& value) {
  return std::string(to_text(value));
}
std::string value_text(const std::string& value) { return quoted(value); }
std::string value_text(const Ints& values) { return cat("[", join(values, ", "), "]"); }
std::string value_text(const AxisPairs& pairs) {
  return cat(value_text(pairs.lhs), "x", value_text(pairs.rhs));
}

template <typename Struct>
std::string fields_text(const Struct& attrs, const Struct& untold) {
  std::vector<std::string> parts;
  for_each_field<Struct>([&](const auto& field) {
    if (attrs.*field.member != untold.*field.member) {
      parts.push_back(cat(field.name, " = ", value_text(attrs.*field.member)));
    }
  });
  return parts.empty() ? std::string() : cat(" {", join(parts, ", "), "}");
}

/// " {…}", or nothing: the fields that are not what the parser takes them for.
std::string attrs_text(const Node& node) {
  Attrs untold = default_attrs(node.op);
  if (!node.types.empty()) set_told_fields(untold, node.type());
  return std::visit(
      [&](const auto& attrs) { return fields_text(attrs, std::get<std::decay_t<decltype(attrs)>>(untold)); },
      node.attrs);
}

// Data beside the text.

/// Names of arrays, in the order in which they are met; not those of variables.
class DataNames {
 public:
  explicit DataNames(const Module* module) : module_(module) {}

  const std::string& name_of(const std::shared_ptr<const Tensor>& data) {
    auto [place, is_new] = names_.try_emplace(data.get());
    if (is_new) {
      do place->second = cat("c", next_++);
      while (module_ != nullptr && module_->find_variable(place->second) != nullptr);
      store_[place->second] = data;
    }
    return place->second;
  }

  const TensorStore& store() const { return store_; }

 private:
  const Module* module_;
  int64_t next_ = 0;
  std::unordered_map<const Tensor*, std::string> names_;
  TensorStore store_;
};

std::string constant_text(const ConstantAttrs& constant, DataNames& data) {
  if (constant.data == nullptr) return to_text(constant.splat);
  if (!fits_in_text(*constant.data)) return cat("data(", quoted(data.name_of(constant.data)), ")");
  std::vector<std::string> elements;
  for (int64_t i = 0; i < constant.data->elements(); ++i) {
    elements.push_back(element_text(scalar_at(*constant.data, i)));
  }
  return cat("[", join(elements, ", "), "]");
}

// Functions.

class FunctionPrinter {
 public:
  FunctionPrinter(const Function& function, PrintOptions options, DataNames& data, std::string indent)
      : function_(function), options_(options), data_(data), indent_(std::move(indent)) {
    for (const Node* param : function.params)
      names_[param->value()] = cat("%", plain_value_name(param->as<NameAttrs>().name));
    find_constants_with_statement();
  }

  /// "(%x: f32[N]) -> (%out: f32[N]) {", the statements, "}".
  std::string text() {
    std::string out = params_text();
    if (!function_.name.empty()) {
      std::vector<std::string> results;
      for (const Result& result : function_.results) {
        results.push_back(cat("%", plain_value_name(result.name), ": ", result.value.type()));
      }
      out += cat(" -> (", join(results, ", "), ")");
    }
    out += " {\n";
    for (const auto& node : function_.nodes) out += statement(*node);
    return out + cat(indent_, "  ", return_text(), "\n", indent_, "}");
  }

 private:
  std::string params_text() const {
    std::vector<std::string> params;
    for (const Node* param : function_.params)
      params.push_back(cat(names_.at(param->value()), ": ", param->type()));
    return cat("(", join(params, ", "), ")");
  }

  /// A constant has a statement if a reader cannot tell its type, or if nothing reads it.
  void find_constants_with_statement() {
    std::unordered_set<const Node*> read;
    const auto use = [&](Value value, const std::optional<Type>& told) {
      if (value.node->op != Op::constant) return;
      read.insert(value.node);
      if (value.node->as<ConstantAttrs>().data != nullptr || value.type() != told)
        constants_.insert(value.node);
    };
    const auto scalar = [](Value value) { return Type(value.dtype(), {}); };
    for (const auto& node : function_.nodes) {
      for (const Value operand : node->operands) use(operand, literal_type(*node, operand.dtype()));
    }
    for (const Result& result : function_.results) use(result.value, scalar(result.value));
    for (const Update& update : function_.updates) use(update.value, scalar(update.value));
    for (const auto& node : function_.nodes) {
      if (node->op == Op::constant && !read.contains(node.get())) constants_.insert(node.get());
    }
  }

  static Type literal_type(const Node& node, DType dtype) {
    return keratin::literal_type(node.op, node.types.empty() ? Type() : node.type(), dtype);
  }

  std::string operand_text(Value value) const {
    const Node& node = *value.node;
    if (node.op == Op::var) return cat("@", plain_name(node.as<NameAttrs>().name));
    if (node.op == Op::constant && !constants_.contains(&node)) {
      return to_text(node.as<ConstantAttrs>().splat);
    }
    const auto name = names_.find(value);
    return name != names_.end() ? name->second : "%?";  // only the verifier prints what is wrong
  }

  std::string operands_text(const std::vector<Value>& values) const {
    std::vector<std::string> texts;
    for (const Value value : values) texts.push_back(operand_text(value));
    return join(texts, ", ");
  }

  std::string statement(const Node& node) {
    if (node.op == Op::param || node.op == Op::var) return {};
    if (node.op == Op::constant && !constants_.contains(&node)) return {};
    std::string what(to_text(node.op));
    if (node.op == Op::constant) {
      what += cat(" ", constant_text(node.as<ConstantAttrs>(), data_));
    } else if (!node.operands.empty()) {
      what += cat(" ", operands_text(node.operands));
    }
    what += attrs_text(node);
    if (node.body != nullptr)
      what += cat(" ", FunctionPrinter(*node.body, options_, data_, indent_ + "  ").text());

    std::vector<std::string> results;
    for (uint32_t i = 0; i < node.types.size(); ++i) {
      results.push_back(cat("%", next_++));
      names_[node.value(i)] = results.back();
    }
    const std::string origin = options_.origins && node.origin ? cat(" loc(", quoted(*node.origin), ")") : "";
    return cat(indent_, "  ", join(results, ", "), results.empty() ? "" : " = ", what, " : ",
               join(node.types, ", "), origin, "\n");
  }

  std::string return_text() const {
    std::string out = "return";
    std::vector<std::string> results, updates;
    for (const Result& result : function_.results) results.push_back(operand_text(result.value));
    for (const Update& update : function_.updates) {
      updates.push_back(cat("@", plain_name(update.variable), " = ", operand_text(update.value)));
    }
    if (!results.empty()) out += cat(" ", join(results, ", "));
    if (!updates.empty()) out += cat(" updates ", join(updates, ", "));
    return out;
  }

  const Function& function_;
  PrintOptions options_;
  DataNames& data_;
  std::string indent_;
  int64_t next_ = 0;
  std::unordered_map<Value, std::string> names_;
  std::unordered_set<const Node*> constants_;  // those that have a statement
};

std::string print_function(const Function& function, PrintOptions options, DataNames& data,
                           const std::string& indent) {
  return cat(indent, "func @", plain_name(function.name),
             FunctionPrinter(function, options, data, indent).text(), "\n");
}

std::string variable_text(const Variable& variable) {
  std::string out = cat("  var @", plain_name(variable.name), " : ", variable.type);
  if (variable.role != Role::weight) out += cat(" ", to_text(variable.role));
  if (variable.trainable) out += " trainable";
  return out + "\n";
}

std::string print_module(const Module& module, PrintOptions options, DataNames& data) {
  std::string out = cat("module @", plain_name(module.name), " {\n");
  for (const Variable& variable : module.variables) out += variable_text(variable);
  for (const Function& function : module.functions) out += print_function(function, options, data, "  ");
  return out + "}\n";
}

}  // namespace

std::string print(const Module& module, PrintOptions options) {
  DataNames data(&module);
  return print_module(module, options, data);
}

std::string print(const Function& function, PrintOptions options) {
  DataNames data(nullptr);
  return print_function(function, options, data, "");
}

TensorStore collect_data(const Module& module) {
  DataNames data(&module);
  print_module(module, {}, data);
  TensorStore store = data.store();
  for (const Variable& variable : module.variables) {
    if (variable.data != nullptr) store[variable.name] = variable.data;
  }
  return store;
}

}  // namespace keratin
