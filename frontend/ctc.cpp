// A. Graves et al., Connectionist temporal classification, ICML 2006.
//
// Two logarithms are carried from step to step for each length n of the labels' beginning: `blank`, [N, L+1], of the paths
// that have given the first n labels and stand at a blank; `label`, [N, L], of those that stand at the label n + 1. (The
// forward recursion of optax's ctc_loss, with its smallest logarithm, so that losses of impossible labels are Keras's, too.)
#include "frontend/ctc.h"

#include "frontend/scan.h"

namespace keratin {
namespace {

constexpr double kLogOfNothing = -1e5;

Expr log_of_sum(const Expr& a, const Expr& b) {
  return maximum(a, b) + unary(Op::softplus, -unary(Op::abs, a - b));
}

/// `blank` with `more` paths at all places but the first.
Expr with_more(const Expr& blank, const Expr& more) {
  const int64_t places = blank.extent(1);
  return concat({slice(blank, 1, 0, 1), log_of_sum(slice(blank, 1, 1, places), more)}, 1);
}

/// [N, T, 1]: the steps that there are.
Expr is_step(const Expr& lengths, const Expr& like) {
  const Expr one = slice(like, 2, 0, 1);
  return less(places(one, 1), expand_dims(expand_dims(cast(lengths, DType::i32), 1), 2));
}

}  // namespace

Expr ctc_loss(const CtcSequences& sequences) {
  const Expr &labels = sequences.labels, logarithms = log_softmax(sequences.logits, {-1});
  Builder& builder = logarithms.builder();
  const int64_t length = labels.extent(1);
  const Expr of_labels(builder, builder.make(Op::gather, {logarithms.value(), labels.value()},
                                             GatherAttrs{.axis = 2, .batch_dims = 1}));  // [N, T, L]
  const Expr of_blank = slice(logarithms, 2, sequences.blank, sequences.blank + 1);
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
             label_now = scan.add("labels", of_labels, true), blank_now = scan.add("blanks", of_blank, true);
  Expr is_there;
  if (sequences.logit_lengths)
    is_there = scan.add("is_step", is_step(sequences.logit_lengths, logarithms), true);
  const Expr repeated = scan.add("is_repeated", is_repeated);
  const Expr ready = with_more(blank, label + repeated * kLogOfNothing);
  const Expr next_blank = with_more(ready + blank_now, label + blank_now + (1 - repeated) * kLogOfNothing);
  const Expr next_label = log_of_sum(slice(ready, 1, 0, length) + label_now, label + label_now);
  scan.result("blank", is_there ? where(is_there, next_blank, blank) : next_blank);
  scan.result("label", is_there ? where(is_there, next_label, label) : next_label);
  const std::vector<Expr> ends =
      scan.finish(builder, {.carries = 2, .sequences = is_there ? 3 : 2, .length = logarithms.dim(1)});

  const Expr last = with_more(ends[0], ends[1]);
  const Expr wanted =
      minimum(maximum(cast(sequences.label_lengths, DType::i32), 0), static_cast<double>(length));
  return -sum(where(equal(places(last, 1), expand_dims(wanted, 1)), last, number(last, 0)), {1});
}

}  // namespace keratin
