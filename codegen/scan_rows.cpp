#include "codegen/scan_rows.h"

#include <algorithm>
#include <variant>

#include "ir/rebuild.h"
#include "ir/region.h"
#include "passes/traits.h"

namespace keratin {

namespace {

/// Which values of a function have rows, from what its results are: what a result's row is computed from has rows, or serves all
/// of them alike. A batch of 32 and a layer of 32 units are told apart by what is done with them.
class RowAnalysis {
 public:
  RowAnalysis(const Function& function, Dim all, const std::vector<bool>& results)
      : function_(function), all_(all), kinds_(function.nodes.size()) {
    for (const auto& node : function.nodes) kinds_[node->index].resize(node->types.size(), Kind::unread);
    for (size_t i = 0; i < results.size(); ++i) need(function.results[i].value, results[i]);
  }

  void need(Value value, bool rows) {
    Kind& kind = kinds_[value.node->index][value.result];
    const Kind needed = rows ? Kind::rows : Kind::alike;
    fails_ |= (kind != Kind::unread && kind != needed) || !fits(value.type(), rows);
    kind = needed;
  }

  /// False if a row of some result depends on other rows, or on which row it is.
  bool run() {
    for (size_t i = function_.nodes.size(); i-- > 0 && !fails_;) {
      const Node& node = *function_.nodes[i];
      if (node.op == Op::fusion)
        through_fusion(node);
      else if (node.op != Op::param && kinds_[i][0] != Kind::unread)
        through(node, kinds_[i][0] == Kind::rows);
    }
    return !fails_;
  }

  bool has_rows(Value value) const { return kinds_[value.node->index][value.result] == Kind::rows; }

 private:
  enum class Kind : uint8_t { unread, rows, alike };

  bool fits(const Type& type, bool rows) const {
    if (rows && (type.rank() == 0 || type.shape[0] != all_ || !type.layout.is_row_major())) return false;
    return std::all_of(type.shape.begin() + (rows ? 1 : 0), type.shape.end(),
                       [](Dim dim) { return dim.is_static(); });
  }

  void through(const Node& node, bool rows) {
    switch (node.op) {
      case Op::constant: return;
      case Op::iota: fails_ |= rows && node.as<IotaAttrs>().axis == 0; return;
      case Op::dim_size: fails_ |= !node.as<DimAttrs>().dim.is_static(); return;
      case Op::dot: return through_dot(node, rows);
      case Op::broadcast: {
        const Ints& dims = node.as<BroadcastAttrs>().dims;
        return need(node.operands[0], rows && !dims.empty() && dims[0] == 0);
      }
      case Op::pad:
        fails_ |= rows && !keeps_rows(node, 0, 1);
        need(node.operands[0], rows);
        return need(node.operands[1], false);
      case Op::reshape:
        // In memory rows stay what they are as long as there are as many.
        return need(node.operands[0], rows);
      default:
        for (size_t i = 0; i < node.operands.size(); ++i) {
          fails_ |= rows && !keeps_rows(node, i, 1);
          need(node.operands[i], rows);
        }
        fails_ |= node.op == Op::random_bits || node.body != nullptr;
    }
  }

  void through_dot(const Node& node, bool rows) {
    const auto& [contract, batch] = node.as<DotAttrs>();
    if (rows && batch.lhs.empty())
      fails_ |= std::find(contract.lhs.begin(), contract.lhs.end(), 0) != contract.lhs.end();
    if (rows && !batch.lhs.empty()) fails_ |= batch.lhs[0] != 0 || batch.rhs[0] != 0;
    need(node.operands[0], rows);
    need(node.operands[1], rows && !batch.lhs.empty());
  }

  void through_fusion(const Node& fusion) {
    std::vector<bool> results;
    for (const Kind kind : kinds_[fusion.index]) results.push_back(kind == Kind::rows);
    RowAnalysis inner(*fusion.body, all_, results);
    fails_ |= !inner.run();
    for (size_t i = 0; i < fusion.operands.size(); ++i)
      need(fusion.operands[i], inner.has_rows(fusion.body->params[i]->value()));
  }

  const Function& function_;
  const Dim all_;
  std::vector<std::vector<Kind>> kinds_;  // by node and result
  bool fails_ = false;
};

class RowFixer : public Rebuilder {
 public:
  RowFixer(const Function& function, const RowAnalysis& rows, Dim all, int64_t count)
      : Rebuilder(function, Builder::Mode::verbatim), rows_(rows), all_(all), count_(count) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    const bool has_rows = rows_.has_rows(node.value(0));
    const auto fixed = [&](Shape shape) {
      if (has_rows) shape[0] = Dim(count_);
      return shape;
    };
    const Type type(node.type().dtype, fixed(node.type().shape), node.type().layout);
    if (node.op == Op::param) return {builder().param(node.as<NameAttrs>().name, type)};
    if (node.op == Op::constant) return {builder().splat(node.as<ConstantAttrs>().splat, type)};
    if (node.op == Op::fusion) return fixed_fusion(node);
    Attrs attrs = node.attrs;
    std::visit(
        [&](auto& all) {
          if constexpr (requires { all.shape; }) all.shape = fixed(all.shape);
          if constexpr (requires { all.limit; }) all.limit = fixed(all.limit);
        },
        attrs);
    return results_of(*builder().make_node(node.op, mapped(node.operands), std::move(attrs)));
  }

 private:
  std::vector<Value> fixed_fusion(const Node& fusion) {
    std::vector<bool> results;
    for (uint32_t i = 0; i < fusion.types.size(); ++i) results.push_back(rows_.has_rows(fusion.value(i)));
    RowAnalysis inner(*fusion.body, all_, results);
    inner.run();
    auto region = std::make_shared<const Function>(RowFixer(*fusion.body, inner, all_, count_).run());
    return results_of(
        *builder().make_node(Op::fusion, mapped(fusion.operands), fusion.attrs, std::move(region)));
  }

  const RowAnalysis& rows_;
  const Dim all_;
  const int64_t count_;
};

/// Of a scan's body: carries, old and new, and what a step puts out have rows.
RowAnalysis analysis_of(const Node& scan, Dim all) {
  const Function& body = *scan.body;
  RowAnalysis analysis(body, all, std::vector<bool>(body.results.size(), true));
  for (int64_t i = 0; i < scan.as<ScanAttrs>().carries; ++i) analysis.need(body.params[i]->value(), true);
  return analysis;
}

}  // namespace

std::optional<ScanRows> independent_rows(const Node& scan) {
  const Function& body = *scan.body;
  if (scan.as<ScanAttrs>().carries == 0 || body.params[0]->type().rank() == 0) return {};
  ScanRows rows{body.params[0]->type().shape[0], {}};
  RowAnalysis analysis = analysis_of(scan, rows.all);
  if (!analysis.run()) return {};
  for (const Node* param : body.params) rows.params.push_back(analysis.has_rows(param->value()));
  return rows;
}

Function with_rows(const Node& scan, Dim all, int64_t count) {
  RowAnalysis analysis = analysis_of(scan, all);
  analysis.run();
  return RowFixer(*scan.body, analysis, all, count).run();
}

}  // namespace keratin
