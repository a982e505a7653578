// Recurrent layers as a scan over time: LSTM, GRU, SimpleRNN, ConvLSTM, RNN around cells; and cells as layers by themselves.
//
// What a layer does in one step is a cell's (frontend/layers/cell.h); everything around it (direction, masks, states, what comes out)
// is the same for all and stands in recur(). The whole step is in the scan's body, the input's projection
// included: a later pass moves out of the loop what does not depend on the state.
#include <algorithm>
#include <array>

#include "frontend/layers/cell.h"
#include "frontend/layers/tables.h"
#include "frontend/scan.h"
#include "frontend/window.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin {
namespace {

constexpr int64_t kTimeAxis = 1;

/// Names of the states: "h" and "c", numbered where there are several cells.
std::vector<std::string> state_names(const CellStack& cells) {
  const size_t states = cells.states().size();
  if (states == 1) return {"h"};
  if (states == 2 && cells.output() == 0) return {"h", "c"};
  std::vector<std::string> names;
  for (size_t i = 0; i < states; ++i) names.push_back(cat("h", i));
  return names;
}

/// The variable that keeps a state from call to call where a layer is stateful. Keras leaves them out of files and of the parameters
/// that it counts.
VariableSpec kept_state(const std::string& name, const Shape& shape) {
  return {.name = name, .shape = shape, .initializer = "zeros", .trainable = false, .role = Role::state};
}

/// The states that a call gives, as arguments after the first or by name.
std::vector<Traced> given_states(Call& call) {
  std::vector<Traced> given(call.inputs().begin() + 1, call.inputs().end());
  const std::vector<Traced>& named = call.tensors(kInitialState[0]);
  given.insert(given.end(), named.begin(), named.end());
  return given;
}

std::vector<Expr> checked_states(Call& call, const CellStack& cells, const std::vector<Traced>& given) {
  const std::vector<Shape> shapes = cells.states();
  if (given.size() != shapes.size())
    call.fail(cat("is called with ", given.size(), " states, expected ", shapes.size()), {}, ErrorKind::data);
  std::vector<Expr> states;
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i].value.shape() != shapes[i])
      throw_unequal(
          Error(ErrorKind::data,
                cat("a state is ", to_text(given[i].value.shape()), ", expected ", to_text(shapes[i])),
                call.layer().where()),
          given[i].value.shape(), shapes[i]);
    states.push_back(cast(given[i].value, call.compute_dtype()));
  }
  return states;
}

/// The states before the first step: those the call gives, those that the last call left, or zeros.
std::vector<Expr> initial_states(Call& call, const CellStack& cells) {
  const bool stateful = call.args().boolean("stateful");
  const std::vector<std::string> names = state_names(cells);
  const std::vector<Shape> shapes = cells.states();
  if (stateful && !shapes[0][0].is_static())
    call.fail("is stateful, and its batch is free",
              "give the model's input a batch size in Keras: Input(batch_shape=…)");
  const std::vector<Traced> given = given_states(call);
  if (!given.empty()) return checked_states(call, cells, given);
  std::vector<Expr> states;
  for (size_t i = 0; i < shapes.size(); ++i)
    states.push_back(stateful
                         ? call.variable(kept_state(names[i], shapes[i]))
                         : Expr(call.builder(), call.builder().constant(call.compute_dtype(), 0, shapes[i])));
  return states;
}

/// [batch] as [batch, 1, …], beside `x`.
Expr beside(Expr mask, const Expr& x) {
  while (mask.rank() < x.rank()) mask = expand_dims(mask, -1);
  return mask;
}

/// [batch, time] of a mask that may have more axes: a step counts if anything in it does.
Expr mask_of_steps(Call& call, const Expr& mask) {
  if (!mask || mask.rank() == 2) return mask;
  if (mask.rank() < 2)
    call.fail(cat("its mask is ", to_text(mask.shape()), ", expected batch and time"), {}, ErrorKind::data);
  return reduce(Op::reduce_or, mask, axes_from(mask, 2));
}

/// Keras 3 looks for the mask of a call's only tensor argument; beside initial states it takes one that the call is given by name
/// only. What comes out has the mask of the sequence in any case.
bool forgets_mask(Call& call) {
  return !given_states(call).empty() && !call.is_mask_given() && !call.layer().context().keras2;
}

Outputs recur(Call& call, CellStack cells) {
  const Args& args = call.args();
  const Expr x = call.to_float(call.inputs()[0].value);
  const Expr given_mask = call.inputs()[0].mask,
             mask = forgets_mask(call) ? Expr() : mask_of_steps(call, given_mask);
  const bool sequences = args.boolean("return_sequences"), unrolled = args.boolean("unroll"),
             backwards = args.boolean("go_backwards");
  const bool zero_masked = args.boolean("zero_output_for_mask");
  const std::vector<Expr> states = initial_states(call, cells);
  const std::vector<std::string> names = state_names(cells);
  const size_t count = states.size(), output_state = cells.output();
  // Before the first step that counts the output is the initial state or, unrolled, zeros; and a masked last step that puts out
  // zeros makes the last output differ from the last state.
  const bool carries_output =
      mask &&
      (zero_masked ? !sequences : unrolled && (args.boolean("stateful") || !given_states(call).empty()));

  ScanBuilder scan;
  std::vector<Expr> old;
  for (size_t i = 0; i < count; ++i) old.push_back(scan.add(names[i], states[i]));
  Expr last_output = old[output_state];
  if (carries_output)
    last_output = scan.add("output", broadcast_to(number(x, 0), states[output_state].shape()));
  const Expr step_x = scan.add("x", x, true);
  const Expr step_mask = mask ? scan.add("mask", mask, true) : Expr();
  cells.replace([&](std::string name, const Expr& value) { return scan.add(std::move(name), value); });

  // All params stand before the first other node.
  std::vector<Expr> next = cells.step(step_x, old);
  Expr output = next[output_state];
  if (mask) {
    for (size_t i = 0; i < count; ++i) next[i] = where(beside(step_mask, old[i]), next[i], old[i]);
    if (zero_masked || carries_output)
      output = where(beside(step_mask, output), output, zero_masked ? number(output, 0) : last_output);
    else
      output = next[output_state];
  }
  for (size_t i = 0; i < count; ++i) scan.result(names[i], next[i]);
  if (carries_output) scan.result("output", output);
  if (sequences) scan.result("outputs", output);
  const std::vector<Expr> results =
      scan.finish(call.builder(), {.carries = static_cast<int64_t>(count) + carries_output,
                                   .sequences = mask ? 2 : 1,
                                   .length = x.dim(kTimeAxis),
                                   .reverse = backwards});

  if (args.boolean("stateful"))
    for (size_t i = 0; i < count; ++i) call.update(kept_state(names[i], states[i].shape()), results[i]);
  Outputs outputs;
  if (sequences) {
    const Expr steps = results[count + carries_output];
    // Keras leaves the steps in the order in which they were walked.
    outputs.emplace_back(backwards ? reverse(steps, kTimeAxis) : steps, given_mask);
  } else {
    outputs.emplace_back(results[carries_output ? count : output_state]);
  }
  if (args.boolean("return_state"))
    for (size_t i = 0; i < count; ++i) outputs.emplace_back(results[i]);
  return outputs;
}

/// The shape of what a step reads.
Shape step_shape(Call& call, int64_t rank) {
  if (call.inputs().empty()) call.fail("is called with no inputs", {}, ErrorKind::data);
  Shape shape = call.inputs()[0].value.shape();
  const bool fits = rank == 0 ? shape.size() >= 3 : static_cast<int64_t>(shape.size()) == rank;
  if (!fits)
    call.fail(cat("its input is ", to_text(shape), ", expected ",
                  rank == 0 ? "at least rank 3" : cat("rank ", rank), ": batch, time, features"),
              {}, ErrorKind::data);
  shape.erase(shape.begin() + kTimeAxis);
  return shape;
}

/// The layer that is named after a cell has its arguments and, in a part, its variables.
template <const CellDef& def, int64_t input_rank = 3>
Outputs named_after(Call& call) {
  const Shape x = step_shape(call, input_rank);
  return recur(call, CellStack(Cell(def, call, call.layer().part(def.part, "cell"), x)));
}

Outputs rnn(Call& call) {
  const Shape x = step_shape(call, 0);
  Layer& cell = call.layer().child(call.args().json("cell"), cat(call.layer().group(), "/cell"));
  return recur(call, CellStack(cell, call.tracer(), x));
}

/// A cell by itself: its output, and its states after the step.
Outputs one_step(Call& call) {
  if (call.inputs().empty()) call.fail("is called with no inputs", {}, ErrorKind::data);
  const Expr x = call.to_float(call.inputs()[0].value);
  const CellStack cells(call.layer(), call.tracer(), x.shape());
  const std::vector<Expr> states =
      cells.step(x, checked_states(call, cells, {call.inputs().begin() + 1, call.inputs().end()}));
  Outputs outputs(states[cells.output()]);
  for (const Expr& state : states) outputs.emplace_back(state);
  return outputs;
}

// ---- the table ----

template <size_t n, size_t m>
constexpr std::array<Arg, n + m> both(const std::array<Arg, n>& a, const std::array<Arg, m>& b) {
  std::array<Arg, n + m> args{};
  std::copy(a.begin(), a.end(), args.begin());
  std::copy(b.begin(), b.end(), args.begin() + n);
  return args;
}

constexpr std::array kWalkArgs = {
    Arg{"return_sequences", ArgKind::boolean, "false"},
    Arg{"return_state", ArgKind::boolean, "false"},
    Arg{"go_backwards", ArgKind::boolean, "false"},
    Arg{"stateful", ArgKind::boolean, "false"},
    Arg{"unroll", ArgKind::boolean, "false"},
    Arg{"zero_output_for_mask", ArgKind::boolean, "false"},
};
constexpr std::array kStepArgs = {
    Arg{"activation", ArgKind::any, "\"tanh\""},
    Arg{"use_bias", ArgKind::boolean, "true"},
    Arg{"dropout", ArgKind::real, "0.0"},
    Arg{"recurrent_dropout", ArgKind::real, "0.0"},
};
constexpr std::array kGateArgs = {Arg{"recurrent_activation", ArgKind::any, "\"sigmoid\""}};
constexpr std::array kSimpleCellArgs = both(kStepArgs, std::array{Arg{"units", ArgKind::count}});
constexpr std::array kGatedCellArgs = both(kSimpleCellArgs, kGateArgs);
constexpr std::array kForgetArgs = {Arg{"unit_forget_bias", ArgKind::boolean, "true"}};
constexpr std::array kLstmCellArgs = both(kGatedCellArgs, kForgetArgs);
constexpr std::array kGruCellArgs =
    both(kGatedCellArgs, std::array{Arg{"reset_after", ArgKind::boolean, "true"}});
constexpr std::array kConvolutionArgs = {
    Arg{"filters", ArgKind::count},
    Arg{"kernel_size", ArgKind::ints},
    Arg{"strides", ArgKind::ints, "1"},
    Arg{"padding", ArgKind::choice, "valid", "valid|same"},
    kDataFormatArg,
    Arg{"dilation_rate", ArgKind::ints, "1"},
};
constexpr std::array kStackArgs = {Arg{"cells", ArgKind::any}};

constexpr std::array kLstmArgs = both(kLstmCellArgs, kWalkArgs);
constexpr std::array kGruArgs = both(kGruCellArgs, kWalkArgs);
constexpr std::array kSimpleArgs = both(kSimpleCellArgs, kWalkArgs);
constexpr std::array kConvLstmArgs =
    both(both(kStepArgs, kGateArgs), both(both(kForgetArgs, kConvolutionArgs), kWalkArgs));
constexpr std::array kRnnArgs = both(std::array{Arg{"cell", ArgKind::any}}, kWalkArgs);

/// What calls of cells name their arguments.
constexpr std::string_view kCellInputs[] = {"inputs", "sequence", "states"};

constexpr LayerDef cell_by_itself(std::string_view class_name, std::span<const Arg> args) {
  return {
      .class_name = class_name, .args = args, .masks = Masks::drop, .trace = one_step, .inputs = kCellInputs};
}

constexpr LayerDef kLayers[] = {
    {"LSTM", kLstmArgs, Masks::own, named_after<kLstmCell>, kInitialState},
    {"GRU", kGruArgs, Masks::own, named_after<kGruCell>, kInitialState},
    {"SimpleRNN", kSimpleArgs, Masks::own, named_after<kSimpleCell>, kInitialState},
    {"ConvLSTM1D", kConvLstmArgs, Masks::own, named_after<kConvLstmCell, 4>, kInitialState},
    {"ConvLSTM2D", kConvLstmArgs, Masks::own, named_after<kConvLstmCell, 5>, kInitialState},
    {"ConvLSTM3D", kConvLstmArgs, Masks::own, named_after<kConvLstmCell, 6>, kInitialState},
    {"RNN", kRnnArgs, Masks::own, rnn, kInitialState},
    cell_by_itself("LSTMCell", kLstmCellArgs),
    cell_by_itself("GRUCell", kGruCellArgs),
    cell_by_itself("SimpleRNNCell", kSimpleCellArgs),
    cell_by_itself("StackedRNNCells", kStackArgs),
};

}  // namespace

std::span<const LayerDef> recurrent_layers() { return kLayers; }

}  // namespace keratin
