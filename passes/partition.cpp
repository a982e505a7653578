// Partition: a function that updates variables is made a second time, for one rank of many. Each rank calls it with samples of its own,
// and all end with the results and variables that the function itself would have given for all samples at once.
//
//     func @step(%x: f32[N,4]) -> () {           func @step.ranks(%x: f32[N,4], %first_sample: u32[]) -> () {
//       %0 = reduce_sum %x {axes = [0]}            %0 = reduce_sum %x {axes = [0]} : f32[4]
//       return updates @sum = %0                   %1 = all_reduce %0 : f32[4]
//     }                                            return updates @sum = %1
//                                                }
//
// Inside of it N is the number of the rank's own samples, and a value is one of these:
//
//   whole   the same on all ranks, and what it would be for all samples
//   part    it has an axis of N: the rank has the places of its samples. Along that axis, samples may come in several runs, of which the
//           rank has a part each: [3N] that was [3,N] has three
//   term    what has to be summed over all ranks: what a sum over samples leaves
//   zero    0 everywhere, which is the same as a whole and as a term
//   own     what a rank has computed for itself, in a layer that is asked to (below)
//
// Terms become whole by all_reduce where they are first needed so. Sums of terms are terms, and so are, in the body of a scan, all that
// depend on them linearly: gradients of recurrent weights are summed over steps before they are summed over ranks. A number of samples is
// the number of all; random bits and places along N are counted from the rank's first sample; a maximum over samples is the greatest of
// all ranks. What mixes samples in other ways, as sorting along the batch does, is refused.
//
// Layers may be named in which each rank goes by its own samples, as Keras's batch normalisation does on several devices: nothing in
// them waits for others. What leaves such a layer are gradients, which are summed as all are, and new values of its variables, which
// are averaged over the ranks that have samples.
#include <algorithm>
#include <map>
#include <set>

#include "ir/conv_axes.h"
#include "ir/error.h"
#include "ir/rebuild.h"
#include "ir/region.h"
#include "ir/text.h"
#include "passes/pass.h"
#include "passes/uses.h"

namespace keratin {

namespace {

struct Share {
  enum class Kind : uint8_t { whole, part, term, zero, own };
  Kind kind = Kind::whole;
  int64_t runs = 1;  ///< part: of samples, along the axis of N; 0: all places along it have the same value
  bool operator==(const Share&) const = default;
};
using Kind = Share::Kind;
using Shares = std::vector<Share>;

constexpr Share kWhole{Kind::whole}, kTerm{Kind::term}, kZero{Kind::zero}, kOwn{Kind::own};
Share part(int64_t runs = 1) { return {Kind::part, runs}; }

const Symbol kSamples("N");

bool depends_on_samples(Dim dim) { return dim.symbol.root() == kSamples; }

bool has_samples(const Type& type) { return std::ranges::any_of(type.shape, depends_on_samples); }

std::string place_of(const Node& node) {
  return node.origin ? cat("layer ", quoted(*node.origin)) : std::string("the training step");
}

[[noreturn]] void refuse(const Node& node, std::string_view why) {
  throw Error(ErrorKind::unsupported, cat("ranks cannot share the samples of a batch: ", why), place_of(node),
              "compile without --distributed");
}

/// The axis whose length is a multiple of N; -1: there is none.
int64_t sample_axis(const Node& node, const Type& type) {
  int64_t found = -1;
  for (int64_t axis = 0; axis < type.rank(); ++axis) {
    const Dim dim = type.shape[axis];
    if (!depends_on_samples(dim)) continue;
    if (dim.symbol != kSamples) refuse(node, cat(node.op, " makes ", to_text(dim), " of N samples"));
    if (found >= 0) refuse(node, cat(node.op, " makes pairs of samples, ", to_text(type)));
    found = axis;
  }
  return found;
}

bool is_half(DType dtype) { return is_float(dtype) && byte_size(dtype) < byte_size(DType::f32); }

/// The function, or the body of a scan, for one rank.
class Partitioner : public Rebuilder {
 public:
  Partitioner(const Function& function, const OwnLayers& own_layers)
      : Rebuilder(function),
        own_layers_(own_layers),
        uses_(find_uses(function)),
        shares_(function.nodes.size()),
        is_body_(false) {}
  /// A body: `params` are shares of its params.
  Partitioner(const Function& body, const OwnLayers& own_layers, Shares params)
      : Rebuilder(body),
        own_layers_(own_layers),
        uses_(find_uses(body)),
        shares_(body.nodes.size()),
        is_body_(true),
        params_(std::move(params)) {}

  Function run() {
    for (const auto& node : source().nodes) {
      if (!is_body_ && node->op != Op::param) add_first_sample();
      rebuild(*node);
    }
    add_first_sample();
    for (const Result& result : source().results)
      builder().result(result.name, is_body_ ? mapped(result.value) : whole(result.value));
    is_own_ = false;
    for (const Update& update : source().updates)
      builder().update(update.variable,
                       share(update.value).kind == Kind::own ? average(update.value) : whole(update.value));
    Function function = builder().finish();
    return function;
  }

  /// Of the results; a body's.
  Shares results() const {
    Shares shares;
    for (const Result& result : source().results) shares.push_back(share(result.value));
    return shares;
  }

 protected:
  std::vector<Value> visit(const Node& node) override {
    node_ = &node;
    is_own_ = node.origin && own_layers_.contains(*node.origin);
    Shares& shares = shares_[node.index];
    shares.assign(node.types.size(), kWhole);
    for (size_t i = 0; i < node.types.size(); ++i)
      if (sample_axis(node, node.types[i]) >= 0) shares[i] = part();
    switch (node.op) {
      case Op::param:
        if (is_body_) shares[0] = params_[params_seen_++];
        return copy(node);
      case Op::var: return copy(node);
      case Op::constant:
        if (shares[0].kind == Kind::part)
          shares[0].runs = 0;
        else if (is_splat(node.value(), 0))
          shares[0] = kZero;
        return copy(node);
      case Op::select: return select(node, shares[0]);
      case Op::dot: return dot(node, shares[0]);
      case Op::conv: return conv(node, shares[0]);
      case Op::reshape: return reshape(node, shares[0]);
      case Op::broadcast: return broadcast(node, shares[0]);
      case Op::concat: return concat(node, shares[0]);
      case Op::iota: return iota(node, shares[0]);
      case Op::dim_size: return dim_size(node, shares[0]);
      case Op::gather: return gather(node, shares[0]);
      case Op::scatter_add: return scatter_add(node, shares[0]);
      case Op::scan: return scan(node, shares);
      case Op::random_bits: return random_bits(node);
      case Op::winograd:
      case Op::relayout:
      case Op::all_reduce:
      case Op::gradient:
      case Op::fusion: refuse(node, cat("a pass has made ", node.op, " before"));
      default: break;
    }
    switch (family_of(node.op)) {
      case Family::pointwise: return pointwise(node, shares[0]);
      case Family::reduce: return reduce(node, shares[0]);
      default: return along_other_axes(node, shares);
    }
  }

 private:
  void add_first_sample() {
    if (is_body_ || first_sample_) return;
    first_sample_ = builder().param("first_sample", Type(DType::u32, {}));
  }

  const Share& share(Value value) const { return shares_[value.node->index][value.result]; }
  bool is_term(Value value) const { return share(value).kind == Kind::term; }
  bool is_own(Value value) const { return share(value).kind == Kind::own; }
  bool is_term_or_zero(Value value) const { return is_term(value) || share(value).kind == Kind::zero; }
  int64_t samples_at(Value value) const { return sample_axis(*node_, value.type()); }

  /// The value for all samples, or for the rank's.
  Value whole(Value value) {
    if (is_own_ || (!is_term(value) && !is_own(value))) return mapped(value);
    Value& known = reduced_[value];
    if (!known) known = all_reduced(is_own(value) ? of_samples(mapped(value)) : mapped(value), "sum");
    return known;
  }

  Value all_reduced(Value value, const char* by) {
    if (is_body_) refuse(*node_, cat(node_->op, " needs a sum over all samples in each step of a loop"));
    if (is_half(value.dtype()))
      return builder().cast(all_reduced(builder().cast(value, DType::f32), by), value.dtype());
    return builder().make(Op::all_reduce, {value}, AllReduceAttrs{by});
  }

  /// Whether the rank has samples.
  Value has_samples_now() {
    const Value samples = builder().make(Op::dim_size, {}, DimAttrs{Dim(1, kSamples), DType::i64});
    return builder().make(Op::ne, {samples, builder().constant_like(samples, 0)});
  }

  /// What a rank has of its own, and 0 of one without samples, which may have computed NaN.
  Value of_samples(Value own) {
    Builder& b = builder();
    return b.select(b.broadcast(has_samples_now(), {}, own.shape()), own, b.constant_like(own, 0));
  }

  /// What ranks with samples have of their own, on average.
  Value average(Value value) {
    Builder& b = builder();
    const Value own = mapped(value);
    const DType dtype = is_half(own.dtype()) ? DType::f32 : own.dtype();
    const Value ranks = all_reduced(b.cast(has_samples_now(), dtype), "sum");
    const Value sum = all_reduced(b.cast(of_samples(own), dtype), "sum");
    return b.cast(b.div(sum, b.broadcast(ranks, {}, own.shape())), own.dtype());
  }

  std::vector<Value> on_wholes(const Node& node) {
    std::vector<Value> operands;
    for (const Value operand : node.operands) operands.push_back(whole(operand));
    if (is_own_ && std::ranges::any_of(node.operands, [&](Value x) { return is_term(x) || is_own(x); }))
      for (Share& each : shares_[node.index])
        if (each.kind != Kind::part) each = kOwn;
    return keratin::copy(builder(), node, std::move(operands), node.body);
  }

  /// What depends linearly on terms is a term, if that makes no more work of the sum over ranks.
  std::vector<Value> as_term(const Node& node, Share& to) {
    to = kTerm;
    return copy(node);
  }

  /// Whether a sum over ranks may wait until after the node, which is linear: always in bodies, where it has to. Elsewhere where that
  /// makes no more of them, and not of more elements.
  bool may_wait(const Node& node) const {
    if (is_body_) return true;
    double elements = 0;
    for (const Value operand : node.operands) {
      if (!is_term(operand)) continue;
      if (uses_.users[operand.node->index].size() != 1 || uses_.escapes[operand.node->index]) return false;
      elements += Size::product(operand.shape()).is_static()
                      ? static_cast<double>(Size::product(operand.shape()).value())
                      : 0;
    }
    return static_cast<double>(Size::product(node.type().shape).value()) <= elements;
  }

  // Element by element.

  std::vector<Value> pointwise(const Node& node, Share& to) {
    if (to.kind == Kind::part) {
      to.runs = common_runs(node.operands);
      return copy(node);
    }
    if (std::ranges::any_of(node.operands, [&](Value x) { return is_own(x); })) return on_wholes(node);
    if (std::ranges::none_of(node.operands, [&](Value x) { return is_term_or_zero(x); })) return copy(node);
    if (!is_linear(node)) return on_wholes(node);
    if (std::ranges::any_of(node.operands, [&](Value x) { return is_term(x); }))
      return may_wait(node) ? as_term(node, to) : on_wholes(node);
    to = kZero;
    return copy(node);
  }

  /// Whether the node, some of whose operands are terms or zeros, is linear in them together.
  bool is_linear(const Node& node) const {
    const auto& x = node.operands;
    switch (node.op) {
      case Op::neg:
      case Op::stop_gradient: return true;
      case Op::cast:
        return is_float(x[0].dtype()) && is_float(node.type().dtype) &&
               byte_size(x[0].dtype()) <= byte_size(node.type().dtype);
      case Op::add:
      case Op::sub: return is_term_or_zero(x[0]) && is_term_or_zero(x[1]);
      case Op::mul: return is_float(node.type().dtype) && is_term_or_zero(x[0]) != is_term_or_zero(x[1]);
      case Op::div: return is_float(node.type().dtype) && is_term_or_zero(x[0]) && !is_term_or_zero(x[1]);
      default: return false;
    }
  }

  std::vector<Value> select(const Node& node, Share& to) {
    const auto& x = node.operands;
    if (to.kind == Kind::part || is_term(x[0]) || is_own(x[0]) || !is_term_or_zero(x[1]) ||
        !is_term_or_zero(x[2]))
      return pointwise(node, to);
    if (!is_term(x[1]) && !is_term(x[2])) return to = kZero, copy(node);
    return may_wait(node) ? as_term(node, to) : on_wholes(node);
  }

  /// Of operands that have N along one axis each.
  int64_t common_runs(std::span<const Value> values) const {
    int64_t runs = 0;
    for (const Value value : values) {
      if (share(value).kind != Kind::part || share(value).runs == 0) continue;
      if (runs != 0 && runs != share(value).runs)
        refuse(*node_, cat(node_->op, " reads samples in two orders"));
      runs = share(value).runs;
    }
    return runs;
  }

  // Sums, and other reductions.

  /// The same node; floats of 16 bits are summed as f32, until all ranks' terms are there.
  std::vector<Value> sum_of_samples(const Node& node, Share& to) {
    std::vector<Value> operands;
    for (const Value operand : node.operands) operands.push_back(whole(operand));
    if (is_half(node.type().dtype) && !is_body_ && !is_own_) {
      for (Value& operand : operands) operand = builder().cast(operand, DType::f32);
      const Value sum = builder().make(node.op, operands, node.attrs);
      return {builder().cast(all_reduced(sum, "sum"), node.type().dtype)};
    }
    to = kTerm;
    return keratin::copy(builder(), node, std::move(operands), nullptr);
  }

  std::vector<Value> reduce(const Node& node, Share& to) {
    const Value x = node.operands[0];
    const Ints& axes = node.as<AxesAttrs>().axes;
    const int64_t samples = samples_at(x);
    if (samples < 0) {
      if (node.op != Op::reduce_sum || !is_term_or_zero(x)) return on_wholes(node);
      if (!is_term(x)) return to = kZero, copy(node);
      return may_wait(node) ? as_term(node, to) : on_wholes(node);
    }
    if (!contains(axes, samples)) {
      to.runs = share(x).runs;
      return copy(node);
    }
    switch (node.op) {
      case Op::reduce_sum: return sum_of_samples(node, to);
      case Op::reduce_prod: return {all_reduced(copy(node)[0], "prod")};
      case Op::reduce_max:
      case Op::reduce_or: return {all_reduced(copy(node)[0], "max")};
      case Op::reduce_min:
      case Op::reduce_and: return {all_reduced(copy(node)[0], "min")};
      default: refuse(node, cat(node.op, " looks for one of all samples"));
    }
  }

  // Products. `a` and `b`: whether the axis of N is one of sums, or one of the result.

  std::vector<Value> dot(const Node& node, Share& to) {
    const auto& attrs = node.as<DotAttrs>();
    const int64_t a = samples_at(node.operands[0]), b = samples_at(node.operands[1]);
    if (a < 0 && b < 0) return product_without_samples(node, to);
    if (a >= 0 && contains(attrs.contract.lhs, a)) {
      common_runs(node.operands);
      return sum_of_samples(node, to);
    }
    to.runs = common_runs(node.operands);
    return on_wholes(node);
  }

  std::vector<Value> product_without_samples(const Node& node, Share& to) {
    const bool left = is_term_or_zero(node.operands[0]), right = is_term_or_zero(node.operands[1]);
    if (!is_body_ || left == right) return on_wholes(node);
    to = is_term(node.operands[left ? 0 : 1]) ? kTerm : kZero;
    return copy(node);
  }

  std::vector<Value> conv(const Node& node, Share& to) {
    const auto& attrs = node.as<ConvAttrs>();
    const ConvAxes axes = parse_conv_axes(attrs.dims);
    const int64_t input = samples_at(node.operands[0]), kernel = samples_at(node.operands[1]);
    if (input < 0 && kernel < 0) return product_without_samples(node, to);
    if (input == axes.input.feature && kernel == axes.kernel.batch && attrs.groups == 1) {
      common_runs(node.operands);
      return sum_of_samples(node, to);
    }
    const bool by_sample = input == axes.input.batch && kernel < 0 && attrs.batch_groups == 1;
    const bool by_output =
        input < 0 && kernel == axes.kernel.feature && attrs.groups == 1 && attrs.batch_groups == 1;
    if (!by_sample && !by_output) refuse(node, "a convolution runs across samples");
    to.runs = common_runs(node.operands);
    return on_wholes(node);
  }

  // The same elements elsewhere.

  std::vector<Value> reshape(const Node& node, Share& to) {
    const Value x = node.operands[0];
    const int64_t from = samples_at(x), at = sample_axis(node, node.type());
    if (from < 0) return moved(node, to);
    const auto before = [](const Shape& shape, int64_t axis) {
      int64_t product = 1;
      for (int64_t i = 0; i < axis; ++i) product *= shape[i].value();
      return product;
    };
    const int64_t outer = before(x.shape(), from) * std::max<int64_t>(share(x).runs, 1);
    const int64_t above = before(node.type().shape, at);
    if (above == 0 || outer % above != 0 || node.type().shape[at].coef % (outer / above) != 0)
      refuse(node, cat("a reshape from ", to_text(x.shape()), " to ", to_text(node.type().shape),
                       " puts parts of different samples together"));
    to.runs = outer / above;
    return copy(node);
  }

  /// Without an axis of N: a term remains one.
  std::vector<Value> moved(const Node& node, Share& to) {
    if (std::ranges::all_of(node.operands, [&](Value x) { return is_term_or_zero(x); })) {
      if (std::ranges::none_of(node.operands, [&](Value x) { return is_term(x); }))
        return to = kZero, copy(node);
      if (may_wait(node)) return as_term(node, to);
    }
    return on_wholes(node);
  }

  std::vector<Value> broadcast(const Node& node, Share& to) {
    if (to.kind != Kind::part) return moved(node, to);
    to.runs = samples_at(node.operands[0]) < 0 ? 0 : share(node.operands[0]).runs;
    return on_wholes(node);
  }

  std::vector<Value> concat(const Node& node, Share& to) {
    if (to.kind != Kind::part) return moved(node, to);
    const int64_t axis = node.as<AxisAttrs>().axis;
    if (axis != sample_axis(node, node.type())) {
      to.runs = common_runs(node.operands);
      return copy(node);
    }
    std::set<int64_t> each;  // places of a sample in a run
    to.runs = 0;
    for (const Value operand : node.operands) {
      const int64_t runs = std::max<int64_t>(share(operand).runs, 1);
      each.insert(operand.shape()[axis].coef / runs);
      to.runs += runs;
    }
    if (each.size() != 1) refuse(node, "it puts samples of different lengths one after the other");
    return copy(node);
  }

  std::vector<Value> iota(const Node& node, Share& to) {
    if (to.kind != Kind::part) return copy(node);
    const auto& attrs = node.as<IotaAttrs>();
    const int64_t axis = sample_axis(node, node.type());
    if (attrs.axis != axis) {
      to.runs = 0;
      return copy(node);
    }
    if (is_body_) refuse(node, "places in the batch are counted in a loop");
    const Value first = builder().cast(first_sample_, attrs.dtype);
    const Value offset =
        builder().mul(first, builder().constant_like(first, static_cast<double>(attrs.shape[axis].coef)));
    return {builder().add(copy(node)[0], builder().broadcast(offset, {}, attrs.shape))};
  }

  std::vector<Value> dim_size(const Node& node, Share& to) {
    const Dim dim = node.as<DimAttrs>().dim;
    if (!depends_on_samples(dim)) return copy(node);
    if (dim.symbol != kSamples) refuse(node, cat("it counts ", to_text(dim)));
    to = kTerm;
    return copy(node);
  }

  std::vector<Value> random_bits(const Node& node) {
    const Shape& shape = node.type().shape;
    const int64_t axis = sample_axis(node, node.type());
    if (axis < 0) return copy(node);
    if (axis > 0 || is_body_) refuse(node, "random numbers are not drawn sample by sample");
    const Value rows = builder().constant(DType::u32, static_cast<double>(shape[0].coef));
    std::vector<Value> operands = mapped(node.operands);
    operands.push_back(builder().mul(first_sample_, rows));
    return {builder().make(Op::random_bits, operands, node.attrs)};
  }

  /// Ops that leave the axes alone of which they say nothing.
  std::vector<Value> along_other_axes(const Node& node, Shares& shares) {
    const Value x = node.operands[0];
    const int64_t samples = samples_at(x);
    if (samples < 0 && shares[0].kind != Kind::part) {
      const bool is_linear = node.op == Op::transpose || node.op == Op::slice || node.op == Op::reverse ||
                             node.op == Op::cumsum || (node.op == Op::pad && is_splat(node.operands[1], 0));
      if (is_linear) return moved(node, shares[0]);
      if (node.op == Op::dynamic_slice || node.op == Op::dynamic_update_slice) return piece(node, shares[0]);
      return on_wholes(node);
    }
    if (samples < 0 || mixes(node, samples))
      refuse(node, cat(node.op, " reads or writes samples at the places of others"));
    std::vector<Value> of_samples;
    for (const Value operand : node.operands)
      if (samples_at(operand) >= 0) of_samples.push_back(operand);
    const int64_t runs = common_runs(of_samples);
    for (Share& each : shares) each.runs = runs;
    return on_wholes(node);
  }

  /// Whether the op does not leave an axis of its operands alone.
  static bool mixes(const Node& node, int64_t axis) {
    const auto at = [axis](const auto& list) { return list[static_cast<size_t>(axis)]; };
    switch (node.op) {
      case Op::transpose: return false;
      case Op::slice: {
        const auto& attrs = node.as<SliceAttrs>();
        return at(attrs.start) != 0 || at(attrs.stride) != 1 ||
               at(attrs.limit) != node.operands[0].shape()[axis];
      }
      case Op::pad: {
        const auto& attrs = node.as<PadAttrs>();
        return at(attrs.low) != 0 || at(attrs.high) != 0 || at(attrs.interior) != 0;
      }
      case Op::reverse: return contains(node.as<AxesAttrs>().axes, axis);
      case Op::pool_max:
      case Op::pool_sum:
      case Op::pool_max_grad: {
        const auto& attrs = node.as<WindowAttrs>();
        return at(attrs.size) != 1 || at(attrs.stride) != 1 || at(attrs.pad_low) != 0 ||
               at(attrs.pad_high) != 0;
      }
      case Op::sort:
      case Op::top_k: return node.as<SortAttrs>().axis == axis;
      case Op::cumsum:
      case Op::cumprod:
      case Op::dynamic_update_slice: return node.as<AxisAttrs>().axis == axis;
      case Op::dynamic_slice: return node.as<DynamicSliceAttrs>().axis == axis;
      default: return true;
    }
  }

  /// dynamic_slice or dynamic_update_slice without an axis of N.
  std::vector<Value> piece(const Node& node, Share& to) {
    const std::span<const Value> data(node.operands.data(), node.operands.size() - 1);
    const bool is_linear = std::ranges::all_of(data, [&](Value x) { return is_term_or_zero(x); });
    if (!is_body_ || !is_linear || is_term(node.operands.back())) return on_wholes(node);
    to = std::ranges::any_of(data, [&](Value x) { return is_term(x); }) ? kTerm : kZero;
    return copy(node);
  }

  // Places that depend on data.

  std::vector<Value> gather(const Node& node, Share& to) {
    const auto& attrs = node.as<GatherAttrs>();
    const int64_t data = samples_at(node.operands[0]), indices = samples_at(node.operands[1]);
    if (data < 0 && indices < 0) {
      if (!is_body_ || !is_term_or_zero(node.operands[0])) return on_wholes(node);
      to = share(node.operands[0]);
      return copy(node);
    }
    expect_samples_apart(node, attrs, data, indices);
    to.runs = common_runs(std::span(node.operands).first(2));
    return on_wholes(node);
  }

  /// That samples are looked up in their own data, or in that of all.
  static void expect_samples_apart(const Node& node, const GatherAttrs& attrs, int64_t data,
                                   int64_t indices) {
    if (data == attrs.axis) refuse(node, "samples look up what belongs to others");
    const bool together = data == indices && data < attrs.batch_dims;
    if (data >= 0 && indices >= 0 && !together) refuse(node, "samples are looked up for other samples");
  }

  /// Floats of 16 bits are summed as f32 here too, until all ranks' terms are there: wide_sums comes before.
  std::vector<Value> scatter_add(const Node& node, Share& to) {
    const auto& attrs = node.as<GatherAttrs>();
    const Value data = node.operands[0];
    const int64_t own = samples_at(data), updates = samples_at(node.operands[2]);
    if (own >= 0) {
      expect_samples_apart(node, attrs, own, samples_at(node.operands[1]));
      to.runs = common_runs(node.operands);
      return on_wholes(node);
    }
    if (updates < 0) return on_wholes(node);
    common_runs(std::span(node.operands).subspan(1));
    to = kTerm;
    if (is_term_or_zero(data)) return copy(node);
    const Value zeros = builder().constant_like(mapped(data), 0);
    const Value sum =
        builder().make(Op::scatter_add, {zeros, mapped(node.operands[1]), mapped(node.operands[2])}, attrs);
    to = kWhole;
    return {builder().add(mapped(data), all_reduced(sum, "sum"))};
  }

  // Loops.

  std::vector<Value> scan(const Node& node, Shares& shares) {
    const auto& attrs = node.as<ScanAttrs>();
    if (depends_on_samples(attrs.length)) refuse(node, "a loop runs from sample to sample");
    const auto carries = static_cast<size_t>(attrs.carries);
    std::vector<Value> operands;
    Shares params;
    for (size_t i = 0; i < node.operands.size(); ++i) {
      const Value operand = node.operands[i];
      operands.push_back(i < carries ? mapped(operand) : whole(operand));
      Share taken = share(operand);
      if (i >= carries && taken.kind != Kind::part) taken = is_own(operand) ? kOwn : kWhole;
      params.push_back(taken);
    }
    // Carries that begin with zero are what the body makes of them.
    while (true) {
      Partitioner body(*node.body, own_layers_, params);
      auto rebuilt = std::make_shared<const Function>(body.run());
      const Shares results = body.results();
      bool settled = true;
      for (size_t i = 0; i < carries; ++i) settled &= settle(node, params[i], results[i]);
      if (!settled) continue;
      for (size_t i = 0; i < results.size(); ++i) shares[i] = i < carries ? params[i] : results[i];
      return keratin::copy(builder(), node, std::move(operands), rebuilt);
    }
  }

  /// Makes a carry what the body's result is. Whether it was that already.
  bool settle(const Node& node, Share& carry, Share result) const {
    if (result.kind == Kind::zero || carry == result) return true;
    const bool free = carry.kind == Kind::zero || (carry.kind == Kind::part && carry.runs == 0);
    if (result.kind == Kind::part && result.runs == 0 && carry.kind == Kind::part) return true;
    if (!free) refuse(node, "a loop adds sums over all samples to what it began with");
    carry = result;
    return false;
  }

  const OwnLayers& own_layers_;
  const Uses uses_;
  std::vector<Shares> shares_;  // by node of the source, and result
  std::map<Value, Value, decltype([](Value a, Value b) {
             return std::pair(a.node->index, a.result) < std::pair(b.node->index, b.result);
           })>
      reduced_;  // what terms of the source are in all
  const bool is_body_;
  const Shares params_;
  size_t params_seen_ = 0;
  Value first_sample_;
  const Node* node_ = nullptr;  // that is being visited
  bool is_own_ = false;         // whether its layer goes by the rank's own samples
};

constexpr std::string_view kOfRanks = ".ranks";

/// Whether the function has a form for ranks, which is not there yet.
bool is_step(const Module& module, const Function& function) {
  return !function.updates.empty() && !function.name.ends_with(kOfRanks) &&
         module.find_function(cat(function.name, kOfRanks)) == nullptr &&
         std::ranges::any_of(function.params, [](const Node* param) { return has_samples(param->type()); });
}

}  // namespace

Module partition(const Module& module) { return partition(module, {}); }

Module partition(const Module& module, const OwnLayers& own_layers) {
  Module out = clone(module);
  for (const Function& function : module.functions)
    if (is_step(module, function)) {
      out.functions.push_back(Partitioner(function, own_layers).run());
      out.functions.back().name = cat(function.name, kOfRanks);
    }
  return out;
}

}  // namespace keratin
