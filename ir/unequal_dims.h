// What is wrong where dimensions would have to be equal: who may choose them learns which.
#pragma once

#include <algorithm>
#include <utility>

#include "ir/error.h"
#include "ir/type.h"

namespace keratin {

struct UnequalDims {
  Dim a, b;
};

/// An Error that would not have occurred if two dimensions were equal.
class UnequalDimsError : public Error {
 public:
  UnequalDimsError(Error error, UnequalDims dims) : Error(std::move(error)), dims_(dims) {}
  UnequalDims dims() const { return dims_; }

 private:
  UnequalDims dims_;
};

/// Throws the error, with the first dimensions that differ, if the shapes are of one rank.
[[noreturn]] inline void throw_unequal(Error error, const Shape& a, const Shape& b) {
  const auto [first, second] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (a.size() != b.size() || first == a.end()) throw error;
  throw UnequalDimsError(std::move(error), {*first, *second});
}

}  // namespace keratin
