#include "frontend/layers/cell.h"

#include <algorithm>

#include "frontend/layers/tables.h"
#include "frontend/model_file.h"
#include "frontend/window.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Gates i, f, g, o:  c' = f·c + i·g,  h' = o·tanh(c').
std::vector<Expr> lstm_step(const Cell& cell, const Expr& x, const std::vector<Expr>& states) {
  const Expr gates = cell.from_input(x) + cell.from_state(states[0], 0, 4);
  const Expr input = cell.activate("recurrent_activation", cell.gate(gates, 0));
  const Expr forget = cell.activate("recurrent_activation", cell.gate(gates, 1));
  const Expr candidate = cell.activate("activation", cell.gate(gates, 2));
  const Expr output = cell.activate("recurrent_activation", cell.gate(gates, 3));
  const Expr carry = forget * states[1] + input * candidate;
  return {output * cell.activate("activation", carry), carry};
}

/// Gates z, r and the candidate n:  h' = z·h + (1 − z)·n. The reset gate r scales what the state contributes to n: after the
/// recurrent product, which then has a bias of its own, or before it.
std::vector<Expr> gru_step(const Cell& cell, const Expr& x, const std::vector<Expr>& states) {
  const bool after = cell.args().boolean("reset_after");
  const Expr& h = states[0];
  const Expr from_x = cell.from_input(x), from_h = cell.from_state(h, 0, after ? 3 : 2);
  const Expr update = cell.activate("recurrent_activation", cell.gate(from_x, 0) + cell.gate(from_h, 0));
  const Expr reset = cell.activate("recurrent_activation", cell.gate(from_x, 1) + cell.gate(from_h, 1));
  const Expr from_state = after ? reset * cell.gate(from_h, 2) : cell.from_state(reset * h, 2, 3);
  const Expr candidate = cell.activate("activation", cell.gate(from_x, 2) + from_state);
  return {update * h + (1 - update) * candidate};
}

std::vector<Expr> simple_step(const Cell& cell, const Expr& x, const std::vector<Expr>& states) {
  return {cell.activate("activation", cell.from_input(x) + cell.from_state(states[0], 0, 1))};
}

/// Columns `from` to before `to` of `gates` blocks.
Expr columns(const Expr& kernel, int64_t gates, int64_t from, int64_t to) {
  if (from == 0 && to == gates) return kernel;
  const int64_t width = kernel.extent(-1) / gates;
  return slice(kernel, -1, from * width, to * width);
}

}  // namespace

constexpr CellDef kLstmCell{"LSTMCell", "lstm_cell", 4, 2, lstm_step};
constexpr CellDef kGruCell{"GRUCell", "gru_cell", 3, 1, gru_step};
constexpr CellDef kSimpleCell{"SimpleRNNCell", "simple_rnn_cell", 1, 1, simple_step};
constexpr CellDef kConvLstmCell{"ConvLSTMCell", "conv_lstm_cell", 4, 2, lstm_step, /*convolves=*/true};

Cell::Cell(const CellDef& def, const Call& arguments, Layer& owner, const Shape& x)
    : def_(&def), call_(arguments), owner_(&owner) {
  def.convolves ? make_convolutions(x) : make_matrices(x);
  input_factors_ = dropout_factors("dropout", x);
  state_factors_ = dropout_factors("recurrent_dropout", state_shape_);
}

void Cell::make_matrices(const Shape& x) {
  if (x.size() != 2 || !x[1].is_static())
    call_.fail(cat("its input in one step is ", to_text(x), ", expected batch and features"), {},
               ErrorKind::data);
  units_ = args().integer("units");
  state_shape_ = {x[0], units_};
  input_product_ = state_product_ = matmul;
  make_weights({}, x[1].value());
}

/// The input is convolved as the arguments say, which makes it as large as the state; so is the state, with nothing around it
/// lost and no strides.
void Cell::make_convolutions(const Shape& x) {
  const size_t rank = x.size() - 2;
  const bool channels_last = args().choice("data_format") == kChannelsLast;
  const SpaceAxes axes = space_axes(args(), static_cast<int64_t>(x.size()));
  const Windows windows = read_windows(args(), rank);
  const std::string_view padding = args().choice("padding");
  units_ = args().integer("filters");
  channels_axis_ = axes.channels;
  state_shape_ = x;
  state_shape_[axes.channels] = units_;
  for (size_t i = 0; i < rank; ++i) state_shape_[axes.space[i]] = windows.count(i, x[axes.space[i]], padding);
  Windows around = windows;
  around.stride = around.dilation = Ints(rank, 1);
  const auto product = [axes, channels_last](Windows windows, std::string_view padding) {
    return [=](const Expr& image, const Expr& kernel) {
      Windows padded_windows = windows;
      const Expr padded = set_padding(padded_windows, padding, image, axes);
      return convolve(padded, kernel, padded_windows, channels_last);
    };
  };
  input_product_ = product(windows, padding);
  state_product_ = product(around, "same");
  if (!x[axes.channels].is_static()) call_.fail("its channels are free", {}, ErrorKind::data);
  make_weights(Shape(windows.size.begin(), windows.size.end()), x[axes.channels].value());
}

bool Cell::has_two_biases() const { return def_ == &kGruCell && args().boolean("reset_after"); }

void Cell::make_weights(const Shape& window, int64_t channels) {
  const int64_t width = def_->gates * units_;
  Shape kernel = window, recurrent = window;
  kernel.insert(kernel.end(), {channels, width});
  recurrent.insert(recurrent.end(), {units_, width});
  kernel_ = of_sane_size(call_.variable(*owner_, {"kernel", kernel, "glorot_uniform"}));
  recurrent_ =
      of_sane_size(call_.variable(*owner_, {"recurrent_kernel", recurrent, "orthogonal", true, "recurrent"}));
  if (!args().boolean("use_bias")) return;
  VariableSpec bias{"bias", has_two_biases() ? Shape{2, width} : Shape{width}, "zeros"};
  if (def_->step == lstm_step && args().boolean("unit_forget_bias")) bias.ones = {units_, 2 * units_};
  bias_ = call_.variable(*owner_, bias);
}

/// Factors that drop elements, the same in every step. Keras draws them for each gate where the state is dropped, too, and
/// always where products are convolutions.
std::vector<Expr> Cell::dropout_factors(std::string_view argument, const Shape& shape) {
  const double rate = args().real(argument);
  if (!call_.training() || rate <= 0 || rate >= 1) return {};
  const bool for_each_gate = def_->convolves || args().real("recurrent_dropout") != 0;
  std::vector<Expr> factors;
  for (int64_t gate = 0; gate < (for_each_gate ? def_->gates : 1); ++gate)
    factors.push_back(cast(greater_equal(call_.uniform(shape), rate), call_.compute_dtype()) *
                      (1 / (1 - rate)));
  return factors;
}

void Cell::replace(const std::function<Expr(std::string, const Expr&)>& replacement) {
  kernel_ = replacement("kernel", kernel_);
  recurrent_ = replacement("recurrent_kernel", recurrent_);
  if (bias_) bias_ = replacement("bias", bias_);
  const auto replace_all = [&](const std::string& name, std::vector<Expr>& factors) {
    for (size_t i = 0; i < factors.size(); ++i) factors[i] = replacement(cat(name, "_", i), factors[i]);
  };
  replace_all("dropout", input_factors_);
  replace_all("recurrent_dropout", state_factors_);
}

Expr Cell::multiply(const Product& product, const Expr& x, const std::vector<Expr>& factors,
                    const Expr& kernel, int64_t first, int64_t last) const {
  if (factors.size() <= 1)
    return product(factors.empty() ? x : x * factors[0], columns(kernel, def_->gates, first, last));
  std::vector<Expr> parts;
  for (int64_t gate = first; gate < last; ++gate)
    parts.push_back(product(x * factors[gate], columns(kernel, def_->gates, gate, gate + 1)));
  return concat(parts, channels_axis_);
}

Expr Cell::with_bias(const Expr& sum, const Expr& bias) const {
  return sum + align(bias, sum, {sum.axis(channels_axis_)});
}

Expr Cell::from_input(const Expr& x) const {
  const Expr sum = multiply(input_product_, x, input_factors_, kernel_, 0, def_->gates);
  if (!bias_) return sum;
  return with_bias(sum, has_two_biases() ? squeeze(slice(bias_, 0, 0, 1), {0}) : bias_);
}

Expr Cell::from_state(const Expr& h, int64_t first, int64_t last) const {
  const Expr sum = multiply(state_product_, h, state_factors_, recurrent_, first, last);
  return bias_ && has_two_biases() ? with_bias(sum, squeeze(slice(bias_, 0, 1, 2), {0})) : sum;
}

Expr Cell::gate(const Expr& gates, int64_t i) const {
  return slice(gates, channels_axis_, i * units_, (i + 1) * units_);
}

Expr Cell::activate(std::string_view argument, const Expr& x) const {
  return call_.activate(argument, x).value;
}

// ---- stacks ----

CellStack::CellStack(Layer& layer, Tracer& tracer, const Shape& x) {
  Shape read = x;
  add(layer, tracer, read);
}

void CellStack::add(Layer& layer, Tracer& tracer, Shape& x) {
  const Call call(layer, tracer, {});
  for (const CellDef* def : {&kLstmCell, &kGruCell, &kSimpleCell})
    if (def->class_name == layer.class_name()) {
      cells_.emplace_back(*def, call, layer, x);
      x = cells_.back().state_shape();
      return;
    }
  if (layer.class_name() != "StackedRNNCells")
    call.fail("is no cell", "expected LSTMCell, GRUCell, SimpleRNNCell or StackedRNNCells");
  GroupNames groups;
  for (const Json& object : call.args().json("cells").items())
    add(layer.child(object, cat(layer.group(), "/cells/", groups.next(object["class_name"].as_string()))),
        tracer, x);
  if (cells_.empty()) call.fail("has no cells", {}, ErrorKind::data);
}

std::vector<Shape> CellStack::states() const {
  std::vector<Shape> shapes;
  for (const Cell& cell : cells_) shapes.insert(shapes.end(), cell.states(), cell.state_shape());
  return shapes;
}

size_t CellStack::output() const { return states().size() - static_cast<size_t>(cells_.back().states()); }

void CellStack::replace(const std::function<Expr(std::string, const Expr&)>& replacement) {
  for (size_t i = 0; i < cells_.size(); ++i)
    cells_[i].replace([&](const std::string& name, const Expr& value) {
      return replacement(cells_.size() > 1 ? cat(name, "_", i) : name, value);
    });
}

std::vector<Expr> CellStack::step(const Expr& x, const std::vector<Expr>& states) const {
  std::vector<Expr> next;
  Expr y = x;
  for (const Cell& cell : cells_) {
    const auto first = states.begin() + static_cast<int64_t>(next.size());
    const std::vector<Expr> own = cell.step(y, {first, first + cell.states()});
    y = own[0];
    next.insert(next.end(), own.begin(), own.end());
  }
  return next;
}

}  // namespace keratin
