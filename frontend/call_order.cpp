#include "frontend/call_order.h"

#include <algorithm>
#include <cstdint>
#include <map>

namespace keratin {

std::vector<size_t> keras_order(const std::vector<CallNeeds>& calls) {
  std::vector<int64_t> depths(calls.size(), -1);  // -1: not seen yet
  std::map<const void*, int64_t> of_layer;
  std::vector<size_t> seen;
  const auto deepen = [&](size_t call, int64_t depth) {
    if (depths[call] < 0) seen.push_back(call);
    depths[call] = std::max(depths[call], depth);
  };
  for (size_t i = calls.size(); i-- > 0;) {
    deepen(i, of_layer[calls[i].layer]);
    of_layer[calls[i].layer] = depths[i];
    for (size_t needed : calls[i].needs) deepen(needed, depths[i] + 1);
  }
  std::stable_sort(seen.begin(), seen.end(), [&](size_t a, size_t b) { return depths[a] > depths[b]; });
  return seen;
}

}  // namespace keratin
