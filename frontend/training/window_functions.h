// Windows that weigh the samples of a frame, by the names that scipy.signal.get_window knows them by.
//
// F. Harris, On the use of windows for harmonic analysis with the discrete Fourier transform, Proceedings of the IEEE, 1978.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/json.h"

namespace keratin {

/// The `length` values of a window: of its name, or the numbers themselves in a list. A periodic one is the beginning of one that is longer
/// by one. Throws Error with `where`.
std::vector<double> window_values(const Json& window, int64_t length, bool periodic,
                                  const std::string& where);

}  // namespace keratin
