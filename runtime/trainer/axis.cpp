#include "runtime/trainer/axis.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace keratin::trainer {
namespace {

constexpr double kRoom = 0.05;    // of the span, at each end
constexpr double kIntervals = 6;  // between ticks, at most
constexpr double kNoSpan = 1e-6;  // of the value: smaller differences are not worth digits
constexpr int kMostDecades = 6;   // that are all labelled

/// The least of 1, 2, 5, 10, 20, …, 0.5, 0.2, … that is no less.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (step <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

std::string printed(double value, std::chars_format format, int precision) {
  char buffer[400];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, format, precision).ptr};
}

/// 2.50e-07 as 2.50e-7.
std::string short_exponent(std::string text) {
  const size_t e = text.find('e');
  if (e == std::string::npos) return text;
  const bool negative = text[e + 1] == '-';
  const size_t digits = std::min(text.find_first_not_of('0', e + 2), text.size() - 1);
  return text.substr(0, e + 1) + (negative ? "-" : "") + text.substr(digits);
}

/// A multiple of `step`, with as many digits as tell it from its neighbours; `greatest`: of the axis.
std::string label(double value, double step, double greatest) {
  if (value == 0) return "0";
  const int last = static_cast<int>(std::floor(std::log10(step) + 1e-9));
  const int first = static_cast<int>(std::floor(std::log10(greatest)));
  if (first < 6 && last > -6 && first > -4)
    return printed(value, std::chars_format::fixed, std::max(0, -last));
  const int own = static_cast<int>(std::floor(std::log10(std::fabs(value)) + 1e-9));
  return short_exponent(printed(value, std::chars_format::scientific, std::max(0, own - last)));
}

}  // namespace

Axis Axis::of_values(double least, double greatest, Scale scale) {
  if (scale == Scale::logarithmic) {
    const double low = std::log10(least), high = std::log10(greatest);
    const double room = std::max(kRoom * (high - low), 0.05);
    Axis axis(low - room, high + room, scale);
    axis.add_decades();
    return axis;
  }
  const double size = std::max(std::fabs(least), std::fabs(greatest));
  const bool is_flat = greatest - least <= kNoSpan * size;
  const double room = is_flat ? (size > 0 ? 0.1 * size : 1) : kRoom * (greatest - least);
  // What is never negative does not seem to be.
  Axis axis(least >= 0 ? std::max(0.0, least - room) : least - room, greatest + room, scale);
  axis.add_linear_ticks(axis.low_, axis.high_, round_step((axis.high_ - axis.low_) / kIntervals));
  return axis;
}

Axis Axis::of_epochs(int64_t first, int64_t last) {
  const auto low = static_cast<double>(first), high = static_cast<double>(last);
  // There is a span, also where there is no difference or it is rounded off.
  const double room = std::max({high > low ? 0.02 * (high - low) : 0.5, 1e-12 * high});
  Axis axis(low - room, high + room, Scale::linear);
  axis.add_linear_ticks(low, high, std::max(1.0, round_step((high - low) / kIntervals)));
  return axis;
}

double Axis::place(double value) const {
  return ((scale_ == Scale::logarithmic ? std::log10(value) : value) - low_) / (high_ - low_);
}

void Axis::add_linear_ticks(double first, double last, double step) {
  const double greatest = std::max(std::fabs(first), std::fabs(last));
  const double begin = std::ceil(first / step), count = std::floor(last / step) - begin;
  for (int i = 0; i <= count; ++i) {
    const double value = (begin + i) * step;
    ticks_.push_back({value, label(value, step, greatest)});
  }
}

/// 10^-3, 10^-2, …, some of them where there are many, with their doubles and fivefold where there are few.
void Axis::add_decades() {
  const int first = static_cast<int>(std::ceil(low_)), last = static_cast<int>(std::floor(high_));
  const int every = 1 + (last - first) / kMostDecades;
  const std::vector<double> factors =
      last - first < 2 ? std::vector<double>{1, 2, 5} : std::vector<double>{1};
  for (int decade = first - 1; decade <= last; ++decade) {
    if (decade % every != 0) continue;
    for (const double factor : factors) {
      const double value = factor * std::pow(10, decade);
      if (const double at = place(value); at >= 0 && at <= 1)
        ticks_.push_back({value, label(value, value, value)});
    }
  }
}

}  // namespace keratin::trainer
