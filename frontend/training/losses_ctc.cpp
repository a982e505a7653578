// Connectionist temporal classification: A. Graves et al., ICML 2006.
//
// The prediction has logits of classes for each step, of which class 0 is the blank: [N, T, K]. The target is a sequence of
// classes that is shorter or as long, filled up with zeros: [N, T]. The loss is -log of the probability of all paths of T classes
// that become the target when repetitions are merged and blanks dropped.
//
// Two logarithms are carried from step to step for each length n of the target's beginning: `blank`, [N, T+1], of the paths
// that have given the first n labels and stand at a blank; `label`, [N, T], of those that stand at the label n + 1. (The
// forward recursion of optax's ctc_loss, with its smallest logarithm, so that losses of impossible targets are Keras's, too.)
#include "frontend/scan.h"
#include "frontend/training/loss_values.h"

namespace keratin {
namespace {

constexpr double kLogOfNothing = -1e5;

Expr log_add_exp(const Expr& a, const Expr& b) {
  return maximum(a, b) + unary(Op::softplus, -unary(Op::abs, a - b));
}

/// `blank` with `more` paths at all places but the first.
Expr with_more(const Expr& blank, const Expr& more) {
  const int64_t places = blank.extent(1);
  return concat({slice(blank, 1, 0, 1), log_add_exp(slice(blank, 1, 1, places), more)}, 1);
}

LossValues ctc(const LossCall& call) {
  const Expr &labels = call.target, logarithms = log_softmax(call.prediction.value, {-1});
  Builder& builder = logarithms.builder();
  const int64_t length = labels.extent(1);
  const Expr of_labels(builder, builder.make(Op::gather, {logarithms.value(), labels.value()},
                                             GatherAttrs{.axis = 2, .batch_dims = 1}));  // [N, T, labels]
  const Expr of_blank = slice(logarithms, 2, 0, 1);
  // Between two equal labels there must be a blank.
  const Expr like = slice(of_labels, 1, 0, 1);
  Expr is_repeated = number(squeeze(like, {1}), 0);
  if (length > 1)
    is_repeated = pad(cast(equal(slice(labels, 1, 0, length - 1), slice(labels, 1, 1, length)), like.dtype()),
                      {0, 0}, {0, 1});
  const Expr label_start = number(is_repeated, kLogOfNothing);
  const Expr blank_start = pad(label_start, {0, 1}, {0, 0}, 0);

  ScanBuilder scan;
  const Expr blank = scan.add("blank", blank_start), label = scan.add("label", label_start),
             label_now = scan.add("labels", of_labels, true), blank_now = scan.add("blanks", of_blank, true),
             repeated = scan.add("is_repeated", is_repeated);
  const Expr ready = with_more(blank, label + repeated * kLogOfNothing);
  scan.result("blank", with_more(ready + blank_now, label + blank_now + (1 - repeated) * kLogOfNothing));
  scan.result("label", log_add_exp(slice(ready, 1, 0, length) + label_now, label + label_now));
  const std::vector<Expr> ends =
      scan.finish(builder, {.carries = 2, .sequences = 2, .length = logarithms.dim(1)});

  const Expr last = with_more(ends[0], ends[1]);
  const Expr labels_given = cast(sum(cast(not_equal(labels, 0), DType::i32), {1}), DType::i32);
  return -sum(one_hot(labels_given, last) * last, {1});
}

constexpr LossDef kLosses[] = {{{"CTC", "", {}}, LossTarget::sequence, ctc}};

}  // namespace

std::span<const LossDef> ctc_losses() { return kLosses; }

}  // namespace keratin
