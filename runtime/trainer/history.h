// What fit saw: Keras's History.history.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace keratin::trainer {

/// Names and their values at one time, in the order of Keras's logs: by name, those of the validation behind.
using Logs = std::vector<std::pair<std::string, double>>;

struct History {
  std::vector<Logs> epochs;  ///< all with the same names

  /// An object from name to the values of all epochs, as Python's json writes it, NaN included.
  std::string json() const;
};

}  // namespace keratin::trainer
