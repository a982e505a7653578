#include "frontend/keras/graph_order.h"

#include <algorithm>
#include <map>
#include <set>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin::keras {
namespace {

using Call = std::shared_ptr<const CallNode>;

bool is_one_of(const Tensor& tensor, const Tensors& list) {
  return std::find(list.begin(), list.end(), tensor) != list.end();
}

class Sorter {
 public:
  Sorter(const Tensors& inputs, const Tensors& outputs) : inputs_(inputs) {
    for (const Tensor& output : outputs) visit(output);
    find_depths();
    for (const Tensor& input : inputs) {
      LayerNode* layer = input.call()->layer.get();
      if (layer_depths_.emplace(layer, 0).second) {
        calls_.push_back(input.call());
        found_[layer] = -1;
      }
    }
  }

  const std::vector<Call>& calls() const { return calls_; }  ///< each behind those that it needs

  std::vector<std::shared_ptr<LayerNode>> layers() const {
    std::vector<std::shared_ptr<LayerNode>> layers;
    for (const Call& call : calls_)
      if (std::find(layers.begin(), layers.end(), call->layer) == layers.end()) layers.push_back(call->layer);
    std::stable_sort(layers.begin(), layers.end(), [&](const auto& a, const auto& b) {
      const int64_t depth_a = layer_depths_.at(a.get()), depth_b = layer_depths_.at(b.get());
      return depth_a != depth_b ? depth_a > depth_b : found_.at(a.get()) < found_.at(b.get());
    });
    return layers;
  }

 private:
  /// Depth first, with a stack of its own: models may be thousands of layers deep.
  void visit(const Tensor& output) {
    struct Frame {
      Call call;
      std::vector<Tensor> inputs;
      size_t next = 0;
    };
    std::vector<Frame> stack;
    const auto enter = [&](const Tensor& tensor) {
      const Call& call = tensor.call();
      if (!call->is_input() && is_one_of(tensor, inputs_)) return;
      if (!seen_.insert(call.get()).second) return;
      found_.emplace(call->layer.get(), static_cast<int64_t>(found_.size()));
      if (call->is_input() && !is_one_of(tensor, inputs_))
        throw Error(ErrorKind::usage,
                    cat("an output needs ", quoted(call->layer->name), ", which is not among the inputs"),
                    "Model");
      stack.push_back({call, call->inputs()});
    };
    enter(output);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next < frame.inputs.size()) {
        enter(frame.inputs[frame.next++]);
      } else {
        calls_.push_back(frame.call);
        stack.pop_back();
      }
    }
  }

  void find_depths() {
    std::map<const CallNode*, int64_t> depths;
    for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
      int64_t& own = depths[call->get()];
      int64_t& of_layer = layer_depths_[(*call)->layer.get()];
      own = of_layer = std::max(own, of_layer);
      const int64_t next = own + 1;
      for (const Tensor& input : (*call)->inputs()) {
        int64_t& depth = depths[input.call().get()];
        depth = std::max(depth, next);
      }
    }
  }

  const Tensors& inputs_;
  std::vector<Call> calls_;
  std::set<const CallNode*> seen_;
  std::map<const LayerNode*, int64_t> found_, layer_depths_;
};

}  // namespace

GraphOrder order_graph(const Tensors& inputs, const Tensors& outputs) {
  const Sorter sorter(inputs, outputs);
  return {sorter.calls(), sorter.layers()};
}

}  // namespace keratin::keras
