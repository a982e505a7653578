#include "runtime/trainer/history.h"

#include <algorithm>

#include "runtime/trainer/text.h"

namespace keratin::trainer {

const double* find_log(const Logs& logs, const std::string& name) {
  const auto found =
      std::find_if(logs.begin(), logs.end(), [&](const auto& log) { return log.first == name; });
  return found == logs.end() ? nullptr : &found->second;
}

std::vector<std::string> History::names() const {
  std::vector<std::string> names;
  for (const Logs& logs : epochs)
    for (const auto& [name, value] : logs)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

std::string History::json() const {
  std::vector<std::string> members;
  for (const std::string& name : names()) {
    std::vector<std::string> values;
    for (const Logs& logs : epochs)
      if (const double* value = find_log(logs, name)) values.push_back(json_number(*value));
    members.push_back(cat(quoted(name), ": [", join(values, ", "), "]"));
  }
  return cat("{", join(members, ", "), "}\n");
}

}  // namespace keratin::trainer
