#include "runtime/trainer/diagram.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/trainer/axis.h"
#include "runtime/trainer/svg.h"

namespace keratin::trainer {
namespace {

std::string labels(const Axis& axis) {
  std::string text;
  for (const Tick& tick : axis.ticks()) text += (text.empty() ? "" : " ") + tick.label;
  return text;
}

TEST(Axis, RoundNumbers) {
  const auto linear = [](double least, double greatest) {
    return labels(Axis::of_values(least, greatest, Axis::Scale::linear));
  };
  EXPECT_EQ(linear(0.164, 0.82), "0.2 0.4 0.6 0.8");
  EXPECT_EQ(linear(0.77, 0.93), "0.80 0.85 0.90");
  EXPECT_EQ(linear(0, 1), "0 0.2 0.4 0.6 0.8 1.0");
  EXPECT_EQ(linear(-1e-5, 0), "-1.0e-5 -8e-6 -6e-6 -4e-6 -2e-6 0");
  EXPECT_EQ(linear(1e6, 1e8), "0 2e7 4e7 6e7 8e7 1.0e8");
  EXPECT_EQ(linear(1234567, 1234571), "1.234567e6 1.234568e6 1.234569e6 1.234570e6 1.234571e6");
  // Values that are all the same, or nearly.
  EXPECT_EQ(linear(0, 0), "0 0.2 0.4 0.6 0.8 1.0");
  EXPECT_EQ(linear(0.6931471, 0.6931472), "0.65 0.70 0.75");
  EXPECT_EQ(linear(-5, -5), "-5.4 -5.2 -5.0 -4.8 -4.6");
  EXPECT_EQ(linear(-1e300, 1e300), "-1.0e300 -5e299 0 5e299 1.0e300");
}

TEST(Axis, Decades) {
  const auto logarithmic = [](double least, double greatest) {
    return labels(Axis::of_values(least, greatest, Axis::Scale::logarithmic));
  };
  EXPECT_EQ(logarithmic(1e-5, 1e-2), "1e-5 1e-4 0.001 0.01");
  EXPECT_EQ(logarithmic(1e-8, 1e3), "1e-8 1e-6 1e-4 0.01 1 100");
  EXPECT_EQ(logarithmic(1e-4, 1e-3), "1e-4 2e-4 5e-4 0.001");
  EXPECT_EQ(logarithmic(3, 30), "5 10 20");
  EXPECT_EQ(logarithmic(1e-300, 1e300), "1e-222 1e-111 1 1e111 1e222");
}

TEST(Axis, Epochs) {
  EXPECT_EQ(labels(Axis::of_epochs(1, 1)), "1");
  EXPECT_EQ(labels(Axis::of_epochs(1, 5)), "1 2 3 4 5");
  EXPECT_EQ(labels(Axis::of_epochs(1, 2000)), "500 1000 1500 2000");
  EXPECT_EQ(labels(Axis::of_epochs(21, 30)), "22 24 26 28 30");
  EXPECT_GE(Axis::of_epochs(INT64_MAX - 1, INT64_MAX).ticks().size(), 1u);
}

TEST(Axis, Places) {
  const Axis linear = Axis::of_values(-1, 3, Axis::Scale::linear);
  EXPECT_DOUBLE_EQ(linear.place(1), 0.5);
  EXPECT_GT(linear.place(-1), 0);
  EXPECT_LT(linear.place(3), 1);
  EXPECT_DOUBLE_EQ(Axis::of_values(1e-3, 1e3, Axis::Scale::logarithmic).place(1), 0.5);
  EXPECT_DOUBLE_EQ(Axis::of_epochs(7, 7).place(7), 0.5);
  EXPECT_EQ(Axis::of_values(0.5, 2, Axis::Scale::linear).place(0.5) > 0, true);
}

TEST(Svg, Text) {
  EXPECT_EQ(xml_text("a<b> & \"c\""), "a&lt;b&gt; &amp; \"c\"");
  EXPECT_EQ(xml_text("naïve 数 😀"), "naïve 数 😀");
  // Overlong, cut off, a surrogate, no character, controls.
  EXPECT_EQ(xml_text("\xc0\xaf|\xe6\x95|\xed\xa0\x80|\xff|\x01|\xef\xbf\xbf|\t"), "��|��|���|�|�|���|\t");
  EXPECT_EQ(shortened("accuracy", 8), "accuracy");
  EXPECT_EQ(shortened("accuracy", 7), "accura…");
  EXPECT_EQ(shortened("ééééé", 3), "éé…");
  EXPECT_EQ(coordinate(12.04), "12");
  EXPECT_EQ(coordinate(12.06), "12.1");
}

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Diagram, GapsWhereThereAreNoNumbers) {
  Panel panel{"loss", {}, {}};
  for (int i = 1; i <= 100; ++i)
    panel.training.push_back({static_cast<double>(i), i == 40 ? NAN : i == 42 ? INFINITY : 1.0 / i});
  const std::string text = diagram(panel, 1, 100, 0, 0);
  EXPECT_EQ(count(text, "<path class=\"line training\" d=\"M"), 3u);  // before, behind, crosses
  EXPECT_EQ(count(text, "l6 6m0 -6l-6 6"), 2u);
  EXPECT_EQ(count(text, "<circle"), 1u);  // between the gaps
  EXPECT_EQ(count(text, "NaN or infinite"), 1u);
  panel.training = {{1, NAN}, {2, NAN}};
  const std::string empty = diagram(panel, 1, 2, 0, 0);
  EXPECT_EQ(count(empty, "l6 6m0 -6l-6 6"), 2u);
  EXPECT_EQ(count(empty, "nan"), 0u);
}

TEST(Diagram, ValidationsNowAndThenAreJoined) {
  Panel panel{"loss", {{1, 1}, {2, 1}, {3, 1}, {4, 1}}, {{2, 1}, {4, 2}}};
  const std::string text = diagram(panel, 1, 4, 0, 0);
  EXPECT_EQ(count(text, "<path class=\"line validation\""), 1u);
  EXPECT_EQ(count(text, "<circle class=\"dot validation\""), 2u);
  EXPECT_EQ(count(text, "<circle class=\"dot training\""), 4u);
}

TEST(Diagram, ManyEpochsTakeLittleRoom) {
  Panel panel{"loss", {}, {}};
  constexpr int kEpochs = 200000;
  for (int i = 1; i <= kEpochs; ++i)
    panel.training.push_back({static_cast<double>(i), i == kEpochs / 2 ? 9.0 : std::sin(i)});
  const std::string text = diagram(panel, 1, kEpochs, 0, 0);
  EXPECT_LT(text.size(), 30000u);
  // The one that stands out does so still: nothing is as high.
  EXPECT_EQ(count(text, " 42.9L"), 1u) << text;
}

}  // namespace
}  // namespace keratin::trainer
