// Reads event files on its own: nothing here is shared with what writes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace keratin::trainer {

struct Event {
  double time = 0;
  int64_t step = 0;
  std::string version, tag, plugin;
  std::vector<int64_t> shape;
  std::vector<double> values;  ///< of f32 or f64
};

/// All whole records; fails the test if one's checksum is wrong. `rest`: gets the bytes behind them, if it is not null.
std::vector<Event> read_events(const std::string& bytes, std::string* rest = nullptr);

}  // namespace keratin::trainer
