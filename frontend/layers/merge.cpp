// Layers that make one tensor of several.
#include "frontend/layers/tables.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// An input, and which of its elements count: all if there is no mask.
struct Part {
  Expr value, mask;
};

/// The inputs with equal ranks: axes of extent 1 are put after the batch, as Keras does. That loses a mask.
std::vector<Part> parts_of_one_rank(Call& call) {
  if (call.inputs().size() < 2)
    call.fail(cat("is called with ", call.inputs().size(), " inputs, expected at least 2"), {},
              ErrorKind::data);
  int64_t rank = 0;
  for (const Traced& input : call.inputs()) rank = std::max(rank, input.value.rank());
  std::vector<Part> parts;
  for (const Traced& input : call.inputs()) {
    Part part{input.value, {}};
    if (const Expr mask = input.mask_at_run_time(); mask && part.value.rank() == rank)
      part.mask = broadcast_to(expand_dims(mask, -1), part.value.shape());
    while (part.value.rank() < rank) part.value = expand_dims(part.value, 1);
    parts.push_back(part);
  }
  return parts;
}

/// `value` with a mask made of those of the inputs, which is lost if one of them is.
Traced masked(Call& call, const Expr& value, const Expr& mask) {
  Traced output(value, mask);
  for (const Traced& input : call.inputs())
    if (input.mask && *input.is_mask_lost) *output.is_mask_lost = true;
  return output;
}

/// A step counts if it counts in any input; none is masked if some input has no mask.
Expr merged_mask(Call& call) {
  Expr mask = call.inputs()[0].mask;
  for (const Traced& input : call.inputs()) {
    if (!input.mask) return {};
    mask = logical_or(mask, input.mask);
  }
  return mask;
}

template <Op op>
Expr fold_inputs(Call& call) {
  const std::vector<Part> parts = parts_of_one_rank(call);
  Expr merged = parts[0].value;
  for (size_t i = 1; i < parts.size(); ++i) merged = binary(op, merged, parts[i].value);
  return merged;
}

template <Op op>
Outputs merge(Call& call) {
  return masked(call, fold_inputs<op>(call), merged_mask(call));
}

Outputs subtract(Call& call) {
  if (call.inputs().size() != 2)
    call.fail(cat("is called with ", call.inputs().size(), " inputs, expected 2"), {}, ErrorKind::data);
  return merge<Op::sub>(call);
}

Outputs average(Call& call) {
  return masked(call, fold_inputs<Op::add>(call) / static_cast<double>(call.inputs().size()),
                merged_mask(call));
}

/// A masked factor is 1, a product of masked factors only 0.
Outputs multiply(Call& call) {
  Expr product, counts;
  bool all_masked = true;
  for (const Part& part : parts_of_one_rank(call)) {
    const Expr factor = part.mask ? where(part.mask, part.value, number(part.value, 1)) : part.value;
    product = product ? product * factor : factor;
    all_masked &= static_cast<bool>(part.mask);
    if (all_masked) counts = counts ? logical_or(counts, part.mask) : part.mask;
  }
  if (all_masked) product = where(counts, product, number(product, 0));
  return masked(call, product, merged_mask(call));
}

/// The largest or least of what is not masked; where all is, that of the first input.
template <Op op>
Outputs extreme(Call& call) {
  Part merged;
  for (const Part& part : parts_of_one_rank(call)) {
    if (!merged.value) {
      merged = part;
      continue;
    }
    const Expr value = part.mask ? where(part.mask, part.value, merged.value) : part.value;
    if (merged.mask) merged.value = where(merged.mask, merged.value, value);
    merged.value = binary(op, merged.value, value);
    merged.mask = merged.mask && part.mask ? logical_or(merged.mask, part.mask) : Expr();
  }
  return masked(call, merged.value, merged_mask(call));
}

constexpr Arg kConcatenateArgs[] = {{"axis", ArgKind::integer, "-1"}};

/// An input's mask with all axes of the input, to be concatenated like it.
Expr full_mask(const Traced& input) {
  const Expr& x = input.value;
  if (!input.mask)
    return {x.builder(), x.builder().constant(Scalar::of_integer(DType::boolean, 1), x.shape())};
  if (input.mask.rank() >= x.rank()) return input.mask;
  return broadcast_to(expand_dims(input.mask, -1), x.shape());
}

/// A step counts if it counts in any part.
Expr concatenated_mask(Call& call, int64_t axis) {
  bool any = false;
  std::vector<Expr> masks;
  for (const Traced& input : call.inputs()) any |= static_cast<bool>(input.mask);
  if (!any) return {};
  for (const Traced& input : call.inputs()) masks.push_back(full_mask(input));
  return reduce(Op::reduce_or, concat(masks, axis), {-1});
}

Outputs concatenate(Call& call) {
  const int64_t axis = call.args().integer("axis");
  std::vector<Expr> parts;
  for (const Traced& input : call.inputs()) parts.push_back(input.value);
  if (parts.empty()) call.fail("is called with no inputs", {}, ErrorKind::data);
  return masked(call, concat(parts, axis), concatenated_mask(call, axis));
}

constexpr Arg kDotArgs[] = {
    {"axes", ArgKind::ints},
    {"normalize", ArgKind::boolean, "false"},
};

Expr normalized(const Expr& x, int64_t axis) {
  constexpr double kSmallest = 1e-12;
  return x * unary(Op::rsqrt, maximum(sum(x * x, {axis}, true), kSmallest));
}

/// Sums products along one axis of each input, sample by sample; what is left of the first comes before the second's.
Outputs dot(Call& call) {
  if (call.inputs().size() != 2)
    call.fail(cat("is called with ", call.inputs().size(), " inputs, expected 2"), {}, ErrorKind::data);
  Expr a = call.to_float(call.inputs()[0].value), b = call.to_float(call.inputs()[1].value);
  const Ints axes = call.args().ints("axes", 2);
  const int64_t axis_a = a.axis(axes[0]), axis_b = b.axis(axes[1]);
  if (axis_a == 0 || axis_b == 0)
    call.args().reject("axes", "the batch is no axis to sum over", {}, ErrorKind::data);
  if (call.args().boolean("normalize")) {
    a = normalized(a, axis_a);
    b = normalized(b, axis_b);
  }
  const Expr y(call.builder(),
               call.builder().make(Op::dot, {a.value(), b.value()},
                                   DotAttrs{.contract = {{axis_a}, {axis_b}}, .batch = {{0}, {0}}}));
  return y.rank() == 1 ? expand_dims(y, 1) : y;
}

constexpr LayerDef kLayers[] = {
    {"Add", {}, Masks::own, merge<Op::add>},
    {"Subtract", {}, Masks::own, subtract},
    {"Multiply", {}, Masks::own, multiply},
    {"Average", {}, Masks::own, average},
    {"Maximum", {}, Masks::own, extreme<Op::max>},
    {"Minimum", {}, Masks::own, extreme<Op::min>},
    {"Concatenate", kConcatenateArgs, Masks::own, concatenate},
    {"Dot", kDotArgs, Masks::drop, dot},
};

}  // namespace

std::span<const LayerDef> merge_layers() { return kLayers; }

}  // namespace keratin
