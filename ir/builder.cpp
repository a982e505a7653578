#include "ir/builder.h"

#include <algorithm>
#include <cstring>

#include "ir/error.h"
#include "ir/fold.h"
#include "ir/op.h"
#include "ir/text.h"

namespace keratin {

namespace {

/// Equal bodies have equal hashes: where leaves stand is not told by it, as equal() does not look at it.
size_t hash_of_body(const Function& body) {
  size_t hash = body.params.size();
  for (const auto& node : body.nodes) {
    if (node->operands.empty()) continue;
    hash = hash * 1000003 + static_cast<size_t>(node->op);
    hash = hash * 1000003 + hash_of(node->attrs);
    for (const Value operand : node->operands)
      if (const ConstantAttrs* constant = as_constant(operand)) hash = hash * 1000003 + hash_of(*constant);
  }
  return hash;
}

size_t hash_of_node(const Node& node) {
  size_t hash = static_cast<size_t>(node.op) + 1;
  for (const Value operand : node.operands) hash = hash * 1000003 + std::hash<Value>()(operand);
  if (node.body) hash = hash * 1000003 + hash_of_body(*node.body);
  return hash * 1000003 + hash_of(node.attrs);
}

bool same(const Node& a, const Node& b) {
  if (a.op != b.op || a.operands != b.operands || a.types != b.types || a.attrs != b.attrs) return false;
  if (a.body == nullptr || b.body == nullptr) return a.body == b.body;
  return a.body == b.body || equal(*a.body, *b.body);
}

/// The number that all elements are, if they are all the same and it survives as a Scalar.
std::optional<Scalar> uniform(const Tensor& data) {
  if (data.elements() == 0) return Scalar::of(data.dtype(), 0);
  const auto size = static_cast<size_t>(byte_size(data.dtype()));
  for (int64_t i = 1; i < data.elements(); ++i) {
    if (std::memcmp(data.data(), data.data() + static_cast<size_t>(i) * size, size) != 0) return std::nullopt;
  }
  const Scalar first = scalar_at(data, 0);
  Tensor again(data.dtype(), {});
  set_scalar(again, 0, first);
  if (std::memcmp(again.data(), data.data(), size) != 0) return std::nullopt;
  return first;
}

}  // namespace

Builder::Builder(std::string function_name, Mode mode) : mode_(mode) {
  function_.name = std::move(function_name);
}
Builder::~Builder() = default;

const Node* Builder::intern(Node node) {
  const size_t hash = mode_ == Mode::fold ? hash_of_node(node) : 0;
  const auto [first, last] = shared_.equal_range(hash);
  for (auto candidate = first; candidate != last; ++candidate) {
    if (same(*candidate->second, node)) return candidate->second;
  }
  node.index = static_cast<uint32_t>(function_.nodes.size());
  const Node* added = function_.nodes.emplace_back(std::make_unique<Node>(std::move(node))).get();
  if (mode_ == Mode::fold) shared_.emplace(hash, added);
  return added;
}

// Leaves.

Value Builder::param(std::string name, Type type) {
  KERATIN_CHECK(function_.nodes.size() == function_.params.size(),
                cat("parameter ", name, " comes after other nodes"));
  const Node* node =
      intern(Node{Op::param, 0, {}, {std::move(type)}, NameAttrs{std::move(name)}, nullptr, origin_});
  KERATIN_CHECK(node->index == function_.params.size(), cat("two parameters ", node->as<NameAttrs>().name));
  function_.params.push_back(node);
  return node->value();
}

Value Builder::var(std::string name, Type type) {
  return intern(Node{Op::var, 0, {}, {std::move(type)}, NameAttrs{std::move(name)}, nullptr, origin_})
      ->value();
}

Value Builder::splat(Scalar number, Type type) {
  KERATIN_CHECK(number.dtype == type.dtype, cat(number, " in ", type));
  return intern(
             Node{Op::constant, 0, {}, {std::move(type)}, ConstantAttrs{number, nullptr}, nullptr, origin_})
      ->value();
}

Value Builder::constant(Scalar splat, Shape shape) {
  return this->splat(splat, Type(splat.dtype, std::move(shape)));
}

Value Builder::constant(DType dtype, double splat, Shape shape) {
  return constant(Scalar::of(dtype, splat), std::move(shape));
}

Value Builder::constant(std::shared_ptr<const Tensor> data) {
  Type type = data->type();
  if (mode_ == Mode::fold) {
    if (const auto number = uniform(*data)) return constant(*number, std::move(type.shape));
  }
  ConstantAttrs attrs{Scalar::of(type.dtype, 0), std::move(data)};
  return intern(Node{Op::constant, 0, {}, {std::move(type)}, std::move(attrs), nullptr, origin_})->value();
}

Value Builder::constant_like(Value like, double splat) {
  return this->splat(Scalar::of(like.dtype(), splat), like.type());
}

// All other nodes.

const Node* Builder::make_node(Op op, std::vector<Value> operands, Attrs attrs,
                               std::shared_ptr<const Function> body) {
  return intern(infer(op, std::move(operands), std::move(attrs), std::move(body)));
}

Value Builder::make(Op op, std::vector<Value> operands, Attrs attrs, std::shared_ptr<const Function> body) {
  Node node = infer(op, std::move(operands), std::move(attrs), std::move(body));
  if (mode_ == Mode::fold && node.types.size() == 1) {
    for (const auto rewrite : {folded_constant, simplified}) {
      if (const Value instead = rewrite(*this, node)) {
        KERATIN_CHECK(instead.type() == node.type(),
                      cat("folding ", op, " gave ", instead.type(), " in place of ", node.type()));
        return instead;
      }
    }
  }
  return intern(std::move(node))->value();
}

Node Builder::infer(Op op, std::vector<Value> operands, Attrs attrs,
                    std::shared_ptr<const Function> body) const {
  KERATIN_CHECK(attrs.index() == default_attrs(op).index(), cat("attributes of another op than ", op));
  KERATIN_CHECK(std::all_of(operands.begin(), operands.end(), [](Value value) { return bool(value); }),
                cat(op, " got an empty operand"));
  try {
    std::vector<Type> types = def_of(op).infer.fn(operands, attrs, body.get());
    return Node{op, 0, std::move(operands), std::move(types), std::move(attrs), std::move(body), origin_};
  } catch (Error& error) {
    error.move_within(std::string(to_text(op)));
    if (origin_) error.move_within(*origin_);
    throw;
  }
}

// Shorthands.

Value Builder::cast(Value x, DType to) { return x.dtype() == to ? x : make(Op::cast, {x}, CastAttrs{to}); }

Value Builder::reduce(Op op, Value x, Ints axes) {
  return axes.empty() ? x : make(op, {x}, AxesAttrs{std::move(axes)});
}

Value Builder::reshape(Value x, Shape shape) { return make(Op::reshape, {x}, ShapeAttrs{std::move(shape)}); }

Value Builder::transpose(Value x, Ints perm) {
  return make(Op::transpose, {x}, TransposeAttrs{std::move(perm)});
}

Value Builder::broadcast(Value x, Ints dims, Shape shape) {
  return make(Op::broadcast, {x}, BroadcastAttrs{std::move(dims), std::move(shape)});
}

Value Builder::slice(Value x, Ints start, Shape limit, Ints stride) {
  if (stride.empty()) stride.assign(start.size(), 1);
  return make(Op::slice, {x}, SliceAttrs{std::move(start), std::move(limit), std::move(stride)});
}

Value Builder::pad(Value x, Value fill, Ints low, Ints high, Ints interior) {
  if (interior.empty()) interior.assign(low.size(), 0);
  return make(Op::pad, {x, fill}, PadAttrs{std::move(low), std::move(high), std::move(interior)});
}

Value Builder::concat(std::vector<Value> parts, int64_t axis) {
  return make(Op::concat, std::move(parts), AxisAttrs{axis});
}

// The end.

void Builder::result(std::string name, Value value) { function_.results.push_back({std::move(name), value}); }

void Builder::update(std::string variable, Value value) {
  for (Update& update : function_.updates) {
    if (update.variable != variable) continue;
    update.value = value;
    return;
  }
  function_.updates.push_back({std::move(variable), value});
}

Function Builder::finish() {
  shared_.clear();
  Function function = std::move(function_);
  function_ = Function();
  if (mode_ == Mode::verbatim) return function;

  std::vector<bool> reached(function.nodes.size());
  for (const Node* param : function.params) reached[param->index] = true;
  for (const Result& result : function.results) reached[result.value.node->index] = true;
  for (const Update& update : function.updates) reached[update.value.node->index] = true;
  for (size_t i = function.nodes.size(); i-- > 0;) {
    if (!reached[i]) continue;
    for (const Value operand : function.nodes[i]->operands) reached[operand.node->index] = true;
  }
  std::erase_if(function.nodes, [&](const std::unique_ptr<Node>& node) { return !reached[node->index]; });
  for (size_t i = 0; i < function.nodes.size(); ++i) function.nodes[i]->index = static_cast<uint32_t>(i);
  return function;
}

const ConstantAttrs* as_constant(Value value) {
  return value.node->op == Op::constant ? &value.node->as<ConstantAttrs>() : nullptr;
}

bool is_splat(Value value, double number) {
  const ConstantAttrs* constant = as_constant(value);
  return constant != nullptr && constant->data == nullptr &&
         constant->splat == Scalar::of(constant->splat.dtype, number);
}

}  // namespace keratin
