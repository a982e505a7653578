// Convolutions along free axes become products of rows.
//
//     %0 = conv %x, %w {dims="b0f_0io->b0f", …} : f32[N,{T-2},16]
//
// becomes, with the taps of every place side by side,
//
//     %0 = slice %x {start=[0,0,0], limit=[N,{T-2},8]}          %3 = concat %0, %1, %2 {axis=2} : f32[N,{T-2},24]
//     %1 = slice %x {start=[0,1,0], limit=[N,{T-1},8]}          %4 = reshape %w : f32[24,16]
//     %2 = slice %x {start=[0,2,0], limit=[N,T,8]}              %5 = dot %3, %4
//
// because kernels of convolutions are made for space axes of known length, while rows of products may be as many as they are. If
// every channel is by itself, products of the taps are added up instead. Windows of pools slide along free axes as they are.
#include <algorithm>

#include "ir/conv_axes.h"
#include "ir/conv_taps.h"
#include "ir/rebuild.h"
#include "passes/pass.h"

namespace keratin {

namespace {

bool slides_along_free_axis(const Node& node) {
  if (node.op != Op::conv) return false;
  const ConvAxes axes = parse_conv_axes(node.as<ConvAttrs>().dims);
  return std::any_of(axes.input.space.begin(), axes.input.space.end(),
                     [&](int64_t axis) { return !node.operands[0].shape()[axis].is_static(); });
}

class FreeWindows : public Rebuilder {
 public:
  using Rebuilder::Rebuilder;

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.body != nullptr)
      return copy(node, std::make_shared<const Function>(FreeWindows(*node.body).run()));
    if (!slides_along_free_axis(node)) return copy(node);
    const Taps taps(builder(), node.as<ConvAttrs>(), mapped(node.operands[0]), node.operands[1].shape(),
                    node.type().shape);
    return {taps.product(mapped(node.operands[1]))};
  }
};

}  // namespace

Module free_windows(const Module& module) {
  return map_functions(module, [](const Function& function) { return FreeWindows(function).run(); });
}

}  // namespace keratin
