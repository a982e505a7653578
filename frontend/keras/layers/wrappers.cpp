#include <keratin/keras/layers/wrappers.h>

#include "frontend/json.h"
#include "frontend/keras/make.h"
#include "frontend/keras/node.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin::keras::layers {
namespace {

using Members = std::vector<std::pair<std::string, Json>>;

/// A serialized layer with some of its arguments changed.
Json changed(const Json& layer, const Members& changes) {
  Json config = layer["config"];
  for (const auto& [key, value] : changes) config = with(config, key, value);
  return with(layer, "config", std::move(config));
}

/// "gru" as "backward_gru", whichever prefix it has already.
Json prefixed(const std::string& prefix, const std::string& name) {
  return Json::of(name.starts_with(prefix) ? name : prefix + name);
}

void check_directions(const Json& forward, const Json& backward) {
  for (const char* key : {"go_backwards", "stateful", "return_sequences", "return_state"}) {
    const bool equal = forward["config"][key].dump() == backward["config"][key].dump();
    if (equal == (std::string_view(key) != "go_backwards")) continue;
    throw Error(ErrorKind::data,
                cat("the layer that goes forwards and the one that goes backwards have ",
                    equal ? "the same " : "different values of ", key),
                "Bidirectional");
  }
}

}  // namespace

Layer Bidirectional(const Layer& layer, const BidirectionalOptions& o) {
  const Json wrapped = Json::parse(Value(layer).json(), "layer");
  // Keras decides this one by what goes out, whatever the layers say.
  const auto zeros = [](const Json& of) -> Members {
    if (!of["config"].has("zero_output_for_mask")) return {};
    return {{"zero_output_for_mask", of["config"]["return_sequences"]}};
  };
  Members to_forward = zeros(wrapped), to_backward = to_forward;
  to_forward.emplace_back("name", prefixed("forward_", layer.name()));
  to_backward.emplace_back("name", prefixed("backward_", layer.name()));
  to_backward.emplace_back("go_backwards", Json::of(true));
  const Json forward = changed(wrapped, to_forward);
  Json backward;
  if (o.backward_layer.is_none()) {
    backward = changed(wrapped, to_backward);
  } else {
    const Json given = Json::parse(o.backward_layer.json(), "backward_layer");
    backward = changed(given, zeros(given));
  }
  check_directions(forward, backward);
  return make_layer("Bidirectional", o.name, o.trainable,
                    {{"merge_mode", o.merge_mode},
                     {"layer", Value::from_json(forward.dump())},
                     {"backward_layer", Value::from_json(backward.dump())}});
}

Layer TimeDistributed(const Layer& layer, const LayerOptions& o) {
  Layer made = make_layer("TimeDistributed", o.name, o.trainable, {{"layer", Value(layer)}});
  made.node()->wrapped = layer.node();
  return made;
}

Layer SpectralNormalization(const Layer& layer, const SpectralNormalizationOptions& o) {
  Layer made = make_layer("SpectralNormalization", o.name, o.trainable,
                          {{"layer", Value(layer)}, {"power_iterations", o.power_iterations}});
  made.node()->wrapped = layer.node();
  return made;
}

}  // namespace keratin::keras::layers
