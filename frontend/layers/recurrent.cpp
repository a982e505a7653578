// Recurrent layers: LSTM, GRU, SimpleRNN, as a scan over time.
//
// What a layer does in one step is a `Cell`; everything around it (direction, masks, states, what comes out) is the same for
// all and stands in trace_recurrent(). The whole step is in the scan's body, the input's projection included: a later pass
// moves out of the loop what does not depend on the state.
#include <algorithm>
#include <array>

#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// A layer's weights, inside the body of the scan.
struct CellWeights {
  Expr kernel, recurrent, bias;  // no bias: none
};

struct Cell {
  std::string_view part;                     ///< the cell's name in paths of variables: "lstm_cell"
  int64_t gates;                             ///< blocks of `units` columns in the kernels
  int64_t states;                            ///< the first one is the output
  bool (*has_two_biases)(const Args& args);  ///< bias is [2, gates·units]
  std::vector<Expr> (*step)(Call& call, const CellWeights& weights, const Expr& x,
                            const std::vector<Expr>& states);
};

/// Block i of the last axis.
Expr block(const Expr& x, int64_t i, int64_t units) { return slice(x, -1, i * units, (i + 1) * units); }

Expr with_bias(const Expr& x, const Expr& bias) { return bias ? x + bias : x; }

Expr activate(Call& call, const Expr& x) { return call.activate("activation", x).value; }
Expr activate_gate(Call& call, const Expr& x) { return call.activate("recurrent_activation", x).value; }

/// Gates i, f, g, o:  c' = f·c + i·g,  h' = o·tanh(c').
std::vector<Expr> lstm_step(Call& call, const CellWeights& weights, const Expr& x,
                            const std::vector<Expr>& states) {
  const int64_t units = call.args().integer("units");
  const Expr gates =
      with_bias(matmul(x, weights.kernel) + matmul(states[0], weights.recurrent), weights.bias);
  const Expr input = activate_gate(call, block(gates, 0, units));
  const Expr forget = activate_gate(call, block(gates, 1, units));
  const Expr candidate = activate(call, block(gates, 2, units));
  const Expr output = activate_gate(call, block(gates, 3, units));
  const Expr carry = forget * states[1] + input * candidate;
  return {output * activate(call, carry), carry};
}

bool resets_after(const Args& args) { return args.boolean("reset_after"); }

/// Gates z, r and the candidate n:  h' = z·h + (1 − z)·n. The reset gate r scales what the state contributes to n: after the
/// recurrent product, which then has a bias of its own, or before it.
std::vector<Expr> gru_step(Call& call, const CellWeights& weights, const Expr& x,
                           const std::vector<Expr>& states) {
  const int64_t units = call.args().integer("units");
  const bool after = resets_after(call.args());
  const Expr& h = states[0];
  Expr input_bias = weights.bias, recurrent_bias;
  if (after && weights.bias) {
    input_bias = squeeze(slice(weights.bias, 0, 0, 1), {0});
    recurrent_bias = squeeze(slice(weights.bias, 0, 1, 2), {0});
  }
  const Expr from_x = with_bias(matmul(x, weights.kernel), input_bias);
  const Expr gate_columns = after ? weights.recurrent : slice(weights.recurrent, -1, 0, 2 * units);
  const Expr from_h = with_bias(matmul(h, gate_columns), recurrent_bias);
  const Expr update = activate_gate(call, block(from_x, 0, units) + block(from_h, 0, units));
  const Expr reset = activate_gate(call, block(from_x, 1, units) + block(from_h, 1, units));
  const Expr from_state =
      after ? reset * block(from_h, 2, units) : matmul(reset * h, block(weights.recurrent, 2, units));
  const Expr candidate = activate(call, block(from_x, 2, units) + from_state);
  return {update * h + (1 - update) * candidate};
}

std::vector<Expr> simple_step(Call& call, const CellWeights& weights, const Expr& x,
                              const std::vector<Expr>& states) {
  return {activate(
      call, with_bias(matmul(x, weights.kernel) + matmul(states[0], weights.recurrent), weights.bias))};
}

constexpr auto kOneBias = [](const Args&) { return false; };
constexpr Cell kLstm{"lstm_cell", 4, 2, kOneBias, lstm_step};
constexpr Cell kGru{"gru_cell", 3, 1, resets_after, gru_step};
constexpr Cell kSimple{"simple_rnn_cell", 1, 1, kOneBias, simple_step};

CellWeights make_weights(Call& call, const Cell& cell, int64_t features) {
  const int64_t units = call.args().integer("units"), columns = cell.gates * units;
  Layer& part = call.layer().part(cell.part, "cell");
  CellWeights weights;
  weights.kernel = call.variable(part, {"kernel", {features, columns}, "glorot_uniform"});
  weights.recurrent =
      call.variable(part, {"recurrent_kernel", {units, columns}, "orthogonal", true, "recurrent"});
  if (!call.args().boolean("use_bias")) return weights;
  const Shape shape = cell.has_two_biases(call.args()) ? Shape{2, columns} : Shape{columns};
  VariableSpec bias{"bias", shape, "zeros"};
  if (cell.gates == 4 && call.args().boolean("unit_forget_bias")) bias.ones = {units, 2 * units};
  weights.bias = call.variable(part, bias);
  return weights;
}

/// "h" and "c" of a step, and the variables that keep them from call to call where a layer is stateful. Keras gives these no
/// names of their own, and leaves them out of files and of the parameters that it counts.
constexpr std::array<std::string_view, 2> kStateNames = {"h", "c"};

VariableSpec kept_state(size_t i, const Shape& shape) {
  return {kStateNames[i], shape, "zeros", false, {}, DType::f32, Role::state};
}

/// The states before the first step: those the call gives, those that the last call left, or zeros.
std::vector<Expr> initial_states(Call& call, const Cell& cell) {
  std::vector<Traced> given(call.inputs().begin() + 1, call.inputs().end());
  const std::vector<Traced>& named = call.tensors(kInitialState[0]);
  given.insert(given.end(), named.begin(), named.end());
  const Shape shape{call.inputs()[0].value.dim(0), call.args().integer("units")};
  const bool stateful = call.args().boolean("stateful");
  if (stateful && !shape[0].is_static())
    call.fail("is stateful, and its batch is free",
              "give the model's input a batch size in Keras: Input(batch_shape=…)");
  std::vector<Expr> states;
  if (given.empty()) {
    for (int64_t i = 0; i < cell.states; ++i)
      states.push_back(stateful ? call.variable(kept_state(i, shape))
                                : Expr(call.builder(), call.builder().constant(DType::f32, 0, shape)));
  }
  for (const Traced& state : given) states.push_back(cast(state.value, DType::f32));
  if (static_cast<int64_t>(states.size()) != cell.states)
    call.fail(cat("is called with ", states.size(), " initial states, expected ", cell.states), {},
              ErrorKind::data);
  for (const Expr& state : states)
    if (state.shape() != shape)
      call.fail(cat("an initial state is ", to_text(state.shape()), ", expected ", to_text(shape)), {},
                ErrorKind::data);
  return states;
}

/// Factors that drop elements of [batch, features], the same in every step; none outside training.
Expr dropout_factors(Call& call, std::string_view argument, int64_t features) {
  const double rate = call.args().real(argument);
  if (!call.training() || rate == 0) return {};
  const Expr kept = greater_equal(call.uniform({call.inputs()[0].value.dim(0), features}), rate);
  return cast(kept, DType::f32) * (1 / (1 - rate));
}

/// The operands of a scan and the params of its body, added in pairs.
class ScanBuilder {
 public:
  Expr add(std::string name, const Expr& operand, bool is_sequence = false) {
    Type type = operand.value().type();
    if (is_sequence) type.shape.erase(type.shape.begin() + kTimeAxis);
    operands_.push_back(operand.value());
    return {body_, body_.param(std::move(name), type)};
  }
  /// No value stands for none.
  Expr add_optional(std::string name, const Expr& operand) {
    return operand ? add(std::move(name), operand) : Expr();
  }
  Builder& body() { return body_; }
  void result(std::string name, const Expr& value) { body_.result(std::move(name), value.value()); }
  const Node* finish(Builder& outer, ScanAttrs attrs) {
    attrs.axis = kTimeAxis;
    return outer.make_node(Op::scan, std::move(operands_), attrs,
                           std::make_shared<const Function>(body_.finish()));
  }
  static constexpr int64_t kTimeAxis = 1;

 private:
  Builder body_;
  std::vector<Value> operands_;
};

Outputs trace_recurrent(Call& call, const Cell& cell) {
  const Args& args = call.args();
  if (call.inputs().empty()) call.fail("is called with no inputs", {}, ErrorKind::data);
  const Expr x = to_float(call.inputs()[0].value);
  const Expr mask = call.inputs()[0].mask;
  if (x.rank() != 3)
    call.fail(cat("its input is ", to_text(x.shape()), ", expected rank 3: batch, time, features"), {},
              ErrorKind::data);
  const bool sequences = args.boolean("return_sequences"), zero_masked = args.boolean("zero_output_for_mask");
  const int64_t units = args.integer("units");
  const CellWeights weights = make_weights(call, cell, x.extent(2));
  std::vector<Expr> states = initial_states(call, cell);
  // A masked last step that puts out zeros makes the last output differ from the last state.
  const bool carries_output = mask && zero_masked && !sequences;

  ScanBuilder scan;
  std::vector<Expr> old;
  for (size_t i = 0; i < states.size(); ++i) old.push_back(scan.add(std::string(kStateNames[i]), states[i]));
  if (carries_output) scan.add("output", number(states[0], 0));
  Expr step_x = scan.add("x", x, true);
  Expr step_mask;
  if (mask) step_mask = scan.add("mask", mask, true);
  CellWeights inner;
  inner.kernel = scan.add("kernel", weights.kernel);
  inner.recurrent = scan.add("recurrent_kernel", weights.recurrent);
  inner.bias = scan.add_optional("bias", weights.bias);
  const Expr drop_x = scan.add_optional("dropout", dropout_factors(call, "dropout", x.extent(2)));
  const Expr drop_h =
      scan.add_optional("recurrent_dropout", dropout_factors(call, "recurrent_dropout", units));

  // All params stand before the first other node.
  if (mask) step_mask = expand_dims(step_mask, -1);
  if (drop_x) step_x = step_x * drop_x;
  std::vector<Expr> seen = old;
  if (drop_h) seen[0] = seen[0] * drop_h;
  std::vector<Expr> next = cell.step(call, inner, step_x, seen);
  Expr output = next[0];
  if (mask) {
    for (size_t i = 0; i < next.size(); ++i) next[i] = where(step_mask, next[i], old[i]);
    output = zero_masked ? where(step_mask, output, number(output, 0)) : next[0];
  }
  for (size_t i = 0; i < next.size(); ++i) scan.result(std::string(kStateNames[i]), next[i]);
  if (carries_output || sequences) scan.result("output", output);
  const Node* node = scan.finish(call.builder(), {.carries = cell.states + carries_output,
                                                  .sequences = mask ? 2 : 1,
                                                  .length = x.dim(1),
                                                  .reverse = args.boolean("go_backwards")});

  const auto result = [&](int64_t i) { return Expr(call.builder(), node->value(static_cast<uint32_t>(i))); };
  if (args.boolean("stateful"))
    for (int64_t i = 0; i < cell.states; ++i) call.update(kept_state(i, states[i].shape()), result(i));
  Outputs outputs;
  if (sequences) {
    const Expr steps = result(cell.states);
    // Keras leaves the steps in the order in which they were walked.
    outputs.emplace_back(args.boolean("go_backwards") ? reverse(steps, 1) : steps, mask);
  } else {
    outputs.emplace_back(result(carries_output ? cell.states : 0));
  }
  if (args.boolean("return_state"))
    for (int64_t i = 0; i < cell.states; ++i) outputs.emplace_back(result(i));
  return outputs;
}

constexpr std::array kCommonArgs = {
    Arg{"units", ArgKind::count},
    Arg{"activation", ArgKind::any, "\"tanh\""},
    Arg{"use_bias", ArgKind::boolean, "true"},
    Arg{"dropout", ArgKind::real, "0.0"},
    Arg{"recurrent_dropout", ArgKind::real, "0.0"},
    Arg{"return_sequences", ArgKind::boolean, "false"},
    Arg{"return_state", ArgKind::boolean, "false"},
    Arg{"go_backwards", ArgKind::boolean, "false"},
    Arg{"stateful", ArgKind::boolean, "false"},
    Arg{"unroll", ArgKind::boolean, "false"},
    Arg{"zero_output_for_mask", ArgKind::boolean, "false"},
};

/// What all recurrent layers have, and what one has of its own.
template <size_t n>
constexpr std::array<Arg, kCommonArgs.size() + n> common_and(const Arg (&own)[n]) {
  std::array<Arg, kCommonArgs.size() + n> args{};
  std::copy(kCommonArgs.begin(), kCommonArgs.end(), args.begin());
  std::copy(own, own + n, args.begin() + kCommonArgs.size());
  return args;
}

constexpr auto kLstmArgs = common_and({
    {"recurrent_activation", ArgKind::any, "\"sigmoid\""},
    {"unit_forget_bias", ArgKind::boolean, "true"},
});
constexpr auto kGruArgs = common_and({
    {"recurrent_activation", ArgKind::any, "\"sigmoid\""},
    {"reset_after", ArgKind::boolean, "true"},
});

constexpr LayerDef kLayers[] = {
    {"LSTM", kLstmArgs, Masks::own, [](Call& call) { return trace_recurrent(call, kLstm); }, kInitialState},
    {"GRU", kGruArgs, Masks::own, [](Call& call) { return trace_recurrent(call, kGru); }, kInitialState},
    {"SimpleRNN", kCommonArgs, Masks::own, [](Call& call) { return trace_recurrent(call, kSimple); },
     kInitialState},
};

}  // namespace

std::span<const LayerDef> recurrent_layers() { return kLayers; }

}  // namespace keratin
