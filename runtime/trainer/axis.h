// The axes of diagrams: where values are, and which are labelled.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace keratin::trainer {

struct Tick {
  double value;
  std::string label;
};

class Axis {
 public:
  enum class Scale { linear, logarithmic };

  /// With room around the values, and round numbers for ticks. Requires: finite; above 0 if logarithmic.
  static Axis of_values(double least, double greatest, Scale scale);
  /// With whole numbers for ticks.
  static Axis of_epochs(int64_t first, int64_t last);

  /// From 0 at the low end to 1.
  double place(double value) const;
  const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  Axis(double low, double high, Scale scale) : low_(low), high_(high), scale_(scale) {}
  void add_linear_ticks(double first, double last, double step);
  void add_decades();

  double low_, high_;  // their logarithms if logarithmic
  Scale scale_;
  std::vector<Tick> ticks_;
};

}  // namespace keratin::trainer
