#include "frontend/training/window_functions.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numbers>
#include <string_view>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr double kPi = std::numbers::pi;

/// Σ ±a[k]·cos(2πk·i / (n - 1)).
template <double... coefficients>
double cosines(int64_t i, int64_t n) {
  const double angle = 2 * kPi * static_cast<double>(i) / static_cast<double>(n - 1);
  double sum = 0, sign = 1, k = 0;
  ((sum += sign * coefficients * std::cos(k * angle), sign = -sign, ++k), ...);
  return sum;
}

/// Where in the window an element is: from -1 to 1.
double place(int64_t i, int64_t n) { return 2 * static_cast<double>(i) / static_cast<double>(n - 1) - 1; }

double triangle(int64_t i, int64_t n) {
  const auto count = static_cast<double>(n);
  return 1 - std::abs(2 * static_cast<double>(i) + 1 - count) / (n % 2 == 0 ? count : count + 1);
}

double parzen(int64_t i, int64_t n) {
  const double x = std::abs(2 * static_cast<double>(i) + 1 - static_cast<double>(n)) / static_cast<double>(n);
  return x > 0.5 ? 2 * std::pow(1 - x, 3) : 1 - 6 * x * x * (1 - x);
}

double bohman(int64_t i, int64_t n) {
  const double x = std::abs(place(i, n));
  return i == 0 || i == n - 1 ? 0 : (1 - x) * std::cos(kPi * x) + std::sin(kPi * x) / kPi;
}

double bartlett_hann(int64_t i, int64_t n) {
  const double x = std::abs(place(i, n)) / 2;
  return 0.62 - 0.48 * x + 0.38 * std::cos(2 * kPi * x);
}

double sinc(int64_t i, int64_t n) {
  const double x = kPi * place(i, n);
  return x == 0 ? 1 : std::sin(x) / x;
}

/// Cosines taper a quarter at each end.
double tukey(int64_t i, int64_t n) {
  constexpr double kTapered = 0.5;
  const double x = std::abs(place(i, n));
  return x <= 1 - kTapered ? 1 : 0.5 * (1 + std::cos(kPi * (x - 1 + kTapered) / kTapered));
}

double half_sine(int64_t i, int64_t n) {
  return std::sin(kPi * (static_cast<double>(i) + 0.5) / static_cast<double>(n));
}

/// One by the element in the middle, and falling to both sides by e for each element.
double exponential(int64_t i, int64_t n) {
  return std::exp(-std::abs(static_cast<double>(i) - static_cast<double>(n - 1) / 2));
}

struct WindowDef {
  std::string_view names;  ///< separated by |
  double (*value)(int64_t i, int64_t n);
};

constexpr WindowDef kWindows[] = {
    {"hann|hanning|han", cosines<0.5, 0.5>},
    {"hamming|hamm|ham", cosines<0.54, 0.46>},
    {"blackman|black|blk", cosines<0.42, 0.5, 0.08>},
    {"nuttall|nutl|nut", cosines<0.3635819, 0.4891775, 0.1365995, 0.0106411>},
    {"blackmanharris|blackharr|bkh", cosines<0.35875, 0.48829, 0.14128, 0.01168>},
    {"flattop|flat|flt", cosines<0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368>},
    {"boxcar|box|ones|rect|rectangular", [](int64_t, int64_t) { return 1.0; }},
    {"triang|triangle|tri", triangle},
    {"bartlett|bart|brt", [](int64_t i, int64_t n) { return 1 - std::abs(place(i, n)); }},
    {"parzen|parz|par", parzen},
    {"bohman|bman|bmn", bohman},
    {"barthann|brthan|bth", bartlett_hann},
    {"cosine|halfcosine", half_sine},
    {"exponential|poisson", exponential},
    {"tukey|tuk", tukey},
    {"lanczos|sinc", sinc},
};

bool has_name(const WindowDef& window, std::string_view name) {
  return cat("|", window.names, "|").find(cat("|", name, "|")) != std::string::npos;
}

}  // namespace

std::vector<double> window_values(const Json& window, int64_t length, bool periodic,
                                  const std::string& where) {
  std::vector<double> values;
  const Json& numbers = window.is_object() ? window["config"]["value"] : window;
  if (!numbers.is_string()) {
    for (const Json& item : numbers.items()) values.push_back(item.as_double());
    if (static_cast<int64_t>(values.size()) != length)
      throw Error(ErrorKind::data, cat("the window has ", values.size(), " values for ", length), where);
    return values;
  }
  const std::string& name = numbers.as_string();
  const auto found = std::find_if(std::begin(kWindows), std::end(kWindows),
                                  [&](const WindowDef& each) { return has_name(each, name); });
  if (found == std::end(kWindows)) {
    std::string known;
    for (const WindowDef& each : kWindows)
      known += cat(known.empty() ? "" : ", ", each.names.substr(0, each.names.find('|')));
    throw Error(ErrorKind::unsupported, cat("the window ", quoted(name), " is not supported"), where,
                cat("supported are: ", known, "; others can be given as numbers"));
  }
  const int64_t n = periodic ? length + 1 : length;
  for (int64_t i = 0; i < length; ++i) values.push_back(length == 1 ? 1 : found->value(i, n));
  return values;
}

}  // namespace keratin
