// Penalties on weights, added to the loss.
#pragma once

#include <keratin/keras/value.h>

namespace keratin::keras::regularizers {

Value L1(double l1 = 0.01);  ///< l1 · Σ|x|
Value L2(double l2 = 0.01);  ///< l2 · Σx²

struct L1L2Options {
  double l1 = 0.0;
  double l2 = 0.0;
};
/// l1 · Σ|x| + l2 · Σx²
Value L1L2(const L1L2Options& options = {});

struct OrthogonalRegularizerOptions {
  double factor = 0.01;
  std::string mode = "rows";  ///< or "columns"
};
/// factor · the mean size of the cosines between rows, or columns, of a matrix
Value OrthogonalRegularizer(const OrthogonalRegularizerOptions& options = {});

}  // namespace keratin::keras::regularizers
