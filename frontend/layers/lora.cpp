#include "frontend/layers/lora.h"

#include <algorithm>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

std::string adapter_name(std::string_view kernel, char which) {
  return cat("lora_", kernel, "_", std::string(1, which));
}

/// What the product of the adapters is multiplied with.
double scale_of(const Args& args) {
  const double rank = args.json("lora_rank").as_double();
  return args.is_null("lora_alpha") ? 1 : args.json("lora_alpha").as_double() / rank;
}

const LayerVariable* find_variable(const Layer& layer, std::string_view name) {
  const auto found = std::find_if(layer.variables().begin(), layer.variables().end(),
                                  [&](const LayerVariable& each) { return each.name == name; });
  return found == layer.variables().end() ? nullptr : &*found;
}

/// x[…, j] + scale · Σ a[…, r] · b[r, j]
Tensor merged(Tensor x, const Tensor& a, const Tensor& b, double scale) {
  const int64_t rank = b.shape()[0], columns = b.shape()[1];
  for (int64_t i = 0; i < x.elements(); ++i) {
    const int64_t row = i / columns, column = i % columns;
    double sum = 0;
    for (int64_t r = 0; r < rank; ++r) sum += a.get(row * rank + r) * b.get(r * columns + column);
    x.set(i, x.get(i) + scale * sum);
  }
  return x;
}

}  // namespace

bool has_adapters(const Call& call) {
  const Layer& layer = call.layer();
  if (!layer.context().trains || layer.args().is_null("lora_rank")) return false;
  const Json& rank = layer.args().json("lora_rank");
  if (rank.kind() != Json::Kind::integer || rank.as_int() < 1)
    layer.args().reject("lora_rank", "expected a number that is at least 1", {}, ErrorKind::data);
  if (layer.policy().quantization != Quantization::none && layer.trainable() && call.training())
    layer.args().reject("lora_rank", "LoRA beside a quantized kernel is supported at inference only",
                        "train the layer before it is quantized, or freeze it");
  return layer.policy().quantization == Quantization::none;
}

VariableSpec frozen_by_adapters(const Call& call, VariableSpec kernel) {
  if (has_adapters(call)) kernel.trainable = false;
  return kernel;
}

Expr with_adapters(Call& call, const VariableSpec& kernel, const Expr& value) {
  if (!has_adapters(call)) return value;
  const int64_t rank = call.args().json("lora_rank").as_int();
  const std::string a_name = adapter_name(kernel.name, 'a'), b_name = adapter_name(kernel.name, 'b');
  VariableSpec a{.name = a_name, .shape = kernel.shape, .argument = kernel.name, .dtype = DType::f32};
  a.shape.back() = rank;
  a.start = Json::of(std::string("he_uniform"));
  a.is_stored = false;
  VariableSpec b = a;
  b.name = b_name;
  b.shape = {Dim(rank), kernel.shape.back()};
  b.start = Json::of(std::string("zeros"));
  const Expr product = matmul(call.variable(a), call.variable(b));
  return value + cast(product * scale_of(call.args()), value.dtype());
}

std::vector<Adapters> find_adapters(const Layer& layer) {
  std::vector<Adapters> found;
  const auto as_variable = [](const LayerVariable& made) { return Variable{made.path, made.type}; };
  for (const LayerVariable& kernel : layer.variables()) {
    const LayerVariable *a = find_variable(layer, adapter_name(kernel.name, 'a')),
                        *b = find_variable(layer, adapter_name(kernel.name, 'b'));
    if (a != nullptr && b != nullptr)
      found.push_back({as_variable(kernel), as_variable(*a), as_variable(*b), scale_of(layer.args())});
  }
  for (const std::unique_ptr<Layer>& child : layer.children())
    for (Adapters& each : find_adapters(*child)) found.push_back(std::move(each));
  return found;
}

std::string merged_name(const std::string& kernel) { return cat(kernel, ".merged"); }

Module merging_of_adapters(const Layer& layer) {
  Module module;
  Builder builder("merge");
  for (const auto& [kernel, a, b, scale] : find_adapters(layer)) {
    for (const Variable* read : {&kernel, &a, &b}) module.variables.push_back(*read);
    const auto exact = [&](const Variable& variable) {
      return builder.cast(builder.var(variable), DType::f64);
    };
    const Value left = exact(a);
    const Value product =
        builder.make(Op::dot, {left, exact(b)}, DotAttrs{.contract = {{left.rank() - 1}, {0}}, .batch = {}});
    const Value added = builder.mul(product, builder.constant_like(product, scale));
    module.variables.push_back({merged_name(kernel.name), kernel.type, Role::prepared});
    builder.update(merged_name(kernel.name),
                   builder.cast(builder.add(exact(kernel), added), kernel.type.dtype));
  }
  if (!builder.updates().empty()) module.functions.push_back(builder.finish());
  return module;
}

void merge_adapters(const Layer& layer, TensorStore& weights) {
  for (const auto& [kernel, a, b, scale] : find_adapters(layer)) {
    const auto value = weights.find(kernel.name), narrow = weights.find(a.name), wide = weights.find(b.name);
    if (value == weights.end() || narrow == weights.end() || wide == weights.end()) continue;
    if (value->second->type() == kernel.type && narrow->second->type() == a.type &&
        wide->second->type() == b.type)
      value->second =
          std::make_shared<const Tensor>(merged(*value->second, *narrow->second, *wide->second, scale));
    weights.erase(a.name);
    weights.erase(b.name);
  }
}

}  // namespace keratin
