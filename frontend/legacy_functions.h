// Functions of TensorFlow in models of Keras 2: layers of class TFOpLambda and SlicingOpLambda, as operations of keras.ops.
#pragma once

#include <string_view>

#include "frontend/json.h"

namespace keratin {

struct OldFunction {
  std::string_view name;       ///< "math.reduce_sum"
  std::string_view operation;  ///< "Sum"
  /// What becomes of its arguments, separated by blanks: `old=new` are names; `+name=JSON` is given where the call does not say;
  /// `-name=JSON` has that value only, and is left out; `~name=i` swaps the last axes of operand i if true.
  std::string_view arguments = {};
  bool takes_list = false;  ///< the tensors are one operand
};

/// The function of this name, or null.
const OldFunction* find_old_function(std::string_view name);

/// What follows `sign` (or nothing) and `name=` in the function's arguments; empty if there is no such word.
std::string_view word_of(const OldFunction& function, std::string_view sign, std::string_view name);

/// The value of an argument in the form of keras.ops: slices as objects, sizes of parts as places, "VALID" as "valid".
Json adapt_value(std::string_view name, const Json& value);

/// The arguments that begin with `+`, as an object.
Json given_arguments(const OldFunction& function);

}  // namespace keratin
