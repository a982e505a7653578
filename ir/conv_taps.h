// A convolution as products of rows: what lies under the taps of its kernel, place by place.
#pragma once

#include "ir/attrs.h"
#include "ir/builder.h"
#include "ir/conv_axes.h"

namespace keratin {

/// Also along axes of unknown length. Requires: features of known number, and batch_groups of 1.
class Taps {
 public:
  Taps(Builder& builder, const ConvAttrs& conv, Value input, const Shape& kernel, const Shape& result);

  /// The convolution's result. If every channel is by itself, products of the taps are added up; else the taps of each place
  /// are put side by side, and are rows of one product.
  Value product(Value kernel) const;
  /// What a gradient of the result means for the kernel: products of the rows, summed over all places.
  Value kernel_gradient(Value dy) const;

 private:
  template <typename Use>
  void for_each_tap(const Use& use) const;
  Value under(const Ints& tap) const;
  Value rows(int64_t group) const;
  Value sum_of_channels(Value kernel) const;
  Value product_of_groups(Value kernel) const;
  Value range(Value x, int64_t axis, int64_t start, int64_t length) const;

  Builder& b_;
  const ConvAttrs& conv_;
  const ConvAxes axes_;
  const int64_t space_;
  Ints to_last_;  // the kernel's axes as [space…, in, out]
  Shape kernel_;  // its shape in this order
  Shape out_;     // batch and space axes of the result
  Value x_;       // the padded input as [batch, space…, features]
};

}  // namespace keratin
