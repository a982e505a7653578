#include "tests/random_graph.h"

#include <algorithm>
#include <cmath>

#include "ir/op.h"
#include "ir/rebuild.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/random_graph_drawer.h"

namespace keratin::testing {
namespace {

/// Relative to the greatest magnitude in a tensor: how far noise, or another order of sums, may move an element.
double tolerance(DType dtype) {
  if (dtype == DType::bf16) return 0x1p-4;
  if (dtype == DType::f16) return 0x1p-7;
  return 0x1p-11;
}
constexpr double kNoise = 0x1p-19;         // of a rounded element, relative
constexpr double kOperandNoise = 0x1p-22;  // of a rounded element, relative to the greatest operand
constexpr double kLargest = 1024;
constexpr double kSmallestScale = 0x1p-4;  // the greatest magnitude counts as at least this

double greatest(const Array& array) {
  double most = 0;
  if (is_float(array.dtype))
    for (double v : array.real().storage()) most = std::max(most, std::fabs(v));
  return most;
}

double allowance(DType dtype, double scale) { return tolerance(dtype) * std::max(scale, kSmallestScale); }

/// Ops whose float results another machine may round differently.
bool rounds(Op op) {
  switch (op) {
    case Op::neg:
    case Op::abs:
    case Op::sign:
    case Op::floor:
    case Op::ceil:
    case Op::round:
    case Op::stop_gradient:
    case Op::max:
    case Op::min:
    case Op::select:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::pool_max:
    case Op::gather:
    case Op::dynamic_slice:
    case Op::dynamic_update_slice:
    case Op::sort:
    case Op::top_k:
    case Op::cast: return false;
    default: return family_of(op) != Family::shape && family_of(op) != Family::structure;
  }
}

bool is_fit(const Sample& sample) {
  if (!is_float(sample.exact.dtype)) {
    return std::ranges::all_of(sample.noisy,
                               [&](const Array& noisy) { return noisy.integer() == sample.exact.integer(); });
  }
  const auto& exact = sample.exact.real().storage();
  const double scale = greatest(sample.exact);
  if (!(scale <= kLargest) || std::ranges::any_of(exact, [](double v) { return std::isnan(v); }))
    return false;
  for (const Array& noisy : sample.noisy)
    for (size_t i = 0; i < exact.size(); ++i)
      if (!(std::fabs(noisy.real().storage()[i] - exact[i]) <= allowance(sample.exact.dtype, scale) / 2))
        return false;
  return true;
}

/// "[1,2]" for element 5 of a tensor of shape [2,3].
std::string place(const std::vector<int64_t>& shape, int64_t element) {
  std::vector<int64_t> index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; element /= shape[axis]) index[axis] = element % shape[axis];
  return cat("[", join(index, ","), "]");
}

}  // namespace

// Drawing.

Drawer::Drawer(const RandomGraphOptions& options, Dice& dice, Bindings bindings, Module& module)
    : options_(options),
      dice_(dice),
      bindings_(std::move(bindings)),
      module_(&module),
      builder_("f", Builder::Mode::verbatim) {
  for (const auto& [symbol, value] : bindings_) palette_.push_back(Dim(1, symbol));
  for (int i = 0; i < 3; ++i)
    palette_.push_back(dice.pick<int64_t>({1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 31}));
}

Drawer::Drawer(Drawer& outer, const std::vector<Type>& params, std::vector<Sample> samples)
    : options_(outer.options_),
      dice_(outer.dice_),
      bindings_(outer.bindings_),
      module_(nullptr),
      palette_(outer.palette_),
      builder_({}, Builder::Mode::verbatim) {
  for (size_t i = 0; i < params.size(); ++i)
    remember(builder_.param(cat("p", i), params[i]), std::move(samples[i]));
}

void Drawer::draw(int64_t nodes, const std::vector<Family>& families) {
  std::vector<DrawRule> rules;
  for (const DrawRule& rule : draw_rules()) {
    const bool in_families = families.empty() || std::ranges::count(families, family_of(rule.op)) > 0;
    if (in_families && std::ranges::count(options_.without, rule.op) == 0) rules.push_back(rule);
  }
  for (int64_t left = nodes, tries = 8 * nodes; left > 0 && tries > 0 && !rules.empty();) {
    const DrawRule rule = dice_.pick(rules);
    if (dice_.chance(0.2))
      builder_.set_origin(std::make_shared<const std::string>(cat("block/layer_", left)));
    bool drawn = false;
    for (int attempt = 0; attempt < 4 && !drawn; ++attempt, --tries) drawn = rule.draw(*this, rule.op);
    left -= drawn;
  }
}

Shape Drawer::shape(int64_t lowest_rank, int64_t highest_rank) {
  int64_t rank = dice_.between(lowest_rank, highest_rank);
  while (true) {
    Shape shape;
    for (int64_t i = 0; i < rank; ++i) shape.push_back(dim());
    if (Size::product(shape).value(bindings_) <= options_.most_elements) return shape;
    // Too many elements for this palette, perhaps: small axes take the place of drawn ones.
    for (Dim& dim : shape)
      if (dice_.chance(0.5)) dim = dice_.between(1, 2);
    if (Size::product(shape).value(bindings_) <= options_.most_elements) return shape;
  }
}

std::optional<DType> Drawer::dtype(rules::DTypeSet set) {
  std::vector<DType> fitting;
  for (DType dtype : options_.dtypes)
    if (set.contains(dtype)) fitting.push_back(dtype);
  if (fitting.empty()) return std::nullopt;
  return dice_.pick(fitting);
}

Value Drawer::some(rules::DTypeSet set, int64_t lowest_rank) {
  std::vector<Value> fitting, unread;
  for (Value value : values_) {
    if (!set.contains(value.dtype()) || value.rank() < lowest_rank || !value.type().layout.is_row_major())
      continue;
    fitting.push_back(value);
    if (!read_.contains(value)) unread.push_back(value);
  }
  if (!unread.empty() && dice_.chance(0.6)) return dice_.pick(unread);
  if (!fitting.empty() && dice_.chance(0.95)) return dice_.pick(fitting);
  const std::optional<DType> dtype = this->dtype(set);
  if (!dtype) return {};
  return fresh(Type(*dtype, shape(lowest_rank, std::max<int64_t>(lowest_rank, 3))));
}

Value Drawer::like(const Type& type) {
  std::vector<Value> same, unread, castable;
  for (Value value : values_) {
    if (value.type() == type) {
      same.push_back(value);
      if (!read_.contains(value)) unread.push_back(value);
    } else if (value.shape() == type.shape && value.type().layout == type.layout) {
      castable.push_back(value);
    }
  }
  if (!unread.empty() && dice_.chance(0.6)) return dice_.pick(unread);
  if (!same.empty() && dice_.chance(0.8)) return dice_.pick(same);
  if (!castable.empty() && dice_.chance(0.5))
    if (const Node* cast = add(Op::cast, {dice_.pick(castable)}, CastAttrs{type.dtype})) return cast->value();
  return fresh(type);
}

Value Drawer::fresh(const Type& type) {
  if (!is_allowed(type)) return {};
  if (dice_.chance(0.3)) {
    const Tensor element = random_tensor(Type(type.dtype, {}));
    const Value value =
        builder_.constant(is_float(type.dtype) ? Scalar::of(type.dtype, element.get(0))
                                               : Scalar::of_integer(type.dtype, element.get_integer(0)),
                          type.shape);
    return known(value, evaluate(*value.node, {}, bindings_)[0]);
  }
  if (type.is_static()) {
    const auto data = std::make_shared<const Tensor>(random_tensor(type));
    if (is_body() || dice_.chance(0.4)) return known(builder_.constant(data), to_array(*data));
    const std::string name = cat(dice_.chance(0.1) ? "odd name " : "layer/v", module_->variables.size());
    module_->variables.push_back({name, type, Role::state, false, data});
    return known(builder_.var(module_->variables.back()), to_array(*data));
  }
  Shape fixed;
  Ints dims;
  for (int64_t axis = 0; axis < type.rank(); ++axis) {
    if (!type.shape[axis].is_static()) continue;
    fixed.push_back(type.shape[axis]);
    dims.push_back(axis);
  }
  const Node* repeated =
      add(Op::broadcast, {fresh(Type(type.dtype, fixed))}, BroadcastAttrs{dims, type.shape});
  return repeated ? repeated->value() : Value();
}

Value Drawer::number(DType dtype, double value) {
  const Value constant = builder_.constant(dtype, value);
  return known(constant, evaluate(*constant.node, {}, bindings_)[0]);
}

Tensor Drawer::param(const std::string& name, const Type& type) {
  Tensor tensor = random_tensor(type);
  known(builder_.param(name, type), to_array(tensor));
  return tensor;
}

std::vector<Value> Drawer::unread() const {
  std::vector<Value> values;
  for (Value value : values_)
    if (!read_.contains(value) && family_of(value.node->op) != Family::structure) values.push_back(value);
  return values;
}

void Drawer::result(Value value) { builder_.result(cat("y", results_++), value); }

void Drawer::update(const std::string& variable, Value value) { builder_.update(variable, value); }

Value Drawer::known(Value leaf, const Array& array) { return remember(leaf, {array, {array, array}}); }

Value Drawer::remember(Value leaf, Sample sample) {
  samples_.resize(leaf.node->index + 1);
  samples_[leaf.node->index].push_back(std::move(sample));
  values_.push_back(leaf);
  return leaf;
}

Tensor Drawer::random_tensor(const Type& type) {
  std::vector<int64_t> shape;
  for (Dim dim : type.shape) shape.push_back(dim.value(bindings_));
  Tensor tensor(type.dtype, shape);
  const bool coarse = dice_.chance(0.5);  // equal elements, and sums without rounding
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (is_float(type.dtype))
      tensor.set(i, coarse ? 0.125 * dice_.between(-16, 16) : dice_.real(-2, 2));
    else if (type.dtype == DType::boolean)
      tensor.set_integer(i, dice_.below(2));
    else
      tensor.set_integer(i, is_signed(type.dtype) ? dice_.between(-8, 8) : dice_.between(0, 16));
  }
  return tensor;
}

bool Drawer::is_allowed(const Type& type) const {
  constexpr int64_t kHighestRank = 5;
  for (const Dim dim : type.shape)
    if (!dim.is_static() && dim.symbol.quotient() != nullptr && dim.value(bindings_) < 1) return false;
  return type.rank() <= kHighestRank && type.elements().value(bindings_) <= options_.most_elements;
}

std::optional<std::vector<Type>> Drawer::infer(Op op, const std::vector<Value>& operands, const Attrs& attrs,
                                               const Function* body) const {
  try {
    return def_of(op).infer.fn(operands, attrs, body);
  } catch (const Error&) {
    return std::nullopt;
  }
}

const Node* Drawer::add(Op op, const std::vector<Value>& operands, const Attrs& attrs,
                        std::shared_ptr<const Function> body) {
  if (std::ranges::count(options_.without, op) > 0) return nullptr;
  for (Value operand : operands)
    if (!operand) return nullptr;
  const std::optional<std::vector<Type>> types = infer(op, operands, attrs, body.get());
  if (!types) return nullptr;
  for (const Type& type : *types)
    if (!is_allowed(type)) return nullptr;
  std::vector<Sample> samples = evaluate_all(Node{op, 0, operands, *types, attrs, body, nullptr});
  if (!std::ranges::all_of(samples, is_fit)) return nullptr;

  const Node* node = builder_.make_node(op, operands, attrs, std::move(body));
  samples_.resize(node->index + 1);
  samples_[node->index] = std::move(samples);
  for (uint32_t i = 0; i < node->types.size(); ++i) values_.push_back(node->value(i));
  read_.insert(operands.begin(), operands.end());
  return node;
}

/// How large the terms of a node's sums may be beside the products of its operands' elements; 0: it is no sum of products.
double growth(const Node& node) {
  if (node.op == Op::winograd) return node.operands[1].shape()[0].is(4) ? 4 : 16;
  return family_of(node.op) == Family::contract ? 1 : 0;
}

/// The node's results from exact and from noisy operands, with new noise where the op rounds.
std::vector<Sample> Drawer::evaluate_all(const Node& node) {
  std::vector<Sample> samples(node.types.size());
  double scale = growth(node);
  std::vector<const Array*> operands;
  for (Value operand : node.operands) {
    operands.push_back(&sample(operand).exact);
    const double own = greatest(*operands.back());
    scale = growth(node) > 0 ? scale * own : std::max(scale, own);
  }
  std::vector<Array> exact = evaluate(node, operands, bindings_);
  for (size_t i = 0; i < exact.size(); ++i) samples[i].exact = std::move(exact[i]);
  std::vector<std::vector<double>> directions(samples.size());
  for (size_t way : {0, 1}) {
    for (size_t i = 0; i < operands.size(); ++i) operands[i] = &sample(node.operands[i]).noisy[way];
    std::vector<Array> noisy = evaluate(node, operands, bindings_);
    for (size_t i = 0; i < noisy.size(); ++i) {
      if (is_float(noisy[i].dtype) && rounds(node.op)) {
        size_t element = 0;
        for (double& v : noisy[i].real().storage()) {
          if (way == 0) directions[i].push_back(dice_.chance(0.5) ? 1 : -1);
          v += (way == 0 ? 1 : -1) * directions[i][element++] *
               (kNoise * std::fabs(v) + kOperandNoise * scale);
        }
        round_elements(noisy[i]);
      }
      samples[i].noisy[way] = std::move(noisy[i]);
    }
  }
  return samples;
}

// Graphs.

RandomGraph random_graph(const RandomGraphOptions& options) {
  Dice dice(options.seed);
  RandomGraph graph;
  graph.module.name = "random";
  for (int64_t i = 0; i < options.symbols; ++i)
    graph.bindings[Symbol(i == 0 ? "N" : "T")] =
        i == 0 && dice.chance(0.04) ? 0 : dice.pick<int64_t>({1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 33});
  Drawer drawer(options, dice, graph.bindings, graph.module);

  // Every symbol is found in some parameter.
  for (const auto& [symbol, value] : graph.bindings)
    graph.inputs.push_back(drawer.param(cat("of", symbol.name()), Type(DType::f32, {Dim(1, symbol)})));
  for (int64_t i = dice.between(1, 4); i > 0; --i)
    if (const auto dtype = drawer.dtype(rules::kAny))
      graph.inputs.push_back(
          drawer.param(dice.chance(0.1) ? cat("input ", i) : cat("x", i), Type(*dtype, drawer.shape(0, 4))));
  drawer.draw(dice.between(options.fewest_nodes, options.most_nodes));

  for (size_t i = 0; i < graph.module.variables.size(); ++i) {
    if (!dice.chance(0.3)) continue;
    const Variable variable = graph.module.variables[i];
    drawer.update(variable.name, drawer.like(variable.type));
  }
  for (Value value : drawer.unread()) drawer.result(value);
  graph.module.functions.push_back(drawer.finish());
  verify(graph.module);
  return graph;
}

std::string disagreement(const Tensor& expected, const Tensor& found) {
  if (expected.dtype() != found.dtype() || expected.shape() != found.shape())
    return cat("expected ", to_text(expected.type()), ", found ", to_text(found.type()));
  double scale = 0;
  if (is_float(expected.dtype()))
    for (int64_t i = 0; i < expected.elements(); ++i) scale = std::max(scale, std::fabs(expected.get(i)));
  const double allowed = allowance(expected.dtype(), scale);
  for (int64_t i = 0; i < expected.elements(); ++i) {
    if (is_float(expected.dtype()) ? !(std::fabs(expected.get(i) - found.get(i)) <= allowed)
                                   : expected.get_integer(i) != found.get_integer(i))
      return cat("element ", place(expected.shape(), i), " of ", to_text(expected.type()), ": expected ",
                 expected.get(i), ", found ", found.get(i));
  }
  return {};
}

// Coverage.

void OpCoverage::add(const Module& module) {
  for (const Function& function : module.functions) add(function);
}

void OpCoverage::add(const Function& function) {
  for (const auto& node : function.nodes) {
    ++counts_[static_cast<size_t>(node->op)];
    for (Value operand : node->operands)
      ++pairs_[static_cast<size_t>(operand.node->op)][static_cast<size_t>(node->op)];
    if (node->body) add(*node->body);
  }
}

std::pair<int64_t, int64_t> OpCoverage::neighbours(Op op) const {
  std::pair<int64_t, int64_t> found;
  for (int i = 0; i < kOpCount; ++i) {
    const Op other = static_cast<Op>(i);
    found.first += count(op, other) > 0;
    found.second += count(other, op) > 0 && family_of(other) != Family::structure;
  }
  return found;
}

std::string OpCoverage::report() const {
  std::string out;
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    const auto [consumers, producers] = neighbours(op);
    out += cat(to_text(op), ": drawn ", count(op), ", read by ", consumers, " ops, reads ", producers, "\n");
  }
  return out;
}

namespace {

class WithGradients : public Rebuilder {
 public:
  using Rebuilder::Rebuilder;
  Function extended() {
    for (const auto& node : source().nodes) rebuild(*node);
    for (const Result& result : source().results) builder().result(result.name, mapped(result.value));
    std::vector<Value> arguments = {loss()};
    std::vector<const Node*> of;
    for (const Node* param : source().params) {
      if (!is_float(param->type().dtype)) continue;
      of.push_back(param);
      arguments.push_back(mapped(param->value()));
    }
    builder().result("loss", arguments[0]);
    if (of.empty()) return builder().finish();
    // A gradient's loss has its dtype.
    for (size_t i = 0; i < of.size(); ++i) {
      const Value loss = builder().cast(arguments[0], of[i]->type().dtype);
      builder().result(cat("d", of[i]->as<NameAttrs>().name),
                       builder().make(Op::gradient, {loss, arguments[i + 1]}));
    }
    return builder().finish();
  }

 private:
  /// Σ over results and elements of element · sin(place).
  Value loss() {
    Value total = builder().constant(DType::f64, 0);
    for (const Result& result : source().results) {
      const Value value = mapped(result.value);
      if (!is_float(value.dtype())) continue;
      const Shape& shape = value.shape();
      Value sum = builder().cast(value, DType::f64);
      if (!shape.empty()) {
        const int64_t last = value.rank() - 1;
        const Value places = builder().make(Op::iota, {}, IotaAttrs{last, DType::f64, shape});
        sum = builder().mul(
            sum, builder().make(Op::sin, {builder().add(places, builder().constant_like(places, 1))}));
        Ints axes;
        for (int64_t axis = 0; axis <= last; ++axis) axes.push_back(axis);
        sum = builder().reduce(Op::reduce_sum, sum, axes);
      }
      total = builder().add(total, sum);
    }
    return total;
  }
};

}  // namespace

Module with_gradients(const Module& module) {
  Module out;
  out.name = module.name;
  out.variables = module.variables;
  for (const Function& function : module.functions)
    out.functions.push_back(WithGradients(function).extended());
  return out;
}

std::vector<std::string> OpCoverage::gaps(int64_t times, int64_t neighbours) const {
  std::vector<std::string> found;
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    if (op == Op::gradient || op == Op::all_reduce) continue;  // for other ops, and for other processes
    if (count(op) < times) found.push_back(cat(to_text(op), " was drawn ", count(op), " times"));
    const auto [consumers, producers] = this->neighbours(op);
    if (consumers < neighbours) found.push_back(cat(to_text(op), " was read by ", consumers, " ops"));
    const bool is_source = family_of(op) == Family::structure || op == Op::iota || op == Op::dim_size;
    if (!is_source && producers < neighbours) found.push_back(cat(to_text(op), " read ", producers, " ops"));
  }
  return found;
}

}  // namespace keratin::testing
