// What samples have to be for a model: shapes, and values that it can compute with.
#pragma once

#include <functional>
#include <string>

#include "runtime/trainer/array.h"
#include "runtime/trainer/npy.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// Throws Error(data).
[[noreturn]] void fail_data(const std::string& message, const std::string& where,
                            const std::string& hint = {});

int64_t element_count(const Shape& shape);
/// Adds one for each sample: "(N, 28, 28)".
std::string batch_shape_text(const Shape& shape);

/// The array in the shape that the model wants. [N] and [N,1] are the same thing. Throws Error(data) with `where`.
Array fitted(const Array& array, const Signature& wanted, const std::string& where, bool is_target);

/// Strings as the integers that an input is made of; arrays of numbers as they are. Throws Error(data) if they are wanted.
Array as_numbers(const Array& array, const Signature& wanted, const std::string& where);

/// Strings, one a sample, as those integers.
Array encoded(const StringRows& rows, const Signature& wanted, const std::string& where);

/// Every value can be what the model computes with, and every label is a class. `place`: what errors call a row.
void check_values(const Array& array, const Signature& wanted,
                  const std::function<std::string(int64_t row)>& place);

}  // namespace keratin::trainer
