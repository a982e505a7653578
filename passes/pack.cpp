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
#include <algorithm>
#include <map>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "ir/region.h"
#include "passes/pass.h"
#include "passes/weights.h"

namespace keratin {

namespace {

constexpr int64_t kPanelWidth = 16;
constexpr int64_t kFewSteps = 4;   // in which a weight is not read often enough to be packed for them
constexpr int64_t kManyRows = 32;  // of a product, so that it costs much more than packing

/// The axis of the right operand whose elements are neighbours in the result: the columns. None if that is not so.
int64_t column_axis(const Node& node) {
  if (node.op == Op::dot) {
    const auto& attrs = node.as<DotAttrs>();
    for (int64_t axis = node.operands[1].rank() - 1; axis >= 0; --axis)
      if (!contains(attrs.contract.rhs, axis) && !contains(attrs.batch.rhs, axis)) return axis;
    return -1;
  }
  const auto& attrs = node.as<ConvAttrs>();
  const ConvAxes axes = parse_conv_axes(attrs.dims);
  const bool last = axes.output.feature == node.type().rank() - 1;
  return last && attrs.groups == 1 && attrs.batch_groups == 1 ? axes.kernel.feature : -1;
}

/// The axis along which a contraction's right operand is to be packed; -1: it is left as it is.
int64_t panel_axis(const Node& contraction) {
  const int64_t axis = column_axis(contraction);
  const Type& type = contraction.operands[1].type();
  const bool fits =
      axis >= 0 && type.shape[axis].is_static() && type.shape[axis].coef >= 2 && type.layout.is_row_major();
  return fits ? axis : -1;
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

/// The parameter of which a value is a piece, or all.
const Node& sliced(Value value) {
  while (value.node->op == Op::slice) value = value.node->operands[0];
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
      if (const int64_t axis = packed_along(*node); axis >= 0)
        packed_.try_emplace({key_of(node->operands[1]), axis}, Value());
    for (const Result& result : source().results) read_[result.value.node->index] = true;
    for (size_t i = source().nodes.size(); i-- > 0;) {
      const Node& node = *source().nodes[i];
      if (!read_[i]) continue;
      for (size_t k = 0; k < node.operands.size(); ++k)
        if (k != 1 || packed_along(node) < 0) read_[node.operands[k].node->index] = true;
    }
  }

  /// What is packed, values of the old body that begin with a captured parameter, and along which axis.
  std::vector<std::pair<Value, int64_t>> packed() const {
    std::vector<std::pair<Value, int64_t>> list;
    for (const auto& [what, param] : packed_) list.emplace_back(value_of(what.first), what.second);
    return list;
  }
  bool keeps_param(size_t i) const { return i < first_captured_ || read_[i]; }

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op == Op::param) return keeps_param(node.index) ? copy(node) : std::vector<Value>(1);
    add_params();
    if (!read_[node.index]) return std::vector<Value>(node.types.size());
    const int64_t axis = packed_along(node);
    if (axis < 0) return copy(node);
    return {builder().make(node.op, {mapped(node.operands[0]), packed_.at({key_of(node.operands[1]), axis})},
                           node.attrs)};
  }

 private:
  using Key = std::pair<uint32_t, uint32_t>;  // node and result of a value, in the body's order
  static Key key_of(Value value) { return {value.node->index, value.result}; }
  Value value_of(Key key) const { return source().nodes[key.first]->value(key.second); }

  int64_t packed_along(const Node& node) const {
    if (family_of(node.op) != Family::contract) return -1;
    const Node& param = sliced(node.operands[1]);
    return param.op == Op::param && param.index >= first_captured_ ? panel_axis(node) : -1;
  }

  void add_params() {
    if (has_params_) return;
    has_params_ = true;
    for (auto& [what, param] : packed_) {
      Type type = value_of(what.first).type();
      type.layout = {what.second, kPanelWidth};
      param = builder().param(names_.make("packed"), std::move(type));
    }
  }

  const size_t first_captured_;
  ParamNames names_;
  std::vector<bool> read_;  // by node, apart from what is packed
  std::map<std::pair<Key, int64_t>, Value> packed_;
  bool has_params_ = false;
};

class Packer : public Rebuilder {
 public:
  Packer(const Function& function, std::vector<bool> fixed) : Rebuilder(function), fixed_(std::move(fixed)) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op == Op::scan && !fixed_[node.index]) return packed_scan(node);
    if (family_of(node.op) != Family::contract || fixed_[node.index]) return copy(node);
    if (!fixed_[node.operands[1].node->index] && !sums_steps(node)) return copy(node);
    const int64_t axis = panel_axis(node);
    if (axis < 0) return copy(node);
    return {builder().make(node.op, {mapped(node.operands[0]), in_panels(mapped(node.operands[1]), axis)},
                           node.attrs)};
  }

 private:
  Value in_panels(Value value, int64_t axis) {
    return builder().make(Op::relayout, {value}, LayoutAttrs{{axis, kPanelWidth}});
  }

  std::vector<Value> packed_scan(const Node& scan) {
    const Dim length = scan.as<ScanAttrs>().length;
    PackedBody body(scan);
    const auto all = body.packed();
    const bool ahead = std::all_of(all.begin(), all.end(), [&](const auto& packed) {
      return fixed_[scan.operands[sliced(packed.first).index].node->index];
    });
    if (all.empty() || (!ahead && length.is_static() && length.coef < kFewSteps)) return copy(scan);
    std::vector<Value> operands;
    for (size_t i = 0; i < scan.operands.size(); ++i)
      if (body.keeps_param(i)) operands.push_back(mapped(scan.operands[i]));
    for (const auto& [value, axis] : all) operands.push_back(in_panels(outside(scan, value), axis));
    auto packed = std::make_shared<const Function>(body.run());
    builder().set_origin(scan.origin);
    return results_of(*builder().make_node(Op::scan, operands, scan.attrs, std::move(packed)));
  }

  /// A value of a scan's body that is captured, or a piece of what is.
  Value outside(const Node& scan, Value value) {
    if (value.node->op == Op::param) return mapped(scan.operands[value.node->index]);
    return builder().make(value.node->op, {outside(scan, value.node->operands[0])}, value.node->attrs);
  }

  std::vector<bool> fixed_;
};

}  // namespace

Module pack_weights(const Module& module) {
  return map_functions(
      module, [&](const Function& function) { return Packer(function, find_fixed(module, function)).run(); });
}

}  // namespace keratin
