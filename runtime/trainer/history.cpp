#include "runtime/trainer/history.h"

#include "runtime/trainer/text.h"

namespace keratin::trainer {

std::string History::json() const {
  std::string text = "{";
  for (size_t i = 0; !epochs.empty() && i < epochs[0].size(); ++i) {
    std::vector<std::string> values;
    for (const Logs& logs : epochs) values.push_back(json_number(logs[i].second));
    text += cat(i == 0 ? "" : ", ", quoted(epochs[0][i].first), ": [", join(values, ", "), "]");
  }
  return text + "}\n";
}

}  // namespace keratin::trainer
