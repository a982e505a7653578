#include "ir/verify.h"

#include <set>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>

#include "ir/error.h"
#include "ir/op.h"
#include "ir/text.h"
#include "ir/text_format.h"

namespace keratin {

namespace {

[[noreturn]] void fail(std::string message) { throw Error(ErrorKind::data, std::move(message)); }

void expect(bool condition, const char* message) {
  if (!condition) fail(message);
}

/// Runs `check`; its error then says where it was: `place`, or what it gives.
template <typename Place, typename Check>
void in(const Place& place, Check check) {
  try {
    check();
  } catch (const Error& error) {
    if constexpr (std::is_invocable_v<Place>)
      throw error.within(place());
    else
      throw error.within(place);
  }
}

/// A module's variables by name.
using Variables = std::unordered_map<std::string_view, const Variable*>;

class Names {
 public:
  explicit Names(const char* kind) : kind_(kind) {}
  void add(const std::string& name) {
    if (!seen_.insert(name).second) fail(cat("two ", kind_, " are called ", quoted(name)));
  }

 private:
  const char* kind_;
  std::set<std::string, std::less<>> seen_;
};

void check_type(const Type& type) {
  for (const Dim dim : type.shape) {
    if (dim.coef < 0) fail(cat("a dimension of ", type, " is negative"));
  }
  if (type.layout.is_row_major()) return;
  if (!type.layout.fits(type.shape)) fail(cat("the layout of ", type, " does not fit its shape"));
}

/// A dimension, those of a shape, those in attributes.
template <typename Visit>
void for_each_dim(Dim dim, Visit visit) {
  visit(dim);
}
template <typename Visit>
void for_each_dim(const Shape& shape, Visit visit) {
  for (const Dim dim : shape) visit(dim);
}
template <typename Visit>
void for_each_dim(const Attrs& attrs, Visit visit) {
  std::visit(
      [&]<typename Struct>(const Struct& fields) {
        const auto look = [&](const auto& value) {
          using Value = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, Dim> || std::is_same_v<Value, Shape>)
            for_each_dim(value, visit);
        };
        std::apply([&](const auto&... field) { (look(fields.*field.member), ...); }, Struct::fields);
      },
      attrs);
}

class FunctionChecker {
 public:
  FunctionChecker(const Variables& variables, const Function& function, bool is_body,
                  std::set<Symbol> symbols = {})
      : variables_(variables), function_(function), is_body_(is_body), symbols_(std::move(symbols)) {
    if (is_body_) return;
    for (const Node* param : function_.params)
      for_each_dim(param->type().shape, [&](Dim dim) { symbols_.insert(dim.symbol.root()); });
    symbols_.insert(Symbol());
  }

  void run() {
    for (size_t i = 0; i < function_.nodes.size(); ++i) {
      const Node& node = *function_.nodes[i];
      in([&] { return cat("node ", i, " (", node.op, node.origin ? cat(", from ", *node.origin) : "", ")"); },
         [&] { check_node(node, i); });
    }
    check_params();
    for (const Result& result : function_.results)
      in(cat("result %", result.name), [&] {
        check_value(result.value);
        check_is_public(result.value.type());
      });
    if (!is_body_) {
      Names names("results");
      for (const Result& result : function_.results) names.add(result.name);
    }
    expect(!is_body_ || function_.updates.empty(), "a region updates a variable");
    Names updated("updated variables");
    for (const Update& update : function_.updates) {
      updated.add(update.variable);
      in(cat("update of @", update.variable), [&] { check_update(update); });
    }
  }

 private:
  void check_value(Value value, size_t before = SIZE_MAX) {
    expect(value.node != nullptr, "a value is missing");
    const size_t index = value.node->index;
    expect(index < function_.nodes.size() && function_.nodes[index].get() == value.node,
           "a value is of another function");
    expect(index < before, "an operand stands after its user");
    expect(value.result < value.node->types.size(), "there is no such result");
  }

  void check_node(const Node& node, size_t index) {
    expect(node.index == index, "its index is not its place");
    expect(node.attrs.index() == default_attrs(node.op).index(), "its attributes are those of another op");
    for (const Value operand : node.operands) check_value(operand, index);
    for (const Type& type : node.types) {
      check_type(type);
      for_each_dim(type.shape, [&](Dim dim) { check_symbol(dim); });
    }
    for_each_dim(node.attrs, [&](Dim dim) { check_symbol(dim); });
    const bool has_region = node.op == Op::scan || node.op == Op::fusion;
    expect((node.body != nullptr) == has_region, has_region ? "it has no region" : "it has a region");
    if (has_region) {
      expect(node.body->name.empty(), "its region has a name");
      FunctionChecker(variables_, *node.body, true, symbols_).run();
    }
    if (node.op == Op::param || node.op == Op::var || node.op == Op::constant) {
      check_leaf(node);
    } else {
      const std::vector<Type> inferred = def_of(node.op).infer.fn(node.operands, node.attrs, node.body.get());
      if (node.types != inferred) {
        fail(cat("found ", join(node.types, ", "), ", expected ", join(inferred, ", ")));
      }
    }
  }

  /// Its value comes from the shapes that the function is called with.
  void check_symbol(Dim dim) {
    if (!symbols_.contains(dim.symbol.root()))
      fail(cat("the dimension ", dim.symbol.name(), " is that of no parameter"));
  }

  void check_leaf(const Node& node) {
    expect(node.operands.empty() && node.types.size() == 1, "it has one result and no operands");
    if (node.op == Op::var) {
      expect(!is_body_, "a region reads a variable");
      check_variable_type(node.as<NameAttrs>().name, node.type());
    } else if (node.op == Op::constant) {
      const auto& constant = node.as<ConstantAttrs>();
      expect(constant.data ? constant.data->type() == node.type() : constant.splat.dtype == node.type().dtype,
             "the constant is not of its type");
    }
  }

  /// Callers pass and get arrays in row-major order; panels are for variables and between nodes.
  void check_is_public(const Type& type) const {
    if (!is_body_ && !type.layout.is_row_major()) fail(cat(type, " is not in row-major order"));
  }

  void check_params() {
    Names names("parameters");
    size_t count = 0;
    for (const auto& node : function_.nodes) {
      if (node->op != Op::param) continue;
      expect(count < function_.params.size() && function_.params[count] == node.get() && node->index == count,
             "parameters stand first, in order");
      names.add(node->as<NameAttrs>().name);
      in(cat("parameter %", node->as<NameAttrs>().name), [&] { check_is_public(node->type()); });
      ++count;
    }
    expect(count == function_.params.size(), "a parameter is of another function");
  }

  const Variable& check_variable_type(const std::string& name, const Type& type) {
    const auto found = variables_.find(name);
    if (found == variables_.end()) fail(cat("there is no variable @", name));
    const Variable& variable = *found->second;
    if (variable.type != type) fail(cat("found ", type, ", but @", name, " is ", variable.type));
    if (variable.role == Role::strings)
      fail(cat("@", name, " is a table of strings, which no function uses"));
    return variable;
  }

  void check_update(const Update& update) {
    check_value(update.value);
    const Variable& variable = check_variable_type(update.variable, update.value.type());
    expect(variable.role != Role::prepared || function_.name == "prepare",
           "only the function prepare updates a prepared variable");
  }

  const Variables& variables_;
  const Function& function_;
  bool is_body_;
  std::set<Symbol> symbols_;  // of the function's parameters, also within bodies
};

void check_names(const Module& module) {
  Names functions("functions");
  for (const Function& function : module.functions) {
    functions.add(function.name);
    expect(!function.name.empty(), "a function has no name");
  }
  Names names("variables");
  for (const Variable& variable : module.variables) {
    names.add(variable.name);
    in(cat("variable @", variable.name), [&] {
      check_type(variable.type);
      if (variable.role == Role::strings)
        expect(variable.type.dtype == DType::u8 && variable.type.rank() == 1 && !variable.trainable,
               "a table of strings is u8, has one axis and is not trained");
      if (variable.data != nullptr &&
          variable.data->type() != Type(variable.type.dtype, variable.type.shape)) {
        fail(cat("its data is ", variable.data->type(), ", expected ", variable.type));
      }
    });
  }
}

/// `checked`: the function that is being looked at.
void check(const Module& module, const Function*& checked) {
  check_names(module);
  Variables variables;
  for (const Variable& variable : module.variables) variables.emplace(variable.name, &variable);
  for (const Function& function : module.functions) {
    checked = &function;
    in(cat("function @", function.name), [&] { FunctionChecker(variables, function, false).run(); });
  }
}

}  // namespace

void check(const Module& module) {
  const Function* checked = nullptr;
  check(module, checked);
}

void verify(const Module& module) {
  const Function* checked = nullptr;
  try {
    check(module, checked);
  } catch (const Error& error) {
    KERATIN_CHECK(false, cat(error.what(), "\n", checked != nullptr ? print(*checked) : std::string()));
  }
}

}  // namespace keratin
