#include "frontend/keras/weights.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "frontend/training/initialize.h"
#include "ir/error.h"
#include "ir/executor.h"

namespace keratin::keras {
namespace {

std::atomic<uint64_t> seed{0}, draws{0}, versions{0};

void collect_weights(LayerNode& layer, std::set<const LayerNode*>& seen, std::vector<Weight*>& weights) {
  if (!seen.insert(&layer).second) return;
  for (Weight& weight : layer.weights) weights.push_back(&weight);
  if (layer.wrapped) collect_weights(*layer.wrapped, seen, weights);
  if (layer.model)
    for (const Member& member : layer.model->members) collect_weights(*member.layer, seen, weights);
}

}  // namespace

void set_random_seed(uint64_t new_seed) {
  seed = new_seed;
  draws = 0;
}
uint64_t next_seed() { return seed + (++draws << 32); }

std::vector<Weight*> weights_of(LayerNode& layer) {
  std::vector<Weight*> weights;
  std::set<const LayerNode*> seen;
  collect_weights(layer, seen, weights);
  return weights;
}

void set_value(Weight& weight, std::shared_ptr<const keratin::Tensor> value) {
  weight.value = std::move(value);
  weight.version = ++versions;
}

bool has_values(LayerNode& layer) {
  const std::vector<Weight*> weights = weights_of(layer);
  return std::all_of(weights.begin(), weights.end(),
                     [](const Weight* weight) { return weight->value != nullptr; });
}

void initialize_layer(LayerNode& layer) {
  if (!layer.probe) throw Error(ErrorKind::usage, "has no weights before it is called", place_of(layer));
  Module module;
  for (const LayerVariable* made : weights_made(layer.probe->layer, true))
    module.variables.push_back({made->path, made->type, made->role, made->trainable, nullptr});
  module.functions.push_back(trace_initialize(module, layer.probe->layer));
  const auto executable = make_interpreter()->compile(module);
  keratin::Tensor key(DType::u32, {2});
  const uint64_t bits = next_seed();
  key.set_integer(0, static_cast<int64_t>(bits & 0xffffffff));
  key.set_integer(1, static_cast<int64_t>(bits >> 32));
  executable->call("initialize", {&key, 1});
  const std::vector<Weight*> weights = weights_of(layer);
  for (size_t i = 0; i < weights.size(); ++i)
    if (weights[i]->value == nullptr)
      set_value(*weights[i],
                std::make_shared<const keratin::Tensor>(executable->get_variable(module.variables[i].name)));
}

}  // namespace keratin::keras
