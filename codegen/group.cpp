#include "codegen/group.h"

#include <algorithm>

#include "codegen/merge_axes.h"
#include "ir/error.h"
#include "ir/text.h"
#include "passes/traits.h"

namespace keratin {

namespace {

/// Whether all that the region leaves in memory is bf16.
bool leaves_bf16(const Function& region) {
  return std::ranges::all_of(region.results,
                             [](const Result& result) { return result.value.dtype() == DType::bf16; });
}

}  // namespace

RegionLowering::RegionLowering(const Function& r, const std::string& name, const Target& target,
                               Accuracy accuracy, const Schedule& schedule)
    : region(r),
      writer(name, target),
      values(writer, leaves_bf16(r) ? Accuracy::bf16 : accuracy),
      scheduler(schedule) {
  for (const Node* param : region.params) {
    const Type& type = param->type();
    const std::string label = param->as<NameAttrs>().name;
    values.bind(param->value(),
                add_buffer(writer.kernel, {label, type.dtype, type.physical_shape(), Mode::in}));
  }
  for (const Result& result : region.results) {
    const Type& type = result.value.type();
    outputs.push_back(add_buffer(writer.kernel, {result.name, type.dtype, type.physical_shape(), Mode::out}));
  }
  for (const auto& node : region.nodes)
    if (node->origin) writer.kernel.origin = node->origin;
}

std::optional<bool> RegionLowering::at_most(const Index& a, const Index& b) const {
  const Interval difference = (b - a).interval(writer.ranges);
  if (difference.low && *difference.low >= 0) return true;
  if (difference.high && *difference.high <= 0) return false;
  return std::nullopt;
}

Index RegionLowering::smaller(const Index& a, const Index& b, Interval range) {
  if (const auto known = at_most(a, b)) return *known ? a : b;
  return writer.let_index("end", apply(Op::min, {index_value(DType::i64, a), index_value(DType::i64, b)}),
                          range);
}

Index RegionLowering::larger(const Index& a, const Index& b, Interval range) {
  if (const auto known = at_most(a, b)) return *known ? b : a;
  return writer.let_index("begin", apply(Op::max, {index_value(DType::i64, a), index_value(DType::i64, b)}),
                          range);
}

std::pair<Index, Index> RegionLowering::par_range(const std::string& name, Dim extent, int64_t block) {
  const Index whole{Size(extent)};
  if (extent.is_static() && extent.coef <= block) return {0, whole};
  const Index pieces = ceil_div(whole, block);
  Interval range{0, std::nullopt};
  if (extent.is_static()) range.high = pieces.value() - 1;
  const VarId id = writer.variable(name, range);
  writer.kernel.par.push_back({id, pieces});
  return piece_range(Index::variable(id), extent, block);
}

std::pair<Index, Index> RegionLowering::piece_range(const Index& piece, Dim extent, int64_t block) {
  Interval ends{0, std::nullopt};
  if (extent.is_static()) ends.high = extent.coef;
  const Index low = piece * block;
  return {low, smaller(low + Index(block), Index(Size(extent)), ends)};
}

Index RegionLowering::par_index(const std::string& name, Dim extent) {
  if (extent.is(1)) return 0;
  Interval range{0, std::nullopt};
  if (extent.is_static()) range.high = extent.coef - 1;
  const VarId id = writer.variable(name, range);
  writer.kernel.par.push_back({id, Index(Size(extent))});
  return Index::variable(id);
}

int RegionLowering::lanes() const {
  int64_t widest = 1;
  for (const auto& node : region.nodes)
    for (const Type& type : node->types)
      if (type.dtype != DType::boolean) widest = std::max(widest, byte_size(type.dtype));
  return std::max(1, writer.target.lanes(std::max<int64_t>(widest, 4)));
}

bool RegionLowering::has_functions() const {
  return std::ranges::any_of(region.nodes, [](const auto& node) {
    return family_of(node->op) == Family::pointwise && !is_kernel_op(node->op);
  });
}

int RegionLowering::side_by_side() const {
  if (!has_functions()) return 1;
  // More results keep more registers busy.
  return writer.target.vector_registers >= 32 && region.results.size() <= 2 ? 4 : 2;
}

void RegionLowering::store_results(const std::vector<uint32_t>& results, const Point& point) {
  // All values before any store: a result may overwrite what another one reads.
  std::vector<ExprRef> stored;
  for (uint32_t i : results) {
    ExprRef value = values.at(region.results[i].value, point);
    stored.push_back(results.size() > 1 ? writer.let(region.results[i].name, value) : value);
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const Type& type = region.results[results[i]].value.type();
    Access access = values.access(outputs[results[i]], type, point);
    ExprRef value = values.to_memory(type.dtype, stored[i]);
    if (access.lanes != value->lanes) {
      KERATIN_CHECK(value->lanes == 1, "a store has the lanes of its access");
      value = splat(std::move(value), access.lanes);
    }
    writer.emit(store_stmt(std::move(access), std::move(value)));
  }
}

void RegionLowering::store_panels(const std::vector<uint32_t>& results, const Point& point,
                                  const Guard& inside) {
  for (uint32_t i : results) {
    const Type& type = region.results[i].value.type();
    const ExprRef zero = number(Scalar::of(compute_dtype(type.dtype), 0));
    ExprRef value = values.at_or(inside, zero, region.results[i].value, point);
    Access access = values.access(outputs[i], type, point);
    if (access.lanes != value->lanes) value = splat(std::move(value), access.lanes);
    writer.emit(store_stmt(std::move(access), values.to_memory(type.dtype, std::move(value))));
  }
}

Kernel lower_region(const Function& region, const std::string& name, const Target& target, bool keep_shapes,
                    Accuracy accuracy, const Schedule& schedule) {
  const Node* contraction = nullptr;
  const Node* opaque = nullptr;
  bool reduces = false;
  for (const auto& node : region.nodes) {
    const Form form = form_of(*node);
    if (form == Form::contract) contraction = node.get();
    if (form == Form::opaque) opaque = node.get();
    if (family_of(node->op) == Family::reduce) reduces = true;
  }
  if (!keep_shapes && opaque == nullptr && !reduces)
    if (const auto merged = merge_axes(region))
      return lower_region(*merged, name, target, true, accuracy, schedule);
  RegionLowering lowering(region, name, target, accuracy, schedule);
  if (contraction != nullptr && contraction->op == Op::winograd)
    lower_winograd(lowering, *contraction);
  else if (contraction != nullptr)
    lower_contraction(lowering, *contraction);
  else if (opaque == nullptr && !reduces)
    lower_elements(lowering);
  else if (opaque == nullptr)
    lower_rows(lowering);
  else if (opaque->op == Op::scan)
    lower_scan(lowering, *opaque);
  else if (opaque->op == Op::fusion)
    lower_stages(lowering);
  else if (opaque->op == Op::all_reduce)
    lower_elements(lowering);  // a copy, which the ranks reduce in place: see Launch::reduced_by
  else if (family_of(opaque->op) == Family::order)
    lower_order(lowering, *opaque);
  else
    lower_scatter(lowering, *opaque);
  lowering.writer.kernel.decided = lowering.scheduler.decided();
  return std::move(lowering.writer.kernel);
}

}  // namespace keratin
