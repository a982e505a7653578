// Connectionist temporal classification: the loss, and the search for the labels that are likely.
#include "frontend/ctc.h"

#include <algorithm>
#include <limits>

#include "frontend/elementary.h"
#include "frontend/operations/tables.h"
#include "frontend/scan.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();
constexpr double kNothing = -1;  // what paths are filled up with

Expr exp(const Expr& x) { return unary(Op::exp, x); }
Expr log(const Expr& x) { return unary(Op::log, x); }

Expr gathered(const Expr& x, const Expr& indices, int64_t axis, int64_t batch_dims) {
  return {x.builder(), x.builder().make(Op::gather, {x.value(), indices.value()},
                                        GatherAttrs{.axis = axis, .batch_dims = batch_dims})};
}

/// The places of the elements along the last axis in ascending order; equal ones keep theirs.
Expr ascending(const Expr& x) {
  const Node* node = x.builder().make_node(Op::sort, {x.value()}, SortAttrs{.axis = x.rank() - 1});
  return {x.builder(), node->value(1)};
}

// --- the loss ---

constexpr Arg kLossParams[] = {{"mask_index", ArgKind::integer, "0"}};

Outputs ctc_loss_operation(OperationCall& call) {
  const Expr target = call.tensor(0), logits = at_least_f32(call.tensor(1));
  if (target.rank() != 2 || logits.rank() != 3)
    call.fail(cat("target and output must have rank 2 and 3, not ", to_text(target.shape()), " and ",
                  to_text(logits.shape())),
              ErrorKind::data);
  const int64_t blank = call.args().integer("mask_index");
  if (blank < 0 || blank >= logits.extent(2))
    call.args().reject("mask_index", cat("there are ", logits.extent(2), " classes"), {}, ErrorKind::data);
  return ctc_loss({.labels = cast(target, DType::i32),
                   .label_lengths = call.tensor(2),
                   .logits = logits,
                   .logit_lengths = call.tensor(3),
                   .blank = blank});
}

// --- the likeliest class of each step ---

struct Decoding {
  Expr scores;   ///< [N, T, K]
  Expr is_past;  ///< [N, T]: the sequence has ended
  int64_t blank;
};

Outputs likeliest(const Decoding& d, bool merges) {
  const int64_t length = d.scores.extent(1);
  const Expr best = reduce(Op::reduce_max, d.scores, {2}), found = reduce(Op::argmax, d.scores, {2});
  Expr labels = where(d.is_past, number(found, static_cast<double>(d.blank)), found);
  if (merges && length > 1) {
    const Expr is_same = equal(slice(labels, 1, 1, length), slice(labels, 1, 0, length - 1));
    labels = where(as_boolean(pad(cast(is_same, DType::i32), {0, 1}, {0, 0})),
                   number(labels, static_cast<double>(d.blank)), labels);
  }
  const Expr is_blank = equal(labels, number(labels, static_cast<double>(d.blank)));
  const Expr at_the_end = ascending(cast(is_blank, DType::i32));
  const Expr kept = gathered(where(is_blank, number(labels, kNothing), labels), at_the_end, 1, 1);
  const Expr score = -sum(where(d.is_past, number(best, 0), best), {1}, true);
  return {expand_dims(kept, 0), score};
}

// --- beam search ---
//
// The likeliest paths, as labels, are carried from step to step: `paths`, [N, B, T], filled up with -1; and of each two logarithms
// of probabilities, [N, B]: of what ends with its last label, and of what ends with a blank. A step gives each path each of K
// classes: the blank leaves it, and so does its last label again if that has not been left; others are a label more. Where that is
// a path that is carried anyway, it is added to that one. The likeliest B of B·K stay.
//
// Numbers are Keras's on JAX to the rounding: what is e^-104 times less likely than the best counts as impossible, and of paths that
// are equally likely those go first that come last in the alphabet. There the classes are counted from the end, as this file does.

struct Beams {
  Expr paths, of_label, of_blank;
};

/// log e^x, of x below `greatest`.
Expr from_greatest(const Expr& linear, const Expr& greatest) { return log(linear) + greatest; }

/// How two paths of the same beam compare, [N, B, B]: the first place where they differ, and what they have there.
struct Comparison {
  Expr are_same, mine, other;
};

Comparison compare(const Expr& paths) {
  const Expr differ = cast(not_equal(expand_dims(paths, 2), expand_dims(paths, 1)), DType::i32);
  const Expr place = reduce(Op::argmax, differ, {3});
  const Expr mine = gathered(paths, place, 2, 2);
  return {equal(reduce(Op::reduce_max, differ, {3}), number(place, 0)), mine, transpose(mine, {0, 2, 1})};
}

Expr as_number(const Expr& condition) { return cast(condition, DType::i32); }

class BeamStep {
 public:
  /// `now`, [N, K]: the logarithms of this step.
  BeamStep(const Beams& beams, const Expr& now, int64_t blank)
      : beams_(beams),
        now_(expand_dims(now, 1)),
        width_(beams.paths.extent(1)),
        classes_(now.extent(1)),
        blank_(blank) {
    const Expr each = expand_dims(beams.of_label, 2) + now_;  // [N, B, K]
    const Expr class_of = places(each, 2);
    is_blank_ = equal(class_of, number(class_of, static_cast<double>(blank)));
    // In the alphabet a path without a label more comes first.
    label_ = where(is_blank_, number(class_of, kNothing), class_of);
    length_ = sum(as_number(greater_equal(beams.paths, 0)), {2}, true);
    last_ = gathered(beams.paths, maximum(length_ - number(length_, 1), 0), 2, 2);
    last_ = where(equal(length_, number(length_, 0)), number(last_, kNothing - 1), last_);
  }

  Beams run() {
    const Comparison against = compare(beams_.paths);
    add_up(against);
    // The order of the alphabet, then of probabilities.
    const Expr by_alphabet = ascending(flat(ranks(against)));
    const Expr total = gathered(log_add_exp(flat(of_label_), flat(of_blank_)), by_alphabet, 1, 1);
    const Expr by_total = slice(ascending(total), 1, (width_ * classes_) - width_, width_ * classes_);
    const Expr kept = gathered(by_alphabet, by_total, 1, 1);  // [N, B]

    const Expr path = binary(Op::div, kept, number(kept, static_cast<double>(classes_)));
    const Expr label = expand_dims(gathered(flat(label_), kept, 1, 1), 2);
    const Expr old = gathered(beams_.paths, path, 1, 1);
    const Expr is_end = equal(places(old, 2), gathered(length_, path, 1, 1));
    return {where(logical_and(is_end, greater_equal(label, 0)), label, old),
            gathered(flat(of_label_), kept, 1, 1), gathered(flat(of_blank_), kept, 1, 1)};
  }

 private:
  static Expr flat(const Expr& x) { return reshape(x, {x.dim(0), x.extent(1) * x.extent(2)}); }

  /// What paths and classes make together, those that are the same path in one place.
  void add_up(const Comparison& against) {
    const Expr of_label = expand_dims(beams_.of_label, 2) + now_,
               of_blank = expand_dims(beams_.of_blank, 2) + now_;
    const Expr nothing = number(of_label, 0), impossible = number(of_label, kMinusInfinity);
    const auto greatest_of = [](const Expr& x) { return reduce(Op::reduce_max, x, {1, 2}, true); };
    const Expr any_label = where(is_blank_, impossible, maximum(of_label, of_blank));
    const Expr any_blank = where(is_blank_, maximum(of_label, of_blank), impossible);
    const Expr greatest_label = greatest_of(any_label), greatest_blank = greatest_of(any_blank);
    const Expr from_label = where(is_blank_, nothing, exp(of_label - greatest_label));
    const Expr from_blank = where(is_blank_, nothing, exp(of_blank - greatest_label));
    const Expr is_again = equal(label_, last_);
    const Expr stays = sum(where(is_again, from_label, nothing), {2}, true);
    const Expr longer = from_blank + where(is_again, nothing, from_label);

    // The other path is this one with its last label more.
    const Expr is_alive = greater(maximum(beams_.of_label, beams_.of_blank), kMinusInfinity);  // [N, B]
    const Expr is_next = logical_and(
        logical_and(equal(against.mine, number(against.mine, kNothing)), expand_dims(is_alive, 1)),
        logical_and(equal(transpose(length_, {0, 2, 1}), length_ + number(length_, 1)),
                    logical_not(against.are_same)));
    const Expr moved =
        gathered(longer, against.other, 2, 2);  // [N, B, B]; of what has no next label, anything
    const Expr joined = expand_dims(sum(where(is_next, moved, number(moved, 0)), {1}), 2);
    const Expr next_label = where(is_next, against.other, number(against.other, kNothing));
    const Expr is_moved =
        reduce(Op::reduce_or, equal(expand_dims(next_label, 3), expand_dims(label_, 2)), {2});

    const Expr linear = where(is_blank_, stays + joined, where(is_moved, nothing, longer));
    of_label_ = from_greatest(linear, greatest_label);
    const Expr blanks = exp(of_label - greatest_blank) + exp(of_blank - greatest_blank);
    of_blank_ = from_greatest(where(is_blank_, blanks, nothing), greatest_blank);
  }

  /// How many paths with how many labels more come before each, [N, B, K].
  Expr ranks(const Comparison& against) {
    const Expr none = number(against.mine, kNothing), zero = number(against.mine, 0),
               all = number(zero, static_cast<double>(classes_));
    const Expr is_beginning = equal(against.mine, none), has_beginning = equal(against.other, none);
    // Of the labels up to one: the path that is left as it is, and those that are not the blank.
    const auto up_to = [&](const Expr& label) {
      return label + number(label, 2) -
             as_number(less_equal(number(label, static_cast<double>(blank_)), label));
    };
    const Expr after = where(less(against.other, against.mine), all, zero);
    const Expr before = where(against.are_same, zero,
                              where(has_beginning, up_to(against.mine), where(is_beginning, zero, after)));
    const Expr own = where(is_blank_, number(label_, 0), up_to(label_) - number(label_, 1));
    // What this path is the beginning of comes before its greater labels.
    const Expr next = where(logical_and(is_beginning, logical_not(against.are_same)), against.other, all);
    const Expr is_greater = less(expand_dims(next, 3), expand_dims(label_, 2));
    return own + expand_dims(sum(before, {2}), 2) +
           sum(as_number(is_greater), {2}) * number(own, static_cast<double>(classes_));
  }

  const Beams& beams_;
  Expr now_;
  int64_t width_, classes_, blank_;
  Expr is_blank_, label_, length_, last_;  // [N, B, K] and [N, B, 1]
  Expr of_label_, of_blank_;               // [N, B, K]
};

/// The classes of the first step.
Beams first_beams(const Expr& first, int64_t width, int64_t length, int64_t blank) {
  const int64_t classes = first.extent(1), count = std::min(classes, width);
  const Expr likely = slice(ascending(first), 1, classes - count, classes);
  const Expr scores = gathered(first, likely, 1, 1),
             is_blank = equal(likely, number(likely, static_cast<double>(blank)));
  const Expr impossible = number(scores, kMinusInfinity);
  const auto widened = [&](const Expr& x) { return pad(x, {0, 0}, {0, width - count}, kMinusInfinity); };
  const Expr labels = expand_dims(where(is_blank, number(likely, kNothing), likely), 2);
  return {pad(labels, {0, 0, 0}, {0, width - count, length - 1}, kNothing),
          widened(where(is_blank, impossible, scores)), widened(where(is_blank, scores, impossible))};
}

Outputs likely_paths(const Decoding& d, int64_t width, int64_t count) {
  const int64_t length = d.scores.extent(1), classes = d.scores.extent(2), blank = classes - 1 - d.blank;
  const Expr scores = reverse(log_softmax(d.scores, {2}), 2);
  Beams beams = first_beams(squeeze(slice(scores, 1, 0, 1), {1}), width, length, blank);
  if (length > 1) {
    ScanBuilder scan;
    const Beams old{scan.add("paths", beams.paths), scan.add("of_label", beams.of_label),
                    scan.add("of_blank", beams.of_blank)};
    const Expr now = scan.add("scores", slice(scores, 1, 1, length), true);
    const Expr is_past = scan.add("is_past", slice(expand_dims(d.is_past, 2), 1, 1, length), true);
    const Beams next = BeamStep(old, now, blank).run();
    scan.result("paths", where(expand_dims(is_past, 2), old.paths, next.paths));
    scan.result("of_label", where(is_past, old.of_label, next.of_label));
    scan.result("of_blank", where(is_past, old.of_blank, next.of_blank));
    const std::vector<Expr> last =
        scan.finish(scores.builder(), {.carries = 3, .sequences = 2, .length = length - 1});
    beams = {last[0], last[1], last[2]};
  }

  const Expr greatest = reduce(Op::reduce_max, maximum(beams.of_label, beams.of_blank), {1}, true);
  const Expr total = from_greatest(exp(beams.of_label - greatest) + exp(beams.of_blank - greatest), greatest);
  const Comparison against = compare(beams.paths);
  const Expr by_alphabet = ascending(sum(as_number(less(against.other, against.mine)), {2}));
  const Expr by_total = gathered(by_alphabet, ascending(gathered(total, by_alphabet, 1, 1)), 1, 1);
  const int64_t found = std::min(count, width);
  const Expr best = reverse(slice(by_total, 1, width - found, width), 1);
  const Expr of_best = gathered(total, best, 1, 1), paths = gathered(beams.paths, best, 1, 1);
  // What is impossible is no path.
  const Expr is_label =
      logical_and(greater_equal(paths, 0), expand_dims(greater(of_best, kMinusInfinity), 2));
  const Expr labels =
      where(is_label, number(paths, static_cast<double>(classes - 1)) - paths, number(paths, kNothing));
  const int64_t missing = count - found;
  return {transpose(pad(labels, {0, 0, 0}, {0, missing, 0}, kNothing), {1, 0, 2}),
          pad(of_best, {0, 0}, {0, missing}, kMinusInfinity)};
}

constexpr Arg kDecodeParams[] = {
    {"strategy", ArgKind::choice, "greedy", "greedy|beam_search"},
    {"beam_width", ArgKind::count, "100"},
    {"top_paths", ArgKind::count, "1"},
    {"merge_repeated", ArgKind::boolean, "true"},
    {"mask_index", ArgKind::any, "0"},
};

Outputs ctc_decode(OperationCall& call) {
  const Args& args = call.args();
  const Expr scores = at_least_f32(call.tensor(0));
  if (scores.rank() != 3)
    call.fail(cat("inputs must have rank 3, not ", to_text(scores.shape())), ErrorKind::data);
  const int64_t classes = scores.extent(2);
  const int64_t blank = call.is_none("mask_index") ? classes - 1 : args.json("mask_index").as_int();
  if (blank < 0 || blank >= classes)
    args.reject("mask_index", cat("there are ", classes, " classes"), {}, ErrorKind::data);
  const Expr step = places(squeeze(slice(scores, 2, 0, 1), {2}), 1);
  const Decoding decoding{scores, less_equal(expand_dims(cast(call.tensor(1), DType::i32), 1), step), blank};
  if (args.choice("strategy") == "greedy") return likeliest(decoding, args.boolean("merge_repeated"));
  if (classes < 2) call.fail("a search needs at least two classes", ErrorKind::data);
  return likely_paths(decoding, args.integer("beam_width"), args.integer("top_paths"));
}

constexpr OperationDef kRows[] = {
    {"CTCLoss", "target output target_length output_length", ctc_loss_operation, kLossParams},
    {"CTCDecode", "inputs sequence_lengths", ctc_decode, kDecodeParams},
};

}  // namespace

std::span<const OperationDef> ctc_operations() { return kRows; }

}  // namespace keratin
