// What weights are put back to after each update.
#pragma once

#include <keratin/keras/value.h>

namespace keratin::keras::constraints {

// `axis`: what lengths are taken along, one axis or a list; None is all.

struct MaxNormOptions {
  double max_value = 2;
  Value axis = 0;
};
/// No longer than max_value.
Value MaxNorm(const MaxNormOptions& options = {});

struct MinMaxNormOptions {
  double min_value = 0.0;
  double max_value = 1.0;
  double rate = 1.0;  ///< how much of the way to the allowed length is gone
  Value axis = 0;
};
/// From min_value to max_value long.
Value MinMaxNorm(const MinMaxNormOptions& options = {});

Value NonNeg();                         ///< no element below 0
Value UnitNorm(const Value& axis = 0);  ///< of length 1

}  // namespace keratin::keras::constraints
