// Layers around layers: Bidirectional, TimeDistributed, SpectralNormalization.
#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kBidirectionalArgs[] = {
    {"layer", ArgKind::any},
    {"backward_layer", ArgKind::any, "null"},
    {"merge_mode", ArgKind::any, "null"},
};

bool is_true(const Json& value) { return value.kind() == Json::Kind::boolean && value.as_bool(); }

/// "gru" as "backward_gru", whichever prefix it has already.
std::string prefixed(const std::string& prefix, const std::string& name) {
  return name.starts_with(prefix) ? name : prefix + name;
}

/// One of the two directions. A backward layer that the file does not have is the forward one, turned round.
Layer& direction(Call& call, bool backward) {
  const Json& forward = call.args().json("layer");
  const Json& own = call.args().json("backward_layer");
  const Json& object = backward && !own.is_null() ? own : forward;
  const Json& config = object["config"];
  // Keras decides this one by what goes out, whatever the wrapped layer says.
  std::vector<std::pair<std::string, Json>> changes = {
      {"zero_output_for_mask", Json::of(is_true(config["return_sequences"]))}};
  if (backward && own.is_null()) {
    changes.emplace_back("go_backwards", Json::of(!is_true(config["go_backwards"])));
    changes.emplace_back("name", Json::of(prefixed("backward_", config["name"].as_string())));
  } else if (!backward) {
    changes.emplace_back("name", Json::of(prefixed("forward_", config["name"].as_string())));
  }
  return call.layer().child(
      object, cat(call.layer().group(), backward ? "/backward_layer" : "/forward_layer"), std::move(changes));
}

Expr merge_directions(Call& call, const std::string& mode, const Expr& forward, const Expr& backward) {
  if (mode == "concat") return concat({forward, backward}, -1);
  if (mode == "sum") return forward + backward;
  if (mode == "mul") return forward * backward;
  if (mode == "ave") return (forward + backward) / 2;
  call.args().reject("merge_mode", "expected \"concat\", \"sum\", \"mul\", \"ave\" or null");
}

/// Runs a layer in both directions. Initial states are those of the forward layer, then those of the backward one, and so
/// are the states that come out.
Outputs bidirectional(Call& call) {
  const Json& wrapped = call.args().json("layer")["config"];
  std::vector<Traced> states(call.inputs().begin() + 1, call.inputs().end());
  const std::vector<Traced>& named = call.tensors(kInitialState[0]);
  states.insert(states.end(), named.begin(), named.end());
  const auto half = states.begin() + static_cast<int64_t>(states.size() / 2);
  const std::vector<Traced> sequence = {call.inputs()[0]};
  const auto run = [&](bool is_backward, std::vector<Traced> own) {
    const std::string name(kInitialState[0]);
    return call_layer(direction(call, is_backward), call.tracer(), {sequence, {{name, std::move(own)}}, {}});
  };
  Outputs forward = run(false, {states.begin(), half}), backward = run(true, {half, states.end()});
  if (is_true(wrapped["return_sequences"])) backward[0] = reverse(backward[0].value, 1);

  const Json& mode = call.args().json("merge_mode");
  Outputs outputs;
  if (mode.is_null()) {
    outputs = {forward[0], backward[0]};
  } else {
    outputs = Outputs(merge_directions(call, mode.as_string(), forward[0].value, backward[0].value));
    // Keras 3 says that what comes out has no mask.
    if (call.layer().context().keras2) outputs[0].mask = forward[0].mask;
  }
  outputs.insert(outputs.end(), forward.begin() + 1, forward.end());
  outputs.insert(outputs.end(), backward.begin() + 1, backward.end());
  return outputs;
}

constexpr Arg kTimeDistributedArgs[] = {{"layer", ArgKind::any}};

/// Time becomes part of the batch for the wrapped layer: [N, T, …] is [T·N, …] to it.
Outputs time_distributed(Call& call) {
  const Expr& x = call.input();
  if (x.rank() < 3)
    call.fail(cat("its input is ", to_text(x.shape()), ", expected at least rank 3"), {}, ErrorKind::data);
  Layer& layer = call.layer().child(call.args().json("layer"), cat(call.layer().group(), "/layer"));
  if (call.traced_input().mask && layer.def()->masks == Masks::own && !layer.def()->is_model)
    call.fail(cat("a mask cannot be passed on to a wrapped ", layer.class_name()));
  const std::optional<Dim> batch = as_dim(Size(x.dim(0)) * Size(x.dim(1)));
  if (!batch) call.fail("batch and time are both free", "fix the time with --shape");
  const auto with_batch = [](const Expr& y, size_t replaced, const Shape& front) {
    Shape shape = y.shape();
    shape.erase(shape.begin(), shape.begin() + static_cast<int64_t>(replaced));
    shape.insert(shape.begin(), front.begin(), front.end());
    return reshape(y, shape);
  };
  const std::vector<Update> updates = call.builder().updates();
  Outputs outputs = call_layer(layer, call.tracer(), {.inputs = {with_batch(x, 2, {*batch})}});
  if (call.builder().updates() != updates)
    call.fail(cat("the wrapped ", layer.class_name(), " would keep something from each step to the next"));
  for (Traced& output : outputs) output = with_batch(output.value, 1, {x.dim(0), x.dim(1)});
  return outputs;
}

constexpr Arg kSpectralArgs[] = {{"layer", ArgKind::any}, {"power_iterations", ArgKind::count, "1"}};

/// Divides the wrapped layer's kernel by its largest singular value, in training; the kernel in the file has been divided.
Outputs spectral_normalization(Call& call) {
  if (call.training()) call.fail("is supported at inference only");
  Layer& layer = call.layer().child(call.args().json("layer"), cat(call.layer().group(), "/layer"));
  const Outputs outputs = call_layer(layer, call.tracer(), {.inputs = {call.traced_input()}});
  if (layer.variables().empty() || layer.variables()[0].type.rank() < 1)
    call.fail(cat("its layer ", layer.name(), " has no kernel"), {}, ErrorKind::data);
  // Files hold the kernel a second time, as the wrapper's own. At inference nothing reads it, nor the vector.
  const Shape& kernel = layer.variables()[0].type.shape;
  call.variable({"kernel", kernel, "glorot_uniform"});
  call.variable({"vector_u", {1, kernel.back()}, "truncated_normal", false});
  return outputs;
}

constexpr LayerDef kLayers[] = {
    {"Bidirectional", kBidirectionalArgs, Masks::own, bidirectional, kInitialState},
    {"TimeDistributed", kTimeDistributedArgs, Masks::pass, time_distributed},
    {"SpectralNormalization", kSpectralArgs, Masks::own, spectral_normalization},
};

}  // namespace

std::span<const LayerDef> wrapper_layers() { return kLayers; }

}  // namespace keratin
