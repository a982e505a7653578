// MultiHeadAttention, GroupQueryAttention, Attention, AdditiveAttention.
//
// Every query scores all keys; a softmax makes weights of its scores, and the values are summed by them. Masks say which keys a
// query does not see. Axes are letters, as in einsum(): for the layers with heads, a b c … are those of the query but its
// last, and A B C … those of key and value that are attended to, which the query has for itself.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "frontend/einsum.h"
#include "frontend/layers/dropout.h"
#include "frontend/layers/quantized.h"
#include "frontend/layers/tables.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin {
namespace {

/// What is put in place of a hidden score, or added to it (`subtracted`). Half floats do not reach as far.
double large_negative(const Expr& scores, bool subtracted) {
  if (scores.dtype() != DType::f16) return -1e9;
  return subtracted ? -65504 : -3e4;
}

/// Where row i may see column j, for the two axes of a [1, rows, columns] array.
template <typename Compare>
Expr band(Builder& builder, Dim rows, Dim columns, const Compare& sees) {
  const auto index = [&](int64_t axis) {
    return Expr(builder, builder.make(Op::iota, {}, IotaAttrs{axis, DType::i32, {1, rows, columns}}));
  };
  return sees(index(1), index(2));
}

/// No query sees what comes after it.
Expr causal_mask(Builder& builder, Dim queries, Dim keys) {
  return band(builder, queries, keys, [](const Expr& i, const Expr& j) { return less_equal(j, i); });
}

/// Masks that all have to allow a key.
class Restrictions {
 public:
  void add(const Expr& mask) { all_ = all_ ? logical_and(all_, as_boolean(mask)) : as_boolean(mask); }
  /// Of the rows or columns of the scores; none is no restriction.
  void add_along(int64_t new_axis, const Expr& mask) {
    if (mask) add(expand_dims(mask, new_axis));
  }
  const Expr& all() const { return all_; }

 private:
  Expr all_;
};

/// What comes out: with the mask of the query, and the weights where the call wants them.
Outputs with_scores(Call& call, const Expr& output, const Expr& weights) {
  Outputs outputs(output);
  outputs[0].set_mask(call.inputs()[0]);
  if (call.flag("return_attention_scores")) outputs.emplace_back(weights);
  return outputs;
}

// ---- with heads ----

constexpr char kHead = 'x', kChannel = 'y', kFeature = 'z', kFirstOutput = '0';

/// Query, key and value of one call.
struct Sides {
  Expr query, value, key;
  Expr query_mask, value_mask, key_mask;
};

/// The mask that an argument gives, or the one that came with the tensor.
Expr mask_of(Call& call, const Traced& tensor, std::string_view argument) {
  const Expr given = call.tensor(argument);
  return given ? as_boolean(given) : tensor.mask_at_run_time();
}

Sides sides_of(Call& call, bool ignores_query_mask) {
  const std::vector<Traced>& inputs = call.inputs();
  if (inputs.size() < 2 || inputs.size() > 3)
    call.fail(cat("is called with ", inputs.size(), " inputs, expected query, value and perhaps key"), {},
              ErrorKind::data);
  Sides sides{.query = call.to_float(inputs[0].value), .value = call.to_float(inputs[1].value)};
  sides.key = inputs.size() > 2 ? call.to_float(inputs[2].value) : sides.value;
  sides.query_mask =
      ignores_query_mask ? inputs[0].mask_at_run_time() : mask_of(call, inputs[0], "query_mask");
  sides.value_mask = mask_of(call, inputs[1], "value_mask");
  sides.key_mask = inputs.size() > 2 ? mask_of(call, inputs[2], "key_mask") : call.tensor("key_mask");
  const int64_t rank = sides.query.rank();
  const auto all_but_last = [](const Expr& x) {
    return x.rank() == 0 ? Shape() : Shape(x.shape().begin(), x.shape().end() - 1);
  };
  const Shape keys = all_but_last(sides.key), values = all_but_last(sides.value);
  if (rank < 3 || sides.value.rank() != rank || keys != values)
    throw_unequal(Error(ErrorKind::data,
                        cat("query ", to_text(sides.query.shape()), ", value ", to_text(sides.value.shape()),
                            " and key ", to_text(sides.key.shape()), " do not fit together"),
                        call.layer().where(),
                        "their ranks are equal and at least 3; value and key differ in the last axis only"),
                  keys, values);
  return sides;
}

/// What the two layers with heads call by different names.
struct Heads {
  int64_t queries, keys;  ///< how many
  int64_t key_dim, value_dim;
  Ints axes;                      ///< those of the query that are attended to
  Shape output;                   ///< the last axes of what comes out
  std::string_view group_prefix;  ///< of the names under which files have the inner layers
  bool ignores_query_mask;        ///< the argument; what comes with the query counts
};

/// What Keras has as an inner EinsumDense: contracts the axes `bound` of `x` and adds new ones.
struct Projection {
  std::string_view name;
  std::string group;  ///< "query_dense"
  std::string x_axes, bound, added, result_axes;
  Shape extents;  ///< of what is added
  bool is_gate = false;
};

Expr project(Call& call, const Expr& x, const Projection& projection) {
  Layer& part = call.layer().part(projection.name, projection.group);
  VariableSpec kernel{"kernel", {}, "glorot_uniform"};
  kernel.fans.emplace();
  for (char axis : projection.bound) {
    kernel.fans->in.push_back(static_cast<int64_t>(kernel.shape.size()));
    kernel.shape.push_back(x.extent(static_cast<int64_t>(projection.x_axes.find(axis))));
  }
  for (Dim extent : projection.extents) {
    kernel.fans->out.push_back(static_cast<int64_t>(kernel.shape.size()));
    kernel.shape.push_back(extent);
  }
  Product parts{.x = cast(x, part.policy().compute),
                .x_axes = projection.x_axes,
                .kernel = kernel,
                .kernel_axes = projection.bound + projection.added,
                .y_axes = projection.result_axes};
  if (call.args().boolean("use_bias")) parts.bias = {"bias", projection.extents, "zeros"};
  Expr y = of_sane_size(product(call, part, parts));
  if (projection.is_gate) y = unary(Op::sigmoid, y);
  call.penalize(y);
  return y;
}

/// An argument of kind `any` that must be a positive integer.
int64_t positive(Call& call, std::string_view argument) {
  const Json& value = call.args().json(argument);
  if (value.kind() != Json::Kind::integer || value.as_int() < 1)
    call.args().reject(argument, "expected a positive integer", {}, ErrorKind::data);
  return value.as_int();
}

/// Which keys a query sees: none if it sees all. Rank 3: [batch, queries, keys], unless the call gives more.
Expr visible(Call& call, const Sides& sides) {
  Restrictions restrictions;
  restrictions.add_along(-1, sides.query_mask);
  restrictions.add_along(-2, sides.value_mask);
  restrictions.add_along(-2, sides.key_mask);
  if (call.flag("use_causal_mask"))
    restrictions.add(causal_mask(call.builder(), sides.query.dim(1), sides.value.dim(1)));
  if (!call.args().is_null("sliding_window")) {
    const double window = static_cast<double>(positive(call, "sliding_window"));
    restrictions.add(band(call.builder(), sides.query.dim(1), sides.value.dim(1),
                          [&](const Expr& i, const Expr& j) { return less(unary(Op::abs, i - j), window); }));
  }
  if (const Expr given = call.tensor("attention_mask")) restrictions.add(given);
  return restrictions.all();
}

/// `mask` with the axes of the scores: those that it lacks are put before the ones that are attended to.
Expr mask_of_scores(Call& call, Expr mask, const Expr& scores, const Ints& axes) {
  while (mask.rank() < scores.rank()) mask = expand_dims(mask, -2 * static_cast<int64_t>(axes.size()) - 1);
  Shape wanted = scores.shape();
  for (size_t i = 0; i < wanted.size() && mask.rank() == scores.rank(); ++i)
    if (mask.shape()[i].is(1)) wanted[i] = 1;
  if (mask.shape() != wanted)
    throw_unequal(Error(ErrorKind::data,
                        cat("its masks make ", to_text(mask.shape()), ", which does not fit scores ",
                            to_text(scores.shape())),
                        call.layer().where()),
                  mask.shape(), wanted);
  return mask;
}

/// The softmax over the keys that a query sees. One that sees none gets zeros or, where Keras calls its fused kernel, the same
/// weight for all keys; Keras 2 subtracts a large number, which leaves little of the differences.
Expr weights_of(Call& call, const Expr& scores, const Expr& mask, const Ints& over, bool is_fused) {
  if (!mask) return softmax(scores, over);
  if (call.layer().context().keras2)
    return softmax(where(mask, scores, scores + large_negative(scores, true)), over);
  if (is_fused) {
    const double largest = scores.dtype() == DType::f16 ? 65504 : std::numeric_limits<float>::max();
    return softmax(where(mask, scores, number(scores, -0.7 * largest)), over);
  }
  return where(mask, softmax(where(mask, scores, number(scores, large_negative(scores, false))), over),
               number(scores, 0));
}

/// Each key head for `times` query heads in a row.
Expr spread_heads(const Expr& x, int64_t times) { return repeat(x, -2, times); }

Outputs attend(Call& call, const Heads& heads) {
  const Sides sides = sides_of(call, heads.ignores_query_mask);
  const int64_t rank = sides.query.rank();
  std::string query_axes, key_axes, batch, attended_query, attended_key;
  for (int64_t axis = 0; axis < rank - 1; ++axis) {
    const bool is_attended = std::find(heads.axes.begin(), heads.axes.end(), axis) != heads.axes.end();
    query_axes += static_cast<char>('a' + axis);
    key_axes += static_cast<char>((is_attended ? 'A' : 'a') + axis);
    if (!is_attended) batch += query_axes.back();
  }
  for (int64_t axis : heads.axes) {
    attended_query += query_axes[axis];
    attended_key += key_axes[axis];
  }
  batch += kHead;
  const std::string per_head{kHead, kChannel}, feature{kFeature};
  const auto to_heads = [&](std::string_view name, std::string group, const Expr& x, const std::string& axes,
                            int64_t count, int64_t channels) {
    return project(call, x,
                   {name,
                    std::move(group),
                    axes + feature,
                    feature,
                    per_head,
                    axes + per_head,
                    {count, channels},
                    name == "gate"});
  };

  const std::string prefix(heads.group_prefix);
  const Expr query =
      to_heads("query", prefix + "query_dense", sides.query, query_axes, heads.queries, heads.key_dim);
  Expr key = to_heads("key", prefix + "key_dense", sides.key, key_axes, heads.keys, heads.key_dim);
  Expr gate;
  if (call.args().boolean("use_gate"))
    gate = to_heads("gate", "_gate_dense", sides.query, query_axes, heads.queries, heads.value_dim);
  Expr value = to_heads("value", prefix + "value_dense", sides.value, key_axes, heads.keys, heads.value_dim);
  key = spread_heads(key, heads.queries / heads.keys);
  value = spread_heads(value, heads.queries / heads.keys);

  const std::string score_axes = batch + attended_query + attended_key;
  const double scale = 1 / std::sqrt(static_cast<double>(heads.key_dim));
  const Expr scores =
      of_sane_size(einsum(query * scale, query_axes + per_head, key, key_axes + per_head, score_axes));
  Expr mask = visible(call, sides);
  if (mask) mask = mask_of_scores(call, mask, scores, heads.axes);
  const bool is_fused =
      rank == 3 && call.args().real("dropout") == 0 && !call.flag("return_attention_scores");
  const Expr weights =
      weights_of(call, scores, mask,
                 axes_from(scores, static_cast<int64_t>(batch.size() + attended_query.size())), is_fused);

  const std::string context_axes = gate ? query_axes + per_head : batch + attended_query + kChannel;
  Expr context = einsum(drop(call, weights, weights.shape(), "dropout"), score_axes, value,
                        key_axes + per_head, context_axes);
  if (gate) context = context * gate;
  std::string output_axes;
  for (size_t i = 0; i < heads.output.size(); ++i) output_axes += static_cast<char>(kFirstOutput + i);
  const Expr output = project(call, context,
                              {"attention_output", prefix + "output_dense", context_axes, per_head,
                               output_axes, query_axes + output_axes, heads.output});
  return with_scores(call, output, weights);
}

constexpr std::string_view kSideNames[] = {"query", "value", "key"};
constexpr std::string_view kMaskNames[] = {"query_mask", "value_mask", "key_mask", "attention_mask"};
constexpr std::string_view kFlagNames[] = {"return_attention_scores", "use_causal_mask"};

constexpr std::array kHeadArgs = {
    Arg{"dropout", ArgKind::real, "0.0"},        Arg{"use_bias", ArgKind::boolean, "true"},
    Arg{"sliding_window", ArgKind::any, "null"}, Arg{"flash_attention", ArgKind::any, "null"},
    Arg{"use_gate", ArgKind::boolean, "false"},
};

/// What both layers with heads have, and what one has of its own.
template <size_t n>
constexpr std::array<Arg, kHeadArgs.size() + n> head_args_and(const Arg (&own)[n]) {
  std::array<Arg, kHeadArgs.size() + n> args{};
  std::copy(kHeadArgs.begin(), kHeadArgs.end(), args.begin());
  std::copy(own, own + n, args.begin() + kHeadArgs.size());
  return args;
}

constexpr auto kMultiHeadArgs = head_args_and({
    {"num_heads", ArgKind::count},
    {"key_dim", ArgKind::count},
    {"value_dim", ArgKind::any, "null"},
    {"output_shape", ArgKind::any, "null"},
    {"attention_axes", ArgKind::any, "null"},
});

/// The axes that are attended to: all between batch and features, unless the layer names them.
Ints attention_axes(Call& call, int64_t rank) {
  const Json& given = call.args().json("attention_axes");
  Ints axes;
  if (given.is_null()) {
    for (int64_t axis = 1; axis < rank - 1; ++axis) axes.push_back(axis);
    return axes;
  }
  for (const Json& each : given.is_array() ? given.items() : std::vector{given}) {
    const int64_t axis = each.kind() != Json::Kind::integer ? 0
                         : each.as_int() < 0                ? each.as_int() + rank
                                                            : each.as_int();
    if (axis < 1 || axis > rank - 2 || std::find(axes.begin(), axes.end(), axis) != axes.end())
      call.args().reject("attention_axes", cat("expected axes of the query between 1 and ", rank - 2), {},
                         ErrorKind::data);
    axes.push_back(axis);
  }
  return axes;
}

Outputs multi_head_attention(Call& call) {
  const Args& args = call.args();
  if (call.inputs().empty()) call.fail("is called with no inputs", {}, ErrorKind::data);
  const Expr& query = call.inputs()[0].value;
  Heads heads{.queries = args.integer("num_heads"),
              .keys = args.integer("num_heads"),
              .key_dim = args.integer("key_dim"),
              .value_dim = args.is_null("value_dim") ? args.integer("key_dim") : positive(call, "value_dim"),
              .axes = attention_axes(call, query.rank()),
              .output = {query.dim(-1)},
              .group_prefix = "",
              .ignores_query_mask = true};
  if (const Json& shape = args.json("output_shape"); shape.is_array() && shape.size() > 0) {
    const Ints extents = to_ints(shape);
    heads.output.assign(extents.begin(), extents.end());
  } else if (!shape.is_null() && !shape.is_array()) {
    heads.output = {positive(call, "output_shape")};
  }
  Outputs outputs = attend(call, heads);
  // Keras 2 leaves them where they are.
  if (!call.layer().context().keras2) call.take_masks();
  return outputs;
}

constexpr auto kGroupArgs = head_args_and({
    {"head_dim", ArgKind::count},
    {"num_query_heads", ArgKind::count},
    {"num_key_value_heads", ArgKind::count},
});

/// Several heads of the query share one of key and value.
Outputs group_query_attention(Call& call) {
  const Args& args = call.args();
  if (call.inputs().empty() || call.inputs()[0].value.rank() != 3)
    call.fail("expected a query of rank 3: batch, steps, features", {}, ErrorKind::data);
  const int64_t queries = args.integer("num_query_heads"), keys = args.integer("num_key_value_heads");
  if (queries % keys != 0)
    call.fail(cat(queries, " query heads cannot share ", keys, " heads of key and value"), {},
              ErrorKind::data);
  return attend(call, {.queries = queries,
                       .keys = keys,
                       .key_dim = args.integer("head_dim"),
                       .value_dim = args.integer("head_dim"),
                       .axes = {1},
                       .output = {call.inputs()[0].value.dim(-1)},
                       .group_prefix = "_",
                       .ignores_query_mask = false});
}

// ---- without heads ----

constexpr Arg kAttentionArgs[] = {
    {"use_scale", ArgKind::boolean, "false"},
    {"score_mode", ArgKind::choice, "dot", "dot|concat"},
    {"dropout", ArgKind::real, "0.0"},
};
constexpr Arg kAdditiveArgs[] = {
    {"use_scale", ArgKind::boolean, "true"},
    {"dropout", ArgKind::real, "0.0"},
};

/// tanh(query + key) for each pair of them: [batch, queries, keys, features].
Expr tanh_of_sums(const Expr& query, const Expr& key, const Expr& scale = {}) {
  const Expr sums = expand_dims(query, -2) + expand_dims(key, -3);
  return unary(Op::tanh, scale ? scale * sums : sums);
}

/// The letters of all axes but the last two.
std::string batch_axes(const Expr& x) {
  std::string axes;
  for (int64_t axis = 0; axis + 2 < x.rank(); ++axis) axes += static_cast<char>('a' + axis);
  return axes;
}

Expr luong_scores(Call& call, const Expr& query, const Expr& key) {
  const bool is_dot = call.args().choice("score_mode") == "dot";
  Expr scale;
  if (call.args().boolean("use_scale")) scale = call.variable({"scale", {}, "ones"});
  if (is_dot) {
    const std::string batch = batch_axes(query);
    const Expr scores = einsum(query, batch + "xz", key, batch + "yz", batch + "xy");
    return scale ? scores * scale : scores;
  }
  const Expr weight = call.variable({"concat_score_weight", {}, "ones"});
  return weight * sum(tanh_of_sums(query, key, scale), {-1});
}

Expr bahdanau_scores(Call& call, const Expr& query, const Expr& key) {
  Expr terms = tanh_of_sums(query, key);
  if (call.args().boolean("use_scale"))
    terms = call.variable({"scale", {query.extent(-1)}, "glorot_uniform"}) * terms;
  return sum(terms, {-1});
}

/// Query and value are masked: rows of the output that belong to hidden queries are zero. A large number is subtracted from the scores
/// of hidden keys, so that a query that sees none weighs them nearly alike.
Outputs attend_by(Call& call, Expr (*scores_of)(Call&, const Expr&, const Expr&)) {
  const std::vector<Traced>& inputs = call.inputs();
  if (inputs.size() < 2 || inputs.size() > 3)
    call.fail(cat("is called with ", inputs.size(), " inputs, expected query, value and perhaps key"), {},
              ErrorKind::data);
  const Expr query = call.to_float(inputs[0].value), value = call.to_float(inputs[1].value);
  const Expr key = inputs.size() > 2 ? call.to_float(inputs[2].value) : value;
  if (query.rank() < 3 || value.rank() != query.rank() || key.rank() != query.rank())
    call.fail(cat("query ", to_text(query.shape()), ", value ", to_text(value.shape()), " and key ",
                  to_text(key.shape()), " do not fit together"),
              "their ranks are equal and at least 3", ErrorKind::data);
  const Expr query_mask = inputs[0].mask_at_run_time(), value_mask = inputs[1].mask_at_run_time();
  if (value_mask && value_mask.rank() != 2)
    call.fail(cat("the mask of its value is ", to_text(value_mask.shape()), ", expected batch and steps"));

  Expr scores = scores_of(call, query, key);
  Restrictions restrictions;
  restrictions.add_along(-2, value_mask);
  if (call.flag("use_causal_mask"))
    restrictions.add(causal_mask(call.builder(), scores.dim(-2), scores.dim(-1)));
  if (const Expr& mask = restrictions.all())
    scores = where(mask, scores, scores + large_negative(scores, true));
  Expr weights = softmax(scores, {-1});
  weights = drop(call, weights, weights.shape(), "dropout");
  const std::string batch = batch_axes(query);
  Expr output = einsum(weights, batch + "xy", value, batch + "yz", batch + "xz");
  if (query_mask) output = where(expand_dims(query_mask, -1), output, number(output, 0));
  return with_scores(call, output, weights);
}

Outputs attention(Call& call) { return attend_by(call, luong_scores); }
Outputs additive_attention(Call& call) { return attend_by(call, bahdanau_scores); }

constexpr LayerDef with_heads(std::string_view class_name, std::span<const Arg> args, TraceFn* trace) {
  return {.class_name = class_name,
          .args = args,
          .masks = Masks::own,
          .trace = trace,
          .tensors = kMaskNames,
          .casts_outputs = false,  // the last projection has a policy of its own
          .inputs = kSideNames,
          .flags = kFlagNames};
}

constexpr LayerDef kMultiHead = [] {
  LayerDef def = with_heads("MultiHeadAttention", kMultiHeadArgs, multi_head_attention);
  def.takes_masks = def.penalizes_parts_only = true;
  return def;
}();

constexpr LayerDef without_heads(std::string_view class_name, std::span<const Arg> args, TraceFn* trace) {
  return {.class_name = class_name, .args = args, .masks = Masks::own, .trace = trace, .flags = kFlagNames};
}

constexpr LayerDef kLayers[] = {
    kMultiHead,
    with_heads("GroupQueryAttention", kGroupArgs, group_query_attention),
    with_heads("GroupedQueryAttention", kGroupArgs, group_query_attention),  // its name in .h5 files
    without_heads("Attention", kAttentionArgs, attention),
    without_heads("AdditiveAttention", kAdditiveArgs, additive_attention),
};

}  // namespace

std::span<const LayerDef> attention_layers() { return kLayers; }

}  // namespace keratin
