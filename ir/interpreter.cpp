// The reference interpreter: a function's nodes one after the other, each by its op's own eval rule.
//
// Nothing here is clever: it is what every other way of running a module is tested against. A node's results
// are dropped after their last use. Variables are read in place; new values are stored after the whole call
// has succeeded, so a failed call changes nothing.
#include <algorithm>
#include <map>
#include <string>

#include "ir/array.h"
#include "ir/differentiate.h"
#include "ir/error.h"
#include "ir/executor.h"
#include "ir/op.h"
#include "ir/text.h"

namespace keratin {
namespace {

using Variables = std::map<std::string, Array, std::less<>>;

template <Rounding kRounding>
std::vector<Array> run_region(const Function& body, std::vector<Array> params, const EvalContext& context);

/// The node's results: wrapped integers, floats rounded where that is asked for.
template <Rounding kRounding>
std::vector<Array> results_of(const Node& node, std::span<const Array* const> operands,
                              const Bindings& bindings, Ranks* ranks) {
  std::vector<Array> results;
  for (const Type& type : node.types) results.push_back(make_array(type, bindings));
  def_of(node.op).eval.fn(EvalContext{node, bindings, ranks, run_region<kRounding>}, operands, results);
  for (Array& result : results)
    if (kRounding == Rounding::every_result || !is_float(result.dtype)) round_elements(result);
  return results;
}

/// The arrays of one run of a function.
template <Rounding kRounding>
class Frame {
 public:
  Frame(const Function& function, std::vector<Array> params, const Variables& variables,
        const Bindings& bindings, Ranks* ranks)
      : function_(function),
        variables_(variables),
        bindings_(bindings),
        ranks_(ranks),
        results_(function.nodes.size()),
        uses_(function.nodes.size(), 0) {
    KERATIN_CHECK(params.size() == function.params.size(), cat("run of ", function.name));
    for (size_t i = 0; i < params.size(); ++i)
      results_[function.params[i]->index].push_back(std::move(params[i]));
    for (const auto& node : function.nodes)
      for (Value operand : node->operands) ++uses_[operand.node->index];
    for (const Result& result : function.results) ++uses_[result.value.node->index];
    for (const Update& update : function.updates) ++uses_[update.value.node->index];
  }

  void run() {
    for (const auto& node : function_.nodes) {
      if (node->op == Op::param || node->op == Op::var) continue;
      std::vector<const Array*> operands;
      for (Value operand : node->operands) operands.push_back(&at(operand));
      results_[node->index] = results_of<kRounding>(*node, operands, bindings_, ranks_);
      for (Value operand : node->operands)
        if (--uses_[operand.node->index] == 0) results_[operand.node->index].clear();
    }
  }

  const Array& at(Value value) const {
    const Node& node = *value.node;
    return node.op == Op::var ? variables_.at(node.as<NameAttrs>().name) : results_[node.index][value.result];
  }

 private:
  const Function& function_;
  const Variables& variables_;
  const Bindings& bindings_;
  Ranks* ranks_;
  std::vector<std::vector<Array>> results_;  // by node
  std::vector<size_t> uses_;                 // by node; how many are still to come
};

/// The region of a scan or fusion.
template <Rounding kRounding>
std::vector<Array> run_region(const Function& body, std::vector<Array> params, const EvalContext& context) {
  const Variables none;
  Frame<kRounding> frame(body, std::move(params), none, context.bindings, context.ranks);
  frame.run();
  std::vector<Array> results;
  for (const Result& result : body.results) results.push_back(frame.at(result.value));
  return results;
}

[[noreturn]] void fail_to_fit(const Tensor& tensor, const Type& type, const Bindings& bindings,
                              const std::string& where) {
  std::vector<std::string> known;
  for (Dim dim : type.shape)
    if (!dim.is_static() && is_known(dim, bindings))
      known.push_back(cat(dim.symbol.name(), " = ", value_of(dim.symbol, bindings)));
  throw Error(ErrorKind::data,
              cat("found ", to_text(tensor.type()), ", expected ", to_text(type),
                  known.empty() ? "" : " with ", join(known, ", ")),
              where);
}

/// Throws Error(data) unless `tensor` has the dtype and, under `bindings`, the shape of `type`.
void expect_fits(const Tensor& tensor, const Type& type, const Bindings& bindings, const std::string& where) {
  bool fits = tensor.dtype() == type.dtype && tensor.rank() == type.rank();
  for (int64_t axis = 0; fits && axis < type.rank(); ++axis) {
    const Dim dim = type.shape[axis];
    fits = is_known(dim, bindings) && tensor.shape()[axis] == dim.value(bindings);
  }
  if (!fits) fail_to_fit(tensor, type, bindings, where);
}

template <Rounding kRounding>
class Interpreted : public Executable {
 public:
  Interpreted(const Module& module, Ranks* ranks) : module_(differentiate(module)), ranks_(ranks) {
    for (const Variable& variable : module_.variables) {
      if (!variable.type.is_static())
        throw Error(ErrorKind::unsupported, cat("its shape is not known: ", to_text(variable.type)),
                    cat("variable ", variable.name), "give the dimension a fixed size");
      variables_.emplace(variable.name, initial_value(variable));
    }
  }

  std::vector<Tensor> call(std::string_view name, std::span<const Tensor> inputs) override {
    const Function& function = module_.function(name);
    const Bindings bindings = bind(function, inputs);
    std::vector<Array> params;
    for (const Tensor& input : inputs) params.push_back(to_array(input));

    Frame<kRounding> frame(function, std::move(params), variables_, bindings, ranks_);
    frame.run();
    std::vector<Tensor> results;
    for (const Result& result : function.results) results.push_back(to_tensor(frame.at(result.value)));
    std::vector<Array> updated;  // all read before the first is stored
    for (const Update& update : function.updates) updated.push_back(frame.at(update.value));
    for (size_t i = 0; i < updated.size(); ++i)
      variables_.at(function.updates[i].variable) = std::move(updated[i]);
    return results;
  }

  Tensor get_variable(std::string_view name) const override {
    return to_tensor(variables_.at(find(name).name));
  }

  void set_variable(std::string_view name, const Tensor& value) override {
    const Variable& variable = find(name);
    expect_fits(value, variable.type, {}, cat("variable ", variable.name));
    variables_.at(variable.name) = to_array(value);
  }

 private:
  static Array initial_value(const Variable& variable) {
    if (variable.data == nullptr) return make_array(variable.type, {});
    expect_fits(*variable.data, variable.type, {}, cat("variable ", variable.name));
    return to_array(*variable.data);
  }

  const Variable& find(std::string_view name) const {
    if (const Variable* variable = module_.find_variable(name)) return *variable;
    throw Error(ErrorKind::data, cat("the module has no variable ", name));
  }

  Module module_;
  Ranks* ranks_;
  Variables variables_;
};

template <Rounding kRounding>
class Interpreter : public Executor {
 public:
  explicit Interpreter(Ranks* ranks) : ranks_(ranks) {}
  std::string_view name() const override { return "interpreter"; }
  std::unique_ptr<Executable> compile(const Module& module) override {
    return std::make_unique<Interpreted<kRounding>>(module, ranks_);
  }

 private:
  Ranks* ranks_;
};

}  // namespace

std::vector<Array> evaluate(const Node& node, std::span<const Array* const> operands,
                            const Bindings& bindings) {
  return results_of<Rounding::every_result>(node, operands, bindings, nullptr);
}

Bindings bind(const Function& function, std::span<const Tensor> inputs) {
  if (inputs.size() != function.params.size())
    throw Error(ErrorKind::data, cat("found ", inputs.size(), " inputs, expected ", function.params.size()),
                cat("function ", function.name));
  Bindings bindings;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Type& type = function.params[i]->type();
    const std::string where =
        cat("function ", function.name, ": input ", function.params[i]->as<NameAttrs>().name);
    for (int64_t axis = 0; axis < std::min(type.rank(), inputs[i].rank()); ++axis)
      learn(bindings, type.shape[axis], inputs[i].shape()[axis]);
    expect_fits(inputs[i], type, bindings, where);
  }
  std::vector<Symbol> symbols;
  for (const auto& node : function.nodes)
    for (const Type& type : node->types)
      for (const Dim dim : type.shape) symbols.push_back(dim.symbol);
  expect_computed_lengths(bindings, symbols, cat("function ", function.name));
  return bindings;
}

void expect_computed_lengths(const Bindings& bindings, std::span<const Symbol> symbols,
                             const std::string& where) {
  const auto batch = bindings.find(Dim::batch().symbol);
  if (batch != bindings.end() && batch->second == 0) return;
  for (const Symbol symbol : symbols) {
    if (symbol.quotient() == nullptr || !bindings.contains(symbol.root())) continue;
    if (const int64_t length = value_of(symbol, bindings); length < 1)
      throw Error(ErrorKind::data,
                  cat("the length ", symbol.root().name(), " is ", bindings.at(symbol.root()),
                      ", which leaves ", length, " of ", symbol.name(), ", expected at least 1"),
                  where);
  }
}

std::unique_ptr<Executor> make_interpreter(Rounding rounding, Ranks* ranks) {
  if (rounding == Rounding::none) return std::make_unique<Interpreter<Rounding::none>>(ranks);
  return std::make_unique<Interpreter<Rounding::every_result>>(ranks);
}

}  // namespace keratin
