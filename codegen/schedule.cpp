#include "codegen/schedule.h"

#include <algorithm>

#include "ir/text.h"

namespace keratin {

int64_t Scheduler::decide(std::string_view what, int64_t usual, std::vector<int64_t> others) {
  others.push_back(usual);
  std::ranges::sort(others);
  others.erase(std::ranges::unique(others).begin(), others.end());
  int64_t value = usual;
  if (const auto asked = asked_.find(what);
      asked != asked_.end() && std::ranges::binary_search(others, asked->second))
    value = asked->second;
  std::erase(others, value);
  // A region that cannot be written with vectors is written anew without.
  std::erase_if(decided_, [&](const Decided& earlier) { return earlier.what == what; });
  if (!others.empty()) decided_.push_back({what, value, std::move(others)});
  return value;
}

std::string to_text(const Schedule& schedule) {
  if (schedule.empty()) return "as usual";
  std::vector<std::string> parts;
  for (const auto& [what, value] : schedule) parts.push_back(cat(what, " ", value));
  return join(parts, ", ");
}

}  // namespace keratin
