// Cells: what recurrent layers do in one step.
//
// A cell is a row: its class, how many gates and states it has, and the function of a step. The same row serves the layer that
// is named after it (LSTM), RNN around it, StackedRNNCells and the cell as a layer by itself; with convolutions for
// products it is the cell of ConvLSTM.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/layer.h"

namespace keratin {

class Cell;

struct CellDef {
  std::string_view class_name;  ///< "LSTMCell"
  std::string_view part;        ///< its name within the layer that is named after it: "lstm_cell"
  int64_t gates;                ///< blocks of columns in the kernels
  int64_t states;               ///< the first one is the output
  /// The states after a step.
  std::vector<Expr> (*step)(const Cell& cell, const Expr& x, const std::vector<Expr>& states);
  bool convolves = false;
};

/// The rows; those of convolutions are not found by name, since Keras has no such class.
extern const CellDef kLstmCell, kGruCell, kSimpleCell, kConvLstmCell;

/// A cell at work: with its weights, in one call of the layer around it.
class Cell {
 public:
  /// Makes the weights. `arguments` is a call of the layer that has the cell's arguments, `owner` has its variables, and a step
  /// gets inputs of the shape `x`, batch included.
  Cell(const CellDef& def, const Call& arguments, Layer& owner, const Shape& x);

  /// That of each state, batch included.
  const Shape& state_shape() const { return state_shape_; }
  int64_t states() const { return def_->states; }

  /// Replaces what steps read beside their input and the states: by params of a body that they are traced in.
  void replace(const std::function<Expr(std::string name, const Expr& value)>& replacement);
  std::vector<Expr> step(const Expr& x, const std::vector<Expr>& states) const {
    return def_->step(*this, x, states);
  }

  // For the function of a step. Gates are counted from 0; those from `first` to before `last` come side by side.

  const Args& args() const { return call_.args(); }
  /// What the input contributes, bias included.
  Expr from_input(const Expr& x) const;
  /// What the state contributes, without the input's bias.
  Expr from_state(const Expr& h, int64_t first, int64_t last) const;
  /// Gate i of such a sum, in which gate `first` is the first.
  Expr gate(const Expr& gates, int64_t i) const;
  Expr activate(std::string_view argument, const Expr& x) const;

 private:
  using Product = std::function<Expr(const Expr& x, const Expr& kernel)>;

  void make_matrices(const Shape& x);
  void make_convolutions(const Shape& x);
  void make_weights(const Shape& window, int64_t channels);
  std::vector<Expr> dropout_factors(std::string_view argument, const Shape& shape);
  Expr multiply(const Product& product, const Expr& x, const std::vector<Expr>& factors, const Expr& kernel,
                int64_t first, int64_t last) const;
  Expr with_bias(const Expr& sum, const Expr& bias) const;
  bool has_two_biases() const;

  const CellDef* def_;
  mutable Call call_;
  Layer* owner_;
  int64_t units_ = 0, channels_axis_ = -1;
  Shape state_shape_;
  Product input_product_, state_product_;
  Expr kernel_, recurrent_, bias_;  // no bias: none
  // Of dropout: none, one for all gates, or one for each.
  std::vector<Expr> input_factors_, state_factors_;
};

/// Cells one upon the other: the output of each is the input of the next.
class CellStack {
 public:
  /// One cell.
  explicit CellStack(Cell cell) { cells_.push_back(std::move(cell)); }
  /// Those that a serialized object describes: a cell, or StackedRNNCells. `layer` is made of it.
  CellStack(Layer& layer, Tracer& tracer, const Shape& x);

  /// The shapes of all states.
  std::vector<Shape> states() const;
  /// Which of the states is the output.
  size_t output() const;
  void replace(const std::function<Expr(std::string name, const Expr& value)>& replacement);
  std::vector<Expr> step(const Expr& x, const std::vector<Expr>& states) const;

 private:
  void add(Layer& layer, Tracer& tracer, Shape& x);

  std::vector<Cell> cells_;
};

}  // namespace keratin
