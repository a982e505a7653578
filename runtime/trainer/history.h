// What fit saw: Keras's History.history.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace keratin::trainer {

/// Names and their values at one time, in the order of Keras's logs: by name, those of the validation behind, then what callbacks add.
using Logs = std::vector<std::pair<std::string, double>>;

/// The value of a name; null if the logs have none.
const double* find_log(const Logs& logs, const std::string& name);

struct History {
  int64_t first_epoch = 0;   ///< the number of the first of `epochs`
  std::vector<Logs> epochs;  ///< not all validate: names may be missing in some

  /// The names of all epochs, in the order in which they came up.
  std::vector<std::string> names() const;
  /// An object from name to the values of the epochs that have it, as Python's json writes it, NaN included.
  std::string json() const;
};

}  // namespace keratin::trainer
