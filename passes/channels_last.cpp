// Convolutions whose images have their channels first get them last, as those kernels read them that are fast.
//
//     %0 = conv %x, @k {dims = "bf01_01io->bf01", …}
//
// becomes
//
//     %0 = transpose %x {perm = [0, 2, 3, 1]}
//     %1 = conv %0, @k {dims = "b01f_01io->b01f", …}
//     %2 = transpose %1 {perm = [0, 3, 1, 2]}
//
// What follows a convolution is computed before the transpose back, with its axes renumbered, so that the transposes of a
// network meet and cancel: one is left where images come in, and one where something depends on the order. Gradients of
// convolutions are convolutions too: any of the three arrays that has its two other axes before those of space is turned,
// whatever they are called.
//
// It is done for the convolutions of a function together, and only if what they are expected to gain is more than the
// transposes that are left cost: both are estimates, in units of a multiply-add. A function without such convolutions is left as
// it is; so are the bodies of scans.
#include <algorithm>
#include <numeric>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "passes/feasible.h"
#include "passes/pass.h"
#include "passes/weights.h"

namespace keratin {

namespace {

// By element: every other load or store of a transpose is of one element.
constexpr double kTransposeCost = 48;
// By product: what vectors of channels gain over vectors of places, and where those would skip places.
constexpr double kGain = 0.3, kGainOfSkipping = 1;
// Fewer features than that are no vector of channels.
constexpr int64_t kFewFeatures = 16;

/// The order of axes that makes channels-last of channels-first: 0, 2, 3, …, 1.
Ints to_last(int64_t rank) {
  Ints perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  if (rank > 2) std::rotate(perm.begin() + 1, perm.begin() + 2, perm.end());
  return perm;
}

/// The order that turns it back: 0, last, 1, 2, …; also the place that every axis has with channels last.
Ints to_first(int64_t rank) {
  Ints perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  if (rank > 2) std::rotate(perm.begin() + 1, perm.end() - 1, perm.end());
  return perm;
}

/// A list with an entry per axis, turned.
template <typename List>
List turned(const List& list) {
  List out;
  for (const int64_t axis : to_last(static_cast<int64_t>(list.size()))) out.push_back(list[axis]);
  return out;
}

/// Numbers of axes, turned and in order.
Ints turned_axes(Ints axes, int64_t rank) {
  const Ints places = to_first(rank);
  for (int64_t& axis : axes) axis = places[axis];
  std::sort(axes.begin(), axes.end());
  return axes;
}

/// Whether an array has its two other axes before those of space, and these in order.
bool is_first(const ConvAxes::Array& array) {
  return !array.space.empty() && array.batch < 2 && array.feature < 2 &&
         std::is_sorted(array.space.begin(), array.space.end());
}

/// Which arrays of a convolution are to be turned, and the attributes that it has then.
struct Turn {
  bool input = false, kernel = false, output = false;
  ConvAttrs attrs;

  bool any() const { return input || kernel || output; }
};

Turn turn_of(const Node& conv) {
  Turn turn{.attrs = conv.as<ConvAttrs>()};
  const ConvAxes axes = parse_conv_axes(turn.attrs.dims);
  turn.input = is_first(axes.input);
  turn.kernel = is_first(axes.kernel);
  turn.output = is_first(axes.output);
  std::string& dims = turn.attrs.dims;
  // "bf01_io01->bf01"; a list is as long as the rank.
  const size_t rank = axes.input.space.size() + 2;
  const auto turn_list = [&](size_t at) {
    std::rotate(dims.begin() + at + 1, dims.begin() + at + 2, dims.begin() + at + rank);
  };
  if (turn.input) turn_list(0);
  if (turn.kernel) turn_list(rank + 1);
  if (turn.output) turn_list(2 * rank + 3);
  return turn;
}

class ChannelsLast : public Rebuilder {
 public:
  ChannelsLast(const Module& module, const Function& function)
      : Rebuilder(function), fixed_(find_fixed(module, function)) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    const Value turned = fixed_[node.index] || node.types.size() != 1 ? Value() : turned_node(node);
    return turned ? std::vector<Value>{turned} : copy(node);
  }

 private:
  /// The node's value with channels first, computed from operands that have them last; none if no operand has, or the node
  /// is not one of those that are turned.
  Value turned_node(const Node& node) {
    if (node.op == Op::conv) return conv(node);
    if (std::none_of(node.operands.begin(), node.operands.end(), [&](Value x) { return is_turned(x); }))
      return {};
    const int64_t rank = node.operands[0].rank();
    switch (node.op) {
      case Op::broadcast: return first(last(builder().make(node.op, mapped(node.operands), node.attrs)));
      case Op::reshape: return reshape(node);
      case Op::slice: {
        const auto& attrs = node.as<SliceAttrs>();
        return over_turned(node, SliceAttrs{turned(attrs.start), turned(attrs.limit), turned(attrs.stride)});
      }
      case Op::pad: {
        const auto& attrs = node.as<PadAttrs>();
        return over_turned(node, PadAttrs{turned(attrs.low), turned(attrs.high), turned(attrs.interior)});
      }
      case Op::concat: return over_turned(node, AxisAttrs{to_first(rank)[node.as<AxisAttrs>().axis]});
      case Op::reverse: return over_turned(node, AxesAttrs{turned_axes(node.as<AxesAttrs>().axes, rank)});
      default: break;
    }
    switch (family_of(node.op)) {
      case Family::pointwise: return over_turned(node, node.attrs);
      case Family::reduce: return reduce(node);
      case Family::window: {
        const auto& attrs = node.as<WindowAttrs>();
        return over_turned(node, WindowAttrs{turned(attrs.size), turned(attrs.stride), turned(attrs.pad_low),
                                             turned(attrs.pad_high)});
      }
      default: return {};
    }
  }

  Value conv(const Node& node) {
    Turn turn = turn_of(node);
    if (!turn.any()) return {};
    const Value input = mapped(node.operands[0]), kernel = mapped(node.operands[1]);
    const Value result =
        builder().make(Op::conv, {turn.input ? last(input) : input, turn.kernel ? last(kernel) : kernel},
                       std::move(turn.attrs));
    return turn.output ? first(result) : result;
  }

  /// The node over operands with channels last, and its attributes for them; scalars are what they are.
  Value over_turned(const Node& node, Attrs attrs) {
    std::vector<Value> operands;
    for (const Value operand : node.operands) operands.push_back(last(mapped(operand)));
    return first(builder().make(node.op, std::move(operands), std::move(attrs)));
  }

  Value reduce(const Node& node) {
    const Value x = last(mapped(node.operands[0]));
    const Ints& axes = node.as<AxesAttrs>().axes;
    const Value result = builder().make(node.op, {x}, AxesAttrs{turned_axes(axes, x.rank())});
    // What is left of the axes, in the order in which they are left; if that of channels is, it comes last.
    Ints perm(result.rank());
    std::iota(perm.begin(), perm.end(), 0);
    const int64_t channels = contains(axes, 0) ? 0 : 1;
    if (!contains(axes, 1)) std::rotate(perm.begin() + channels, perm.end() - 1, perm.end());
    return builder().transpose(result, std::move(perm));
  }

  /// A reshape of the axes of space, as repeating along them is.
  Value reshape(const Node& node) {
    return keeps_channels(node)
               ? first(builder().reshape(last(mapped(node.operands[0])), turned(node.type().shape)))
               : Value();
  }

  static bool keeps_channels(const Node& reshape) {
    const Shape &from = reshape.operands[0].shape(), &to = reshape.type().shape;
    return from.size() >= 2 && to.size() >= 2 && from[0] == to[0] && from[1] == to[1];
  }

  /// Of a value of the source: whether it is computed with channels last.
  bool is_turned(Value source) const {
    const Node& node = *mapped(source).node;
    return !fixed_[source.node->index] && node.op == Op::transpose && source.rank() > 2 &&
           node.as<TransposeAttrs>().perm == to_first(source.rank());
  }

  Value first(Value value) { return builder().transpose(value, to_first(value.rank())); }

  /// A value of the new function, turned; what repeats is turned before it does.
  Value last(Value value) {
    const Node& node = *value.node;
    if (node.op == Op::broadcast) {
      const auto& attrs = node.as<BroadcastAttrs>();
      const Ints places = to_first(value.rank());
      Ints order(attrs.dims.size());
      std::iota(order.begin(), order.end(), 0);
      const auto place = [&](int64_t axis) { return places[attrs.dims[axis]]; };
      std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return place(a) < place(b); });
      Ints dims;
      for (const int64_t axis : order) dims.push_back(place(axis));
      return builder().broadcast(builder().transpose(node.operands[0], order), dims, turned(attrs.shape));
    }
    if (node.op == Op::reshape && keeps_channels(node))
      return builder().reshape(last(node.operands[0]), turned(value.shape()));
    return builder().transpose(value, to_last(value.rank()));
  }

  const std::vector<bool> fixed_;
};

/// What a convolution is expected to gain.
double gain_of(const Node& conv) {
  const Turn turn = turn_of(conv);
  if (!turn.any()) return 0;
  const int64_t features = parse_conv_axes(conv.as<ConvAttrs>().dims).output.feature;
  const bool has_few = conv.type().shape[features].coef < kFewFeatures;
  const auto is_one = [](int64_t step) { return step == 1; };
  const bool skips = !std::all_of(turn.attrs.stride.begin(), turn.attrs.stride.end(), is_one) ||
                     !std::all_of(turn.attrs.input_dilation.begin(), turn.attrs.input_dilation.end(), is_one);
  return multiply_adds_of(conv) * (has_few ? 0 : skips || turn.kernel ? kGainOfSkipping : kGain);
}

/// The cost of the transposes of a function that do not depend on weights alone.
double cost_of_transposes(const Module& module, const Function& function) {
  const std::vector<bool> fixed = find_fixed(module, function);
  double elements = 0;
  for (const auto& node : function.nodes)
    if (node->op == Op::transpose && !fixed[node->index]) elements += elements_of(node->type().shape);
  return elements * kTransposeCost;
}

void tell(const Function& function, Decisions& decisions) {
  for (const auto& node : function.nodes)
    if (node->op == Op::conv && turn_of(*node).any())
      decisions.choices.push_back(
          {"channels_last", function.name, node->origin,
           "channels stay first: an estimate says that transposes cost more than is gained"});
}

Function turned(const Module& module, const Function& function, Decisions* decisions) {
  double gain = 0;
  for (const auto& node : function.nodes)
    if (node->op == Op::conv) gain += gain_of(*node);
  if (gain > 0) {
    Function turned = ChannelsLast(module, function).run();
    if (cost_of_transposes(module, turned) - cost_of_transposes(module, function) < gain) return turned;
  }
  if (decisions != nullptr) tell(function, *decisions);
  return clone(function);
}

}  // namespace

Module channels_last(const Module& module, Decisions* decisions) {
  return map_functions(module, [&](const Function& function) { return turned(module, function, decisions); });
}

}  // namespace keratin
