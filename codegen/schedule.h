// What lowering decides that changes nothing but speed: how loops are cut, in which order they run, what is fetched ahead.
//
// A cost model decides. At the place where it does, it says what else would be right; a schedule may ask for one of these. Whatever
// else it asks for is not heard: any schedule gives a kernel that computes the same bits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace keratin {

/// What is asked for, by the name of the decision: "height" -> 6.
using Schedule = std::map<std::string, int64_t, std::less<>>;
/// Of regions, by schedule_key().
using Schedules = std::map<std::string, Schedule, std::less<>>;

/// A decision as it was taken.
struct Decided {
  std::string_view what;
  int64_t value = 0;
  std::vector<int64_t> others;  ///< would have been right, too; none twice
};

/// The decisions taken while one region is lowered.
class Scheduler {
 public:
  explicit Scheduler(Schedule asked = {}) : asked_(std::move(asked)) {}

  /// `usual`, unless one of `others` is asked for.
  int64_t decide(std::string_view what, int64_t usual, std::vector<int64_t> others);

  /// In the order in which they were taken.
  const std::vector<Decided>& decided() const { return decided_; }
  const Schedule& asked() const { return asked_; }

 private:
  Schedule asked_;
  std::vector<Decided> decided_;
};

/// "height 6, piece 4"; "as usual" if nothing is asked for.
std::string to_text(const Schedule& schedule);

}  // namespace keratin
