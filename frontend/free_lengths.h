// What the inputs of a model leave free: names for it, and what the model needs of it.
//
// A model does not say what it needs: that two inputs are equally long, where it adds them; that a length is even, where it doubles again
// what it halved. It is traced with lengths that know nothing of each other. Where dimensions then have to be equal and are not, the error
// says which (ir/unequal_dims.h), and one of three things makes them so:
//
//     T and S         one name for both; or multiples of one, 2T and T, if one was 1/2 of the other
//     T and 2{T/2}    T is a multiple of 2: 2T and 2T
//     T and 5         T is 5
//
// With that the model is traced again.
#pragma once

#include <map>
#include <set>
#include <string>

#include "ir/type.h"
#include "ir/unequal_dims.h"

namespace keratin {

class FreeLengths {
 public:
  /// Lengths of these names are not given out, and stay as they are.
  explicit FreeLengths(std::set<std::string> taken) : taken_(std::move(taken)) {}

  /// Begins to give out lengths anew: the same for the same axes in the same order, but for what is known by then.
  void restart() { used_ = taken_; }
  /// The length of an axis behind the batch of an input: T steps, H and W of images.
  Dim next(int64_t rank, size_t axis);
  /// Finds out what makes the dimensions equal. False if nothing does.
  bool unite(UnequalDims dims);

 private:
  bool has(Symbol symbol) const;
  /// Whether what has this symbol may be a multiple of another one. Then it is.
  bool put(Symbol symbol, Dim dim);
  bool make_static(Dim dim, int64_t length);
  bool make_multiples(UnequalDims dims, Dim left, Dim right);

  std::set<std::string> taken_, used_;
  std::map<Symbol, Dim> lengths_;  // of each name given out: what it is
};

}  // namespace keratin
