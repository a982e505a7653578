// Intersection over union of what belongs to a class and what is predicted for it.
#include <numeric>

#include "frontend/training/loss_values.h"
#include "frontend/training/metrics.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kBinaryArgs[] = {
    {"target_class_ids", ArgKind::ints, "[0, 1]"},
    {"threshold", ArgKind::real, "0.5"},
};
constexpr Arg kIouArgs[] = {
    {"num_classes", ArgKind::count},
    {"target_class_ids", ArgKind::ints},
    {"ignore_class", ArgKind::integer, "null"},
    {"sparse_y_true", ArgKind::boolean, "true"},
    {"sparse_y_pred", ArgKind::boolean, "true"},
    {"axis", ArgKind::integer, "-1"},
};
constexpr Arg kMeanArgs[] = {
    {"num_classes", ArgKind::count},
    {"ignore_class", ArgKind::integer, "null"},
    {"sparse_y_true", ArgKind::boolean, "true"},
    {"sparse_y_pred", ArgKind::boolean, "true"},
    {"axis", ArgKind::integer, "-1"},
};
constexpr Arg kOneHotArgs[] = {
    {"num_classes", ArgKind::count},
    {"target_class_ids", ArgKind::ints},
    {"ignore_class", ArgKind::integer, "null"},
    {"sparse_y_pred", ArgKind::boolean, "false"},
    {"axis", ArgKind::integer, "-1"},
};
constexpr Arg kOneHotMeanArgs[] = {
    {"num_classes", ArgKind::count},
    {"ignore_class", ArgKind::integer, "null"},
    {"sparse_y_pred", ArgKind::boolean, "false"},
    {"axis", ArgKind::integer, "-1"},
};

/// Class numbers: `x` itself, or where it is largest along the axis.
Expr class_ids(const Expr& x, bool sparse, int64_t axis) {
  if (sparse) return cast(x, DType::i32);
  return {x.builder(), x.builder().make(Op::argmax, {x.value()}, AxesAttrs{{x.axis(axis)}})};
}

/// All elements along one axis. A batch of N samples makes them a multiple of N.
Expr flat(const Expr& x) {
  if (x.rank() == 1) return x;
  Dim all = 1;
  for (const Dim d : x.shape()) {
    if (!d.is_static() && !all.is_static())
      throw Error(ErrorKind::unsupported,
                  cat("a prediction ", to_text(x.shape()), " has two axes of open length"));
    all = Dim(all.coef * d.coef, d.is_static() ? all.symbol : d.symbol);
  }
  return reshape(x, {all});
}

/// Adds the pairs of classes to the confusion matrix, row by row in one vector. Numbers that are no class, and the ignored one, do not
/// count.
void count_pairs(MetricCall& call, const Expr& y, const Expr& p, int64_t classes,
                 std::optional<int64_t> ignored) {
  if (y.shape() != p.shape())
    throw Error(ErrorKind::data,
                cat("the classes of the target are ", to_text(y.shape()), ", those of the prediction ",
                    to_text(p.shape())),
                call.args.where(), "sparse_y_true and sparse_y_pred say what holds class numbers");
  const auto is_class = [&](const Expr& x) {
    return logical_and(greater_equal(x, 0), less(x, static_cast<double>(classes)));
  };
  Expr counts = logical_and(is_class(y), is_class(p));
  if (ignored) counts = logical_and(counts, not_equal(y, static_cast<double>(*ignored)));
  // In whole numbers, if the metric counts in them, before they are added: as Keras does it.
  const Expr weights = cast(call.weights(cast(y, DType::f32)), call.state.dtype());
  const Expr kept = where(counts, weights, number(weights, 0)), zero = number(y, 0);
  const Expr place = where(counts, y, zero) * static_cast<double>(classes) + where(counts, p, zero);
  Builder& builder = y.builder();
  const Expr none(builder,
                  builder.splat(Scalar::of(kept.dtype(), 0), Type(kept.dtype(), {Dim(classes * classes)})));
  call.state.add(
      "total_confusion_matrix",
      Expr(builder, builder.make(Op::scatter_add, {none.value(), flat(place).value(), flat(kept).value()},
                                 GatherAttrs{.axis = 0})));
}

template <bool kSparseTarget>
void count_classes(MetricCall& call) {
  const Args& args = call.args;
  const int64_t axis = args.integer("axis");
  const bool sparse = kSparseTarget && args.boolean("sparse_y_true");
  count_pairs(call, class_ids(call.target, sparse, axis),
              class_ids(call.prediction.value, args.boolean("sparse_y_pred"), axis),
              args.integer("num_classes"), optional_integer(args, "ignore_class"));
}

void count_binary(MetricCall& call) {
  const Expr positive = greater_equal(call.prediction.value, call.args.real("threshold"));
  count_pairs(call, class_ids(call.target, true, -1), cast(positive, DType::i32), 2, std::nullopt);
}

/// The mean over those of the classes that occur.
Expr iou(const Args& args, const MetricState& s, int64_t classes, const Ints& wanted) {
  for (const int64_t id : wanted)
    if (id < 0 || id >= classes)
      args.reject("target_class_ids", cat("expected numbers from 0 to ", classes - 1), {}, ErrorKind::data);
  const Expr matrix = reshape(s["total_confusion_matrix"], {classes, classes});
  Ints diagonal(static_cast<size_t>(classes));
  for (int64_t i = 0; i < classes; ++i) diagonal[static_cast<size_t>(i)] = i * (classes + 1);
  const Expr both = take(s["total_confusion_matrix"], 0, diagonal);
  const Expr either = sum(matrix, {0}) + sum(matrix, {1}) - both;
  const auto chosen = [&](const Expr& x) { return take(cast(x, DType::f32), 0, wanted); };
  const Expr inner = chosen(both), outer = chosen(either);
  constexpr double kNothing = 1e-9;
  const Expr occurs = greater(outer, kNothing);
  const Expr values = where(occurs, inner / (outer + kEpsilon), number(inner, 0));
  return sum(values, {0}) / (sum(cast(occurs, DType::f32), {0}) + kEpsilon);
}

Expr iou_of_some(const Args& args, const MetricState& s) {
  return iou(args, s, args.integer("num_classes"), args.ints("target_class_ids"));
}

Expr iou_of_all(const Args& args, const MetricState& s) {
  Ints all(static_cast<size_t>(args.integer("num_classes")));
  std::iota(all.begin(), all.end(), 0);
  return iou(args, s, args.integer("num_classes"), all);
}

Expr iou_of_two(const Args& args, const MetricState& s) {
  return iou(args, s, 2, args.ints("target_class_ids"));
}

constexpr MetricDef kMetrics[] = {
    {{"BinaryIoU", "", kBinaryArgs},
     MetricTarget::values,
     count_binary,
     iou_of_two,
     Direction::up,
     DType::i32},
    {{"IoU", "", kIouArgs}, MetricTarget::own, count_classes<true>, iou_of_some, Direction::up, DType::i32},
    {{"MeanIoU", "", kMeanArgs},
     MetricTarget::own,
     count_classes<true>,
     iou_of_all,
     Direction::up,
     DType::i32},
    {{"OneHotIoU", "", kOneHotArgs},
     MetricTarget::own,
     count_classes<false>,
     iou_of_some,
     Direction::up,
     DType::i32},
    {{"OneHotMeanIoU", "", kOneHotMeanArgs},
     MetricTarget::own,
     count_classes<false>,
     iou_of_all,
     Direction::up,
     DType::i32},
};

}  // namespace

std::span<const MetricDef> iou_metrics() { return kMetrics; }

}  // namespace keratin
