// A metric's curves over the epochs, as a drawing in SVG.
//
// The axis is logarithmic where values span decades. A number that is NaN or infinite leaves a gap, and a cross at the bottom.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace keratin::trainer {

struct Point {
  double x, y;
};
/// Epochs, in order, and the values that they have.
using Curve = std::vector<Point>;

struct Panel {
  std::string metric;
  Curve training, validation;

  bool is_learning_rate() const { return metric.starts_with("learning_rate"); }
};

inline constexpr double kPanelWidth = 420, kPanelHeight = 270;  // in pixels

/// The panel with its upper left corner there; the axis goes from the first epoch to the last. Lines and dots are of the
/// kinds "training" and "validation".
std::string diagram(const Panel& panel, int64_t first_epoch, int64_t last_epoch, double left, double top);

}  // namespace keratin::trainer
