// Convolutions of 3 × 3 taps become Winograd's, which need less than half of the products, where that pays and is exact enough.
//
//     %0 = conv %x, @k {…}        becomes        %0 = constant [1, 0, 0, …] : f32[4,3]
//                                                %1 = dot %0, @k {contract = [1]x[1]} : f32[4,3,64,64]
//                                                %2 = dot %0, %1 {contract = [1]x[1]} : f32[4,4,64,64]
//                                                %3 = winograd %x, %2 {…}
//
// It happens to f32 convolutions of the function that predicts, with stride 1, channels last and a weight that is fixed: its
// transform depends on weights alone, so it ends up in `prepare`. A single function predicts whatever it is called.
//
// Whether it pays is a comparison of estimates, in units of a multiply-add: products, while what has to be read of the kernel comes, which is
// larger when it is transformed; transforms of inputs and results.
//
// How exact it is is measured (passes/winograd_error.h), with some of the real weights: the error may be up to 4 times that of the direct
// convolution. Tiles of 4 × 4 results need fewer products but are less exact; only the pass `fast_conv` makes them, which runs where
// that was asked for. Their error may be up to 16 times that of the direct convolution.
#include "ir/winograd.h"

#include <algorithm>
#include <cmath>

#include "ir/conv_axes.h"
#include "ir/rebuild.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/weight_sample.h"
#include "passes/weights.h"
#include "passes/winograd_error.h"

namespace keratin {

namespace {

// Of a transform, by element that goes in or comes out; of an element of a kernel, which may have to come from memory.
constexpr double kTransformCost = 6;
constexpr double kWeightCost = 24;
constexpr double kFreeBatch = 8;  // images, where any number may come
constexpr double kGain = 0.9;     // of the cost of what it replaces, at most

/// What the estimates are made from.
struct Problem {
  double images = 0, inputs = 0, features = 0;
  int64_t height = 0, width = 0;  ///< of the result
};

double direct_cost(const Problem& p) {
  const double taps = kWinogradTaps * kWinogradTaps, places = static_cast<double>(p.height * p.width);
  return p.inputs * p.features * taps * std::max(p.images * places, kWeightCost);
}

double winograd_cost(const Problem& p, int64_t size) {
  const int64_t outputs = winograd_transform(size).outputs;
  const auto along = [&](int64_t extent) { return (extent + outputs - 1) / outputs; };
  const double tiles = p.images * static_cast<double>(along(p.height) * along(p.width));
  const double elements = static_cast<double>(size * size);
  return elements * (p.inputs * p.features * std::max(tiles, kWeightCost) +
                     tiles * kTransformCost * (p.inputs + p.features));
}

constexpr int64_t kSampledFeatures = 8;

/// Which tiles may be made, and how many times the direct convolution's error theirs may be.
struct Tiles {
  int64_t size;  ///< of what is transformed
  double most_error;
};
constexpr Tiles kExact{4, 4}, kFast{6, 16};

bool all(const Ints& values, int64_t value) {
  return std::all_of(values.begin(), values.end(), [&](int64_t each) { return each == value; });
}

/// Weights that training changes are not fixed; but the forward pass of a training step is left as it is in any case.
bool predicts(const Module& module, const Function& function) {
  return function.name == "predict" || module.functions.size() == 1;
}

class Rewriter : public Rebuilder {
 public:
  Rewriter(const Module& module, const Function& function, Tiles tiles, Decisions* decisions)
      : Rebuilder(function),
        module_(module),
        tiles_(tiles),
        decisions_(decisions),
        fixed_(find_fixed(module, function)) {}

 protected:
  std::vector<Value> visit(const Node& node) override {
    if (node.op != Op::conv || !is_better(node)) return copy(node);
    const Matrix& matrix = winograd_transform(tiles_.size).kernel;
    auto data = std::make_shared<Tensor>(DType::f32, std::vector<int64_t>{matrix.rows, matrix.columns});
    for (int64_t i = 0; i < data->elements(); ++i) data->set(i, matrix.entries[i]);
    const Value factors = builder().constant(std::move(data));
    const auto transformed = [&](Value kernel) {
      return builder().make(Op::dot, {factors, kernel}, DotAttrs{.contract = {{1}, {1}}, .batch = {}});
    };
    const Value taps = builder().transpose(mapped(node.operands[1]), kernel_order(node));
    const auto& attrs = node.as<ConvAttrs>();
    return {builder().make(Op::winograd, {mapped(node.operands[0]), transformed(transformed(taps))},
                           WinogradAttrs{attrs.pad_low, attrs.pad_high})};
  }

 private:
  static Ints kernel_order(const Node& conv) {
    const ConvAxes::Array axes = parse_conv_axes(conv.as<ConvAttrs>().dims).kernel;
    return {axes.space[0], axes.space[1], axes.batch, axes.feature};
  }

  /// Whether Winograd's method takes the place of a convolution; says why.
  bool is_better(const Node& conv) {
    const std::string misfit = why_misfit(conv);
    if (!misfit.empty()) return decide(conv, false, misfit);
    const double cost = cost_ratio(conv);
    const std::string saves = cat("an estimated ", percent(cost), " % of the time");
    if (cost >= kGain) return decide(conv, false, cat(saves, " (less than ", percent(kGain), ")"));
    const double error = error_ratio(conv);
    return decide(
        conv, error <= tiles_.most_error,
        cat(saves, ", ", std::round(error * 100) / 100, " times the error (up to ", tiles_.most_error, ")"));
  }

  bool decide(const Node& conv, bool is_chosen, const std::string& why) {
    const int64_t outputs = winograd_transform(tiles_.size).outputs;
    if (decisions_ != nullptr)
      decisions_->choices.push_back(
          {tiles_.size == kExact.size ? "winograd" : "fast_conv", source().name, conv.origin,
           cat(is_chosen ? "tiles of " : "no tiles of ", outputs, "x", outputs, ": ", why)});
    return is_chosen;
  }

  static int64_t percent(double part) { return std::lround(100 * part); }

  /// Why it is no convolution that can be made Winograd's; empty: it is one.
  std::string why_misfit(const Node& conv) const {
    const auto& attrs = conv.as<ConvAttrs>();
    const ConvAxes axes = parse_conv_axes(attrs.dims);
    const auto channels_last = [](const ConvAxes::Array& array) {
      return array.batch == 0 && array.space == Ints{1, 2} && array.feature == 3;
    };
    const Shape &input = conv.operands[0].shape(), &kernel = conv.operands[1].shape();
    const bool has_taps = std::all_of(axes.kernel.space.begin(), axes.kernel.space.end(),
                                      [&](int64_t axis) { return kernel[axis].is(kWinogradTaps); });
    if (axes.space_rank() != 2 || !has_taps) return "its taps are not 3x3";
    if (attrs.groups != 1 || attrs.batch_groups != 1) return "its channels are in groups";
    if (!all(attrs.stride, 1)) return "its stride is not 1";
    if (!all(attrs.input_dilation, 1) || !all(attrs.kernel_dilation, 1)) return "it is dilated";
    if (!channels_last(axes.input) || !channels_last(axes.output)) return "its channels do not come last";
    if (conv.type().dtype != DType::f32) return "it is not of f32";
    if (!fixed_[conv.operands[1].node->index] || fixed_[conv.index]) return "its taps are no weights";
    if (!input[3].is_static() || !conv.type().shape[3].is_static())
      return "how many channels it has is not known";
    return {};
  }

  /// The estimated time, as a part of that of what it replaces.
  double cost_ratio(const Node& conv) const {
    const Shape& shape = conv.type().shape;
    const Dim images = shape[0];
    const Problem problem{static_cast<double>(images.coef) * (images.is_static() ? 1 : kFreeBatch),
                          static_cast<double>(conv.operands[0].shape()[3].value()),
                          static_cast<double>(shape[3].value()), shape[1].value(), shape[2].value()};
    double other = direct_cost(problem);
    if (tiles_.size != kExact.size) other = std::min(other, winograd_cost(problem, kExact.size));
    return winograd_cost(problem, tiles_.size) / other;
  }

  /// How many times the error of the direct convolution its error is.
  double error_ratio(const Node& conv) const {
    const Ints order = kernel_order(conv);
    const Value kernel = conv.operands[1];
    const int64_t features = std::min(kSampledFeatures, kernel.shape()[order[3]].value());
    const Tensor taps = sample_weight(module_, source(), kernel, order, features);
    return winograd_error(taps, winograd_transform(tiles_.size));
  }

  const Module& module_;
  const Tiles tiles_;
  Decisions* const decisions_;
  const std::vector<bool> fixed_;
};

Module rewritten(const Module& module, Tiles tiles, Decisions* decisions) {
  return map_functions(module, [&](const Function& function) {
    return predicts(module, function) ? Rewriter(module, function, tiles, decisions).run() : clone(function);
  });
}

}  // namespace

Module winograd(const Module& module, Decisions* decisions) { return rewritten(module, kExact, decisions); }
Module fast_conv(const Module& module, Decisions* decisions) { return rewritten(module, kFast, decisions); }

}  // namespace keratin
