// Weights of contractions are laid out as the contraction generator reads them: panels of 16 columns.
//
//     %0 = dot %x, @w {contract = [1]x[0]}      becomes      %0 = relayout @w : f32[784,512]{1:16}
//                                                            %1 = dot %x, %0 {contract = [1]x[0]}
//
// One width serves every processor: two vectors of AVX, one of AVX-512; a tile may take several panels, but what it takes of one
// should be all of it, so that caches hold nothing else. The relayout depends on the weight alone, so it ends up in
// `prepare`.
//
// What a scan's products read in every step is packed in front of it, in training too, where that is done once per call. So is the
// right operand of long sums with many rows, a gradient of a weight that all steps of all samples share: its columns lie too far
// from each other to be fetched in time.
//
// Weights in bf16 (passes/precision.cpp) have pairs along the contracted axis in their panels, {1:16,0:2}: two products in one
// instruction.
#include <algorithm>
#include <map>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "ir/region.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/traits.h"
#include "passes/weights.h"

namespace keratin {

namespace {

constexpr int64_t kPanelWidth = 16;
constexpr int64_t kFewSteps = 4;   // in which a weight is not read often enough to be packed for them
constexpr int64_t kManyRows = 32;  // of a product, so that it costs much more than packing

/// How a contraction's right operand, before it is widened, is to lie; row-major: as it does.
Layout panels_of(const Node& contraction) {
  const int64_t axis = panel_axis(contraction);
  if (axis < 0) return {};
  Layout layout{axis, kPanelWidth};
  const Value left = before_widening(contraction.operands[0]);
  if (left.dtype() != DType::bf16 || before_widening(contraction.operands[1]).dtype() != DType::bf16)
    return layout;
  if (contraction.op == Op::winograd) return layout;
  if (contraction.op == Op::dot) {
    const AxisPairs& contract = contraction.as<DotAttrs>().contract;
    if (!contract.lhs.empty() && contract.lhs.back() == left.rank() - 1)
      layout.pair_axis = contract.rhs.back();
  } else {
    const ConvAxes axes = parse_conv_axes(contraction.as<ConvAttrs>().dims);
    if (axes.input.feature == left.rank() - 1) layout.pair_axis = axes.kernel.batch;
  }
  return layout.fits(before_widening(contraction.operands[1]).shape()) ? layout : Layout{axis, kPanelWidth};
}

/// The contraction with another right operand, widened as the old one was.
Value with_right(Builder& builder, const Node& contraction, Value left, Value right) {
  return builder.make(contraction.op, {left, builder.cast(right, contraction.operands[1].dtype())},
                      contraction.attrs);
}

/// True for sums over all but the last axes of both operands, several of them, that make a large matrix.
bool sums_steps(const Node& node) {
  if (node.op != Op::dot) return false;
  const auto& [contract, batch] = node.as<DotAttrs>();
  const int64_t axes = node.operands[1].rank() - 1;
  if (axes < 2 || !batch.lhs.empty() || static_cast<int64_t>(contract.rhs.size()) != axes) return false;
  for (int64_t axis = 0; axis < axes; ++axis)
    if (contract.lhs[axis] != axis || contract.rhs[axis] != axis) return false;
  const Shape& shape = node.type().shape;
  return shape.size() == 2 && std::all_of(shape.begin(), shape.end(),
                                          [](Dim dim) { return dim.is_static() && dim.coef >= kManyRows; });
}

/// The parameter of which a value is a piece, or all, as it is or cast.
const Node& sliced(Value value) {
  while (value.node->op == Op::slice || value.node->op == Op::cast) value = value.node->operands[0];
  return *value.node;
}

/// The body of a scan whose products read panels, which are further things that it captures.
class PackedBody : public Rebuilder {
 public:
  explicit PackedBody(const Node& scan)
      : Rebuilder(*scan.body),
        first_captured_(scan.as<ScanAttrs>().carries + scan.as<ScanAttrs>().sequences),
        names_(source()),
        read_(source().nodes.size(), false) {
    for (const auto& node : source().nodes)
      if (const Layout panels = panels_in_step(*node); !panels.is_row_major())
        packed_.try_emplace({key_of(before_widening(node->operands[1])), panels}, Value());
    for (const Result& result : source().results) read_[result.value.node->index] = true;
    for (size_t i = source().nodes.size(); i-- > 0;) {
      const Node& node = *source().nodes[i];
      if (!read_[i]) continue;
      for (size_t k = 0; k < node.operands.size(); ++k)
        if (k != 1 || panels_in_step(node).is_row_major()) read_[node.operands[k].node->index] = true;
    }
  }

  /// What is packed, values of the old body that begin with a captured parameter, and how.
  std::vector<std::pair<Value, Layout>> packed() const {
    std::vector<std::pair<Value, Layout>> list;
    for (const auto& [what, param] : packed_) list.emplace_back(value_of(what.first), what.second);
    return list;
  }
  bool keeps_param(size_t i) const { return i < first_captured_ || read_[i]; }

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op == Op::param) return keeps_param(node.index) ? copy(node) : std::vector<Value>(1);
    add_params();
    if (!read_[node.index]) return std::vector<Value>(node.types.size());
    const Layout panels = panels_in_step(node);
    if (panels.is_row_major()) return copy(node);
    const Value right = packed_.at({key_of(before_widening(node.operands[1])), panels});
    return {with_right(builder(), node, mapped(node.operands[0]), right)};
  }

 private:
  using Key = std::pair<uint32_t, uint32_t>;  // node and result of a value, in the body's order
  static Key key_of(Value value) { return {value.node->index, value.result}; }
  Value value_of(Key key) const { return source().nodes[key.first]->value(key.second); }

  /// How a product in the body reads what is packed; row-major: it does not.
  Layout panels_in_step(const Node& node) const {
    if (family_of(node.op) != Family::contract) return {};
    const Node& param = sliced(node.operands[1]);
    return param.op == Op::param && param.index >= first_captured_ ? panels_of(node) : Layout();
  }

  void add_params() {
    if (has_params_) return;
    has_params_ = true;
    for (auto& [what, param] : packed_) {
      Type type = value_of(what.first).type();
      type.layout = what.second;
      param = builder().param(names_.make("packed"), std::move(type));
    }
  }

  const size_t first_captured_;
  ParamNames names_;
  std::vector<bool> read_;  // by node, apart from what is packed
  std::map<std::pair<Key, Layout>, Value> packed_;
  bool has_params_ = false;
};

class Packer : public Rebuilder {
 public:
  Packer(const Function& function, std::vector<bool> fixed, Decisions* decisions)
      : Rebuilder(function), fixed_(std::move(fixed)), decisions_(decisions) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op == Op::scan && !fixed_[node.index]) return packed_scan(node);
    if (family_of(node.op) != Family::contract || fixed_[node.index]) return copy(node);
    const bool is_weight = fixed_[node.operands[1].node->index];
    if (!is_weight && !sums_steps(node)) {
      decide(node, "not packed: what is multiplied with is no weight, and would be packed in every call");
      return copy(node);
    }
    const Layout panels = panels_of(node);
    if (panels.is_row_major()) {
      decide(node, "not packed: what is multiplied with has no axis of columns to cut");
      return copy(node);
    }
    decide(node, cat(is_weight ? "packed, when compiling, as " : "packed in every call, for long sums, as ",
                     to_text(panels)));
    const Value right = in_panels(mapped(before_widening(node.operands[1])), panels);
    return {with_right(builder(), node, mapped(node.operands[0]), right)};
  }

 private:
  Value in_panels(Value value, const Layout& panels) {
    return builder().make(Op::relayout, {value}, LayoutAttrs{panels});
  }

  std::vector<Value> packed_scan(const Node& scan) {
    const Dim length = scan.as<ScanAttrs>().length;
    PackedBody body(scan);
    const auto all = body.packed();
    const bool ahead = std::all_of(all.begin(), all.end(), [&](const auto& packed) {
      return fixed_[scan.operands[sliced(packed.first).index].node->index];
    });
    if (all.empty()) {
      decide(scan, "not packed: no step multiplies with what is the same in all of them");
      return copy(scan);
    }
    if (!ahead && length.is_static() && length.coef < kFewSteps) {
      decide(scan, cat("not packed: ", length.coef, " steps are too few to pack for in every call"));
      return copy(scan);
    }
    decide(scan, cat(all.size(), all.size() == 1 ? " array" : " arrays", " packed ",
                     ahead ? "when compiling" : "in every call", ", for all steps"));
    std::vector<Value> operands;
    for (size_t i = 0; i < scan.operands.size(); ++i)
      if (body.keeps_param(i)) operands.push_back(mapped(scan.operands[i]));
    for (const auto& [value, panels] : all) operands.push_back(in_panels(outside(scan, value), panels));
    auto packed = std::make_shared<const Function>(body.run());
    builder().set_origin(scan.origin);
    return results_of(*builder().make_node(Op::scan, operands, scan.attrs, std::move(packed)));
  }

  /// A value of a scan's body that is captured, or a piece of what is.
  Value outside(const Node& scan, Value value) {
    if (value.node->op == Op::param) return mapped(scan.operands[value.node->index]);
    return builder().make(value.node->op, {outside(scan, value.node->operands[0])}, value.node->attrs);
  }

  void decide(const Node& node, std::string how) {
    if (decisions_ != nullptr)
      decisions_->choices.push_back({"pack", source().name, node.origin, std::move(how)});
  }

  std::vector<bool> fixed_;
  Decisions* const decisions_;
};

}  // namespace

Module pack_weights(const Module& module, Decisions* decisions) {
  return map_functions(module, [&](const Function& function) {
    return Packer(function, find_fixed(module, function), decisions).run();
  });
}

}  // namespace keratin
