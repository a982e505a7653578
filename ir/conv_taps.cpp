#include "ir/conv_taps.h"

#include <algorithm>
#include <numeric>

namespace keratin {

namespace {

Ints inverse(const Ints& perm) {
  Ints inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[perm[i]] = static_cast<int64_t>(i);
  return inverse;
}

/// Batch, space axes, features.
Ints features_last(const ConvAxes::Array& array) {
  Ints perm{array.batch};
  perm.insert(perm.end(), array.space.begin(), array.space.end());
  perm.push_back(array.feature);
  return perm;
}

}  // namespace

Taps::Taps(Builder& builder, const ConvAttrs& conv, Value input, const Shape& kernel, const Shape& result)
    : b_(builder), conv_(conv), axes_(parse_conv_axes(conv.dims)), space_(axes_.space_rank()) {
  to_last_ = axes_.kernel.space;
  to_last_.push_back(axes_.kernel.batch);
  to_last_.push_back(axes_.kernel.feature);
  for (const int64_t axis : to_last_) kernel_.push_back(kernel[axis]);
  for (const int64_t axis : features_last(axes_.output)) out_.push_back(result[axis]);

  Ints low(space_ + 2, 0), high = low, interior = low;
  for (int64_t i = 0; i < space_; ++i) {
    low[i + 1] = conv.pad_low[i];
    high[i + 1] = conv.pad_high[i];
    interior[i + 1] = conv.input_dilation[i] - 1;
  }
  const Value turned = b_.transpose(input, features_last(axes_.input));
  x_ = b_.pad(turned, b_.constant(input.dtype(), 0), low, high, interior);
}

/// Calls `use` with the places of each tap along the space axes, in the kernel's order.
template <typename Use>
void Taps::for_each_tap(const Use& use) const {
  Ints tap(space_, 0);
  while (true) {
    use(tap);
    int64_t axis = space_ - 1;
    for (; axis >= 0; --axis) {
      if (++tap[axis] < kernel_[axis].value()) break;
      tap[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/// What lies under a tap, for all places of the result.
Value Taps::under(const Ints& tap) const {
  Ints start(space_ + 2, 0), stride(space_ + 2, 1);
  Shape limit = x_.shape();
  for (int64_t i = 0; i < space_; ++i) {
    start[i + 1] = tap[i] * conv_.kernel_dilation[i];
    stride[i + 1] = conv_.stride[i];
    // Up to where the tap stands when the last one is at the end: of a free axis that is sure to be a part.
    const int64_t last = (kernel_[i].value() - 1) * conv_.kernel_dilation[i];
    limit[i + 1] = *sum(x_.shape()[i + 1], start[i + 1] - last);
  }
  return b_.slice(x_, start, limit, stride);
}

Value Taps::range(Value x, int64_t axis, int64_t start, int64_t length) const {
  Ints from(x.rank(), 0);
  Shape limit = x.shape();
  from[axis] = start;
  limit[axis] = start + length;
  return b_.slice(x, from, limit);
}

/// The taps of each place side by side, of one group of channels.
Value Taps::rows(int64_t group) const {
  const int64_t in = kernel_[space_].value();
  std::vector<Value> parts;
  for_each_tap([&](const Ints& tap) { parts.push_back(range(under(tap), space_ + 1, group * in, in)); });
  return parts.size() == 1 ? parts[0] : b_.concat(parts, space_ + 1);
}

Value Taps::product(Value kernel) const {
  const bool by_channel = kernel_[space_].is(1) && kernel_[space_ + 1].is(conv_.groups);
  const Value turned = b_.transpose(kernel, to_last_);
  const Value y = by_channel ? sum_of_channels(turned) : product_of_groups(turned);
  return b_.transpose(y, inverse(features_last(axes_.output)));
}

Value Taps::sum_of_channels(Value kernel) const {
  Value total;
  for_each_tap([&](const Ints& tap) {
    Ints start = tap;
    Shape limit;
    for (const int64_t place : tap) limit.push_back(place + 1);
    for (int64_t axis : {space_, space_ + 1}) {
      start.push_back(0);
      limit.push_back(kernel_[axis]);
    }
    const Value row = b_.reshape(b_.slice(kernel, start, limit), {kernel_[space_ + 1]}), x = under(tap);
    const Value term = b_.mul(x, b_.broadcast(row, {space_ + 1}, x.shape()));
    total = total ? b_.add(total, term) : term;
  });
  return total;
}

Value Taps::product_of_groups(Value kernel) const {
  const int64_t last = space_ + 1, out = kernel_[last].value() / conv_.groups;
  std::vector<Value> results;
  for (int64_t group = 0; group < conv_.groups; ++group) {
    const Value x = rows(group);
    const Value columns = b_.reshape(range(kernel, last, group * out, out), {x.shape()[last], out});
    results.push_back(b_.make(Op::dot, {x, columns}, DotAttrs{.contract = {{last}, {0}}}));
  }
  return results.size() == 1 ? results[0] : b_.concat(results, last);
}

Value Taps::kernel_gradient(Value dy) const {
  const int64_t last = space_ + 1, out = kernel_[last].value() / conv_.groups;
  const Value turned = b_.transpose(dy, features_last(axes_.output));
  Ints places(last);
  std::iota(places.begin(), places.end(), 0);
  std::vector<Value> results;
  for (int64_t group = 0; group < conv_.groups; ++group) {
    Shape shape = kernel_;
    shape[last] = out;
    const Value product = b_.make(Op::dot, {rows(group), range(turned, last, group * out, out)},
                                  DotAttrs{.contract = {places, places}});
    results.push_back(b_.reshape(product, shape));
  }
  const Value all = results.size() == 1 ? results[0] : b_.concat(results, last);
  return b_.transpose(all, inverse(to_last_));
}

}  // namespace keratin
