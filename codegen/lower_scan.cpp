// A scan: one loop over the steps, in which the kernels of the body run one after the other.
//
// The carries live in the buffers of the final carries. Each step's kernels read them there, read their slices of the
// sequences in place, and write what the step puts out to its place in the stacked result. New carries are computed beside
// the old ones and copied over when the step ends, since any kernel of the step may still read the old.
#include <map>

#include "codegen/group.h"
#include "codegen/kernel_inline.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

class ScanLowering {
 public:
  ScanLowering(RegionLowering& lowering, const Node& scan)
      : lowering_(lowering),
        writer_(lowering.writer),
        scan_(scan),
        attrs_(scan.as<ScanAttrs>()),
        body_(*scan.body) {}

  void run() {
    for (size_t i = 0; i < lowering_.region.results.size(); ++i)
      result_buffers_[lowering_.region.results[i].value.result] = lowering_.outputs[i];
    for (uint32_t i = 0; i < scan_.types.size(); ++i)
      if (!result_buffers_.contains(i)) result_buffers_[i] = scratch(scan_.types[i]);
    for (int64_t i = 0; i < attrs_.carries; ++i)
      copy(source(scan_.operands[i]), {result_buffers_[i], -1, {}}, scan_.types[i]);
    writer_.loop("t", 0, Index(Size(attrs_.length)), 1, LoopKind::serial, [&](const Index& t) {
      step_ = attrs_.reverse ? Index(Size(attrs_.length)) - 1 - t : t;
      step();
    });
  }

 private:
  /// Where a value can be read; a constant has no buffer.
  struct Source {
    BufferSlice slice;
    const Node* constant = nullptr;
  };

  BufferId scratch(const Type& type) {
    return add_buffer(writer_.kernel, {"s", type.dtype, type.physical_shape(), Mode::out});
  }

  /// A value of the region around the scan.
  Source source(Value value) const {
    if (value.node->op == Op::constant) return {{}, value.node};
    for (BufferId i = 0; i < lowering_.region.params.size(); ++i)
      if (lowering_.region.params[i] == value.node) return {{i, -1, {}}};
    KERATIN_CHECK(false, "a scan's operands are parameters and constants of its region");
    return {};
  }

  void step() {
    places_.clear();
    for (size_t i = 0; i < body_.params.size(); ++i) {
      const int64_t place = static_cast<int64_t>(i);
      Source from = place < attrs_.carries ? Source{{result_buffers_[i], -1, {}}} : source(scan_.operands[i]);
      if (place >= attrs_.carries && place < attrs_.carries + attrs_.sequences && !from.constant)
        from.slice = {from.slice.buffer, attrs_.axis, step_};
      places_[body_.params[i]->value()] = from;
    }
    // What a step puts out is computed in place.
    std::map<Value, BufferSlice, decltype(&before)> in_place(before);
    for (size_t i = attrs_.carries; i < body_.results.size(); ++i)
      in_place.emplace(body_.results[i].value, BufferSlice{result_buffers_[i], attrs_.axis, step_});

    for (const auto& node : body_.nodes) {
      switch (node->op) {
        case Op::param: break;
        case Op::constant: places_[node->value()] = {{}, node.get()}; break;
        default: {
          std::vector<BufferSlice> slices;
          for (Value operand : node->operands) slices.push_back(readable(operand));
          for (uint32_t i = 0; i < node->types.size(); ++i) {
            auto found = in_place.find(node->value(i));
            slices.push_back(found != in_place.end() ? found->second
                                                     : BufferSlice{scratch(node->types[i]), -1, {}});
            places_[node->value(i)] = {slices.back()};
          }
          if (node->op == Op::fusion)
            inline_region(*node->body, slices);
          else
            inline_region(region_of(*node), slices);
        }
      }
    }

    for (size_t i = attrs_.carries; i < body_.results.size(); ++i) {
      const Value value = body_.results[i].value;
      const BufferSlice to{result_buffers_[i], attrs_.axis, step_};
      if (places_.at(value).constant || places_.at(value).slice.buffer != to.buffer)
        copy(places_.at(value), to, value.type());
    }
    // A carry that becomes another carry is set aside before any is overwritten.
    std::vector<Source> next;
    for (int64_t i = 0; i < attrs_.carries; ++i) {
      const Value value = body_.results[i].value;
      Source from = places_.at(value);
      if (value.node->op == Op::param && value.node != body_.params[i] && !from.constant) {
        const BufferSlice aside{scratch(value.type()), -1, {}};
        copy(from, aside, value.type());
        from = {aside};
      }
      next.push_back(from);
    }
    for (int64_t i = 0; i < attrs_.carries; ++i)
      if (body_.results[i].value.node != body_.params[i])
        copy(next[i], {result_buffers_[i], -1, {}}, body_.results[i].value.type());
  }

  static bool before(const Value& a, const Value& b) {
    return std::pair(a.node->index, a.result) < std::pair(b.node->index, b.result);
  }

  /// A value's place in memory; a constant is written to one.
  BufferSlice readable(Value value) {
    Source& from = places_.at(value);
    if (from.constant) {
      const BufferSlice filled{scratch(value.type()), -1, {}};
      copy(from, filled, value.type());
      from = {filled};
    }
    return from.slice;
  }

  void copy(const Source& from, const BufferSlice& to, const Type& type) {
    Builder builder;
    if (from.constant) {
      builder.result("to", builder.constant(from.constant->as<ConstantAttrs>().splat, type.shape));
      inline_region(builder.finish(), {to});
    } else {
      builder.result("to", builder.param("from", type));
      inline_region(builder.finish(), {from.slice, to});
    }
  }

  /// A node outside of any fusion, a reshape, as a region of its own.
  static Function region_of(const Node& node) {
    Builder builder;
    std::vector<Value> params;
    for (size_t i = 0; i < node.operands.size(); ++i)
      params.push_back(builder.param(cat("p", i), node.operands[i].type()));
    const Node* copy = builder.make_node(node.op, params, node.attrs, node.body);
    for (uint32_t i = 0; i < node.types.size(); ++i) builder.result(cat("r", i), copy->value(i));
    return builder.finish();
  }

  void inline_region(const Function& region, const std::vector<BufferSlice>& slices) {
    inline_kernel(writer_, lower_region(region, "step", writer_.target, true), slices);
  }

  RegionLowering& lowering_;
  KernelWriter& writer_;
  const Node& scan_;
  const ScanAttrs& attrs_;
  const Function& body_;
  Index step_;
  std::map<uint32_t, BufferId> result_buffers_;
  std::map<Value, Source, decltype(&before)> places_{before};
};

}  // namespace

void lower_scan(RegionLowering& lowering, const Node& scan) { ScanLowering(lowering, scan).run(); }

}  // namespace keratin
