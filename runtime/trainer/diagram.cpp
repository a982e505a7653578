#include "runtime/trainer/diagram.h"

#include <algorithm>
#include <cmath>

#include "runtime/trainer/axis.h"
#include "runtime/trainer/svg.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

// Lengths in pixels.
constexpr double kAbove = 34, kBelow = 40, kLeft = 22, kRight = 16;  // of the diagram within its panel
constexpr double kDigitWidth = 6.4;                                  // of the labels at ticks
constexpr size_t kTitleLength = 40;                                  // what there is room for

constexpr int64_t kDottedEpochs = 30;  // curves of more have no dots
constexpr double kLargest = 1e300;     // beyond it, differences overflow
// Learning rates go by factors. Others may well end with a hundredth of what they began with, and are told apart by differences.
constexpr double kRateSpan = 10, kSpan = 1000;  // from the least to the greatest on a logarithmic axis

bool is_drawn(double value) { return std::fabs(value) <= kLargest; }

bool has_gaps(const Curve& curve) {
  return std::any_of(curve.begin(), curve.end(), [](const Point& point) { return !is_drawn(point.y); });
}

Axis value_axis(const Panel& panel) {
  std::vector<double> values;
  for (const Curve* curve : {&panel.training, &panel.validation})
    for (const Point& point : *curve)
      if (is_drawn(point.y)) values.push_back(point.y);
  if (values.empty()) return Axis::of_values(0, 1, Axis::Scale::linear);
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  const bool spans = *least > 0 && *greatest / *least >= (panel.is_learning_rate() ? kRateSpan : kSpan);
  return Axis::of_values(*least, *greatest, spans ? Axis::Scale::logarithmic : Axis::Scale::linear);
}

/// Of the points in one column of pixels, the first, the last, the highest and the lowest: it looks the same.
Curve thinned(const Curve& pixels) {
  Curve kept;
  const auto higher = [](const Point& a, const Point& b) { return a.y < b.y; };
  for (auto begin = pixels.begin(); begin != pixels.end();) {
    const auto end = std::find_if(
        begin, pixels.end(), [&](const Point& point) { return std::floor(point.x) != std::floor(begin->x); });
    const auto [highest, lowest] = std::minmax_element(begin, end, higher);
    for (auto point = begin; point != end; ++point)
      if (point == begin || point == end - 1 || point == highest || point == lowest) kept.push_back(*point);
    begin = end;
  }
  return kept;
}

class Diagram {
 public:
  Diagram(const Panel& panel, int64_t first_epoch, int64_t last_epoch, double left, double top)
      : panel_(panel),
        epochs_(Axis::of_epochs(first_epoch, last_epoch)),
        values_(value_axis(panel)),
        dotted_(last_epoch - first_epoch < kDottedEpochs),
        top_(top + kAbove),
        bottom_(top + kPanelHeight - kBelow),
        right_(left + kPanelWidth - kRight) {
    size_t longest = 0;
    for (const Tick& tick : values_.ticks()) longest = std::max(longest, tick.label.size());
    left_ = left + kLeft + kDigitWidth * static_cast<double>(longest);
  }

  std::string svg() const {
    const double title = top_ - 12;
    std::string text =
        svg_text(left_, title, Anchor::start, "metric", shortened(panel_.metric, kTitleLength));
    if (has_gaps(panel_.training) || has_gaps(panel_.validation))
      text += svg_text(right_, title, Anchor::end, "", "× NaN or infinite");
    text += axes();
    // What was trained on lies above.
    return text + curve(panel_.validation, "validation") + curve(panel_.training, "training");
  }

 private:
  double x(double epoch) const { return left_ + epochs_.place(epoch) * (right_ - left_); }
  double y(double value) const { return bottom_ - values_.place(value) * (bottom_ - top_); }

  std::string axes() const {
    std::string text;
    for (const Tick& tick : values_.ticks())
      text += svg_line(left_, y(tick.value), right_, y(tick.value), "grid") +
              svg_text(left_ - 6, y(tick.value) + 4, Anchor::end, "", tick.label);
    text += svg_line(left_, bottom_, right_, bottom_, "axis");
    for (const Tick& tick : epochs_.ticks())
      text += svg_line(x(tick.value), bottom_, x(tick.value), bottom_ + 4, "axis") +
              svg_text(x(tick.value), bottom_ + 16, Anchor::middle, "", tick.label);
    return text + svg_text((left_ + right_) / 2, bottom_ + 31, Anchor::middle, "", "epoch");
  }

  std::string curve(const Curve& curve, std::string_view kind) const {
    std::string text, crosses;
    Curve piece;  // without gaps, in pixels
    double last_cross = -1;
    for (const Point& point : curve) {
      if (is_drawn(point.y)) {
        piece.push_back({x(point.x), y(point.y)});
        continue;
      }
      text += drawn(piece, kind);
      piece.clear();
      if (x(point.x) - last_cross < 1) continue;  // it is there already
      last_cross = x(point.x);
      crosses += cat("M", coordinate(last_cross - 3), " ", coordinate(bottom_ - 7), "l6 6m0 -6l-6 6");
    }
    text += drawn(piece, kind);
    if (!crosses.empty()) text += cat("<path class=\"line ", kind, "\" d=\"", crosses, "\"/>\n");
    return text;
  }

  /// A line, with dots where there are few or it would be a point.
  std::string drawn(const Curve& piece, std::string_view kind) const {
    std::string path, dots;
    for (const Point& pixel : thinned(piece)) {
      const std::string x = coordinate(pixel.x), y = coordinate(pixel.y);
      path += cat(path.empty() ? "M" : "L", x, " ", y);
      if (dotted_ || piece.size() == 1)
        dots += cat("<circle class=\"dot ", kind, "\" cx=\"", x, "\" cy=\"", y, "\" r=\"2.5\"/>\n");
    }
    return piece.size() > 1 ? cat("<path class=\"line ", kind, "\" d=\"", path, "\"/>\n", dots) : dots;
  }

  const Panel& panel_;
  Axis epochs_, values_;
  bool dotted_;
  double top_, bottom_, right_, left_ = 0;
};

}  // namespace

std::string diagram(const Panel& panel, int64_t first_epoch, int64_t last_epoch, double left, double top) {
  return Diagram(panel, first_epoch, last_epoch, left, top).svg();
}

}  // namespace keratin::trainer
