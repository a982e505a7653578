// Layers around layers: Bidirectional, TimeDistributed, SpectralNormalization.
#include "frontend/layers/tables.h"
#include "frontend/scan.h"
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
  std::vector<std::pair<std::string, Json>> changes;
  changes.emplace_back("zero_output_for_mask", Json::of(is_true(config["return_sequences"])));
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
    return call_layer(direction(call, is_backward), call.tracer(),
                      {sequence, {{name, std::move(own)}}, {}, call.is_mask_given()});
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

/// Calls a layer apart from the graph, which makes its variables. True if calls leave something behind: values of variables, or what
/// they add to the loss.
bool has_effects(Call& call, Layer& layer, const std::vector<Traced>& inputs) {
  Builder apart;
  const auto param = [&](const char* name, const Value& like) { return apart.param(name, like.type()); };
  std::vector<Expr> losses;
  Tracer tracer{.builder = apart, .training = call.training(), .losses = &losses};
  if (call.tracer().random_key) {
    tracer.random_key = param("key", call.tracer().random_key);
    tracer.random_counter = param("counter", call.tracer().random_counter);
  }
  std::vector<Traced> params;
  for (const Traced& input : inputs) {
    Traced& own = params.emplace_back(Expr(apart, param("x", input.value.value())));
    if (input.mask) own.mask = {apart, param("mask", input.mask.value())};
  }
  call_layer(layer, tracer, {.inputs = std::move(params)});
  return !apart.updates().empty() || !losses.empty();
}

/// `y` with other axes in the place of its first ones.
Expr with_front(const Expr& y, size_t replaced, const Shape& front) {
  Shape shape = y.shape();
  shape.erase(shape.begin(), shape.begin() + static_cast<int64_t>(replaced));
  shape.insert(shape.begin(), front.begin(), front.end());
  return reshape(y, shape);
}

/// Step i of a sequence.
Traced step_of(const Traced& sequence, int64_t i) {
  const auto at = [&](const Expr& x) { return squeeze(slice(x, 1, i, i + 1), {1}); };
  Traced step = at(sequence.value);
  if (sequence.mask) step.mask = at(sequence.mask);
  return step;
}

/// The wrapped layer on all steps, one after the other.
Outputs step_by_step(Call& call, Layer& layer) {
  std::vector<std::vector<Expr>> outputs;
  for (int64_t i = 0; i < call.input().extent(1); ++i) {
    const Outputs made = call_layer(layer, call.tracer(), {.inputs = {step_of(call.traced_input(), i)}});
    outputs.resize(made.size());
    for (size_t k = 0; k < made.size(); ++k) outputs[k].push_back(expand_dims(made[k].value, 1));
  }
  Outputs joined;
  for (const std::vector<Expr>& steps : outputs) joined.emplace_back(concat(steps, 1));
  return joined;
}

/// A layer's variables with those of all its parts.
void gather_variables(const Layer& layer, std::vector<const LayerVariable*>& all) {
  for (const LayerVariable& variable : layer.variables()) all.push_back(&variable);
  for (const std::unique_ptr<Layer>& child : layer.children()) gather_variables(*child, all);
}

/// The wrapped layer, which has been called before, in a loop over the steps.
Outputs loop_over_steps(Call& call, Layer& layer) {
  const Traced& input = call.traced_input();
  ScanBuilder scan;
  Tracer tracer{.builder = scan.body()};
  Traced step = scan.add("x", input.value, true);
  if (input.mask) step.mask = scan.add("mask", input.mask, true);
  std::vector<const LayerVariable*> variables;
  gather_variables(layer, variables);
  for (const LayerVariable* variable : variables) {
    // Within a loop around this one it is a parameter already.
    const auto outer = call.tracer().replaced.find(variable->path);
    const Expr value = outer != call.tracer().replaced.end()
                           ? outer->second
                           : Expr(call.builder(), call.builder().var(variable->path, variable->type));
    tracer.replaced.emplace(variable->path, scan.add(variable->name, value));
  }
  for (const Traced& output : call_layer(layer, tracer, {.inputs = {step}})) scan.result("y", output.value);
  Outputs outputs;
  for (const Expr& steps :
       scan.finish(call.builder(), {.sequences = input.mask ? 2 : 1, .length = input.value.dim(1)}))
    outputs.emplace_back(steps);
  return outputs;
}

/// What TimeDistributed wraps. Keras calls it without what is around calls, so its activity_regularizer does nothing.
Layer& timed_layer(Call& call) {
  const Json& object = call.args().json("layer");
  std::vector<std::pair<std::string, Json>> changes;
  if (!object["config"]["activity_regularizer"].is_null())
    changes.emplace_back("activity_regularizer", Json());
  const std::string group = cat(call.layer().group(), "/layer");
  return changes.empty() ? call.layer().child(object, group)
                         : call.layer().child(object, group, std::move(changes));
}

constexpr Arg kTimeDistributedArgs[] = {{"layer", ArgKind::any}};

/// Time becomes part of the batch for the wrapped layer: [N, T, …] is [T·N, …] to it; or, if a step leaves something behind for the
/// next, steps are calls of their own; or, if batch and time are both free, which no dimension is the product of, there is a loop.
Outputs time_distributed(Call& call) {
  const Traced& input = call.traced_input();
  const Expr& x = input.value;
  if (x.rank() < 3)
    call.fail(cat("its input is ", to_text(x.shape()), ", expected at least rank 3"), {}, ErrorKind::data);
  if (input.mask && input.mask.rank() < 2)
    call.fail(cat("its mask is ", to_text(input.mask.shape()), ", expected batch and time"), {},
              ErrorKind::data);
  Layer& layer = timed_layer(call);
  if (has_effects(call, layer, {step_of(input, 0)})) {
    if (!x.dim(1).is_static())
      call.fail(cat("the wrapped ", layer.class_name(), " would keep something from each step to the next"),
                std::string(kFixLength));
    return step_by_step(call, layer);
  }
  const std::optional<Dim> batch = as_dim(Size(x.dim(0)) * Size(x.dim(1)));
  if (!batch && call.training())
    call.fail("batch and time are both free in training", std::string(kFixLength));
  if (!batch) return loop_over_steps(call, layer);
  Traced steps = with_front(x, 2, {*batch});
  if (input.mask) steps.mask = with_front(input.mask, 2, {*batch});
  Outputs outputs = call_layer(layer, call.tracer(), {.inputs = {steps}});
  for (Traced& output : outputs) output = with_front(output.value, 1, {x.dim(0), x.dim(1)});
  return outputs;
}

constexpr Arg kSpectralArgs[] = {{"layer", ArgKind::any}, {"power_iterations", ArgKind::count, "1"}};

/// The variable that a wrapped layer multiplies by.
const LayerVariable& kernel_of(Call& call, const Layer& layer) {
  for (const LayerVariable& variable : layer.variables())
    if (variable.name == "kernel" || variable.name == "embeddings") return variable;
  call.fail(cat("its layer ", layer.name(), " has no kernel"), {}, ErrorKind::data);
}

/// x / ‖x‖.
Expr unit(const Expr& x) {
  constexpr double kSmallest = 1e-14;
  return x * unary(Op::rsqrt, maximum(sum(x * x, axes_from(x, 0)), kSmallest));
}

/// Elements along all axes but the last.
int64_t matrix_rows(const Expr& kernel) {
  int64_t rows = 1;
  for (int64_t axis = 0; axis + 1 < kernel.rank(); ++axis) rows *= kernel.extent(axis);
  return rows;
}

/// In training the wrapped layer's kernel is divided by its largest singular value, which power iterations find, each call going on from
/// the vector that the last one left (T. Miyato et al., ICLR 2018). As in Keras on JAX the kernel itself stays as it is, and
/// inference takes it so. What comes out has the input's dtype, even an integer's.
Outputs spectral_normalization(Call& call) {
  Layer& layer = call.layer().child(call.args().json("layer"), cat(call.layer().group(), "/layer"));
  has_effects(call, layer, call.inputs());
  const LayerVariable& variable = kernel_of(call, layer);
  const Expr kernel(call.builder(), call.builder().var(variable.path, variable.type));
  call.layer().add_copy(variable);
  const VariableSpec u_spec{"vector_u", {1, kernel.dim(-1)}, "truncated_normal", false};
  Expr u = call.variable(u_spec);
  const auto call_wrapped = [&](Tracer& tracer) {
    Outputs outputs = call_layer(layer, tracer, {.inputs = {call.traced_input()}});
    for (Traced& output : outputs) output.value = cast(output.value, call.input().dtype());
    return outputs;
  };
  if (!call.training()) return call_wrapped(call.tracer());

  const Expr matrix = reshape(kernel, {matrix_rows(kernel), kernel.dim(-1)});
  Expr v;
  for (int64_t i = 0; i < call.args().integer("power_iterations"); ++i) {
    v = unit(matmul(u, transpose(matrix, {1, 0})));
    u = unit(matmul(v, matrix));
  }
  u = unary(Op::stop_gradient, u);
  v = unary(Op::stop_gradient, v);
  const Expr largest = sum(matmul(v, matrix) * u, {0, 1});
  const Expr is_zero = logical_not(reduce(Op::reduce_or, not_equal(matrix, 0), {0, 1}));
  call.update(u_spec, where(is_zero, call.variable(u_spec), u));
  Tracer tracer = call.tracer();
  tracer.replaced.emplace(variable.path, kernel / where(is_zero, number(largest, 1), largest));
  Outputs outputs = call_wrapped(tracer);
  call.tracer().random_streams = tracer.random_streams;
  return outputs;
}

constexpr LayerDef kLayers[] = {
    {"Bidirectional", kBidirectionalArgs, Masks::own, bidirectional, kInitialState},
    {.class_name = "TimeDistributed",
     .args = kTimeDistributedArgs,
     .masks = Masks::pass,
     .trace = time_distributed,
     .casts_outputs = false},
    {"SpectralNormalization", kSpectralArgs, Masks::own, spectral_normalization},
};

}  // namespace

std::span<const LayerDef> wrapper_layers() { return kLayers; }

}  // namespace keratin
