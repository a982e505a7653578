#include "codegen/launch_order.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <span>

#include "codegen/program_facts.h"

namespace keratin {

namespace {

/// What is known of a program's launches: who has to wait for whom, and what they read and write.
class Launches {
 public:
  Launches(const KernelModule& module, const Program& program)
      : program_(program), before_(program.launches.size()), after_(program.launches.size()) {
    std::map<uint32_t, size_t> written;
    std::map<uint32_t, std::vector<size_t>> read;  // since then
    for (size_t launch = 0; launch < size(); ++launch) {
      const std::vector<uint32_t>& args = program.launches[launch].args;
      const auto& buffers = module.kernels[program.launches[launch].kernel].buffers;
      for (size_t i = 0; i < args.size(); ++i)
        if (buffers[i].mode != Mode::out) {
          if (written.contains(args[i])) wait(launch, written[args[i]]);
          read[args[i]].push_back(launch);
        }
      for (size_t i = 0; i < args.size(); ++i)
        if (buffers[i].mode != Mode::in) {
          if (written.contains(args[i])) wait(launch, written[args[i]]);
          for (const size_t reader : read[args[i]]) wait(launch, reader);
          written[args[i]] = launch;
          read[args[i]].clear();
        }
    }
  }

  size_t size() const { return program_.launches.size(); }
  const std::set<size_t>& before(size_t launch) const { return before_[launch]; }
  const std::set<size_t>& after(size_t launch) const { return after_[launch]; }

 private:
  void wait(size_t launch, size_t other) {
    if (launch == other) return;
    before_[launch].insert(other);
    after_[other].insert(launch);
  }

  const Program& program_;
  std::vector<std::set<size_t>> before_, after_;  // by launch
};

LaunchOrder depth_first(const Launches& launches) {
  LaunchOrder order;
  std::vector<bool> done(launches.size(), false);
  std::vector<size_t> pending;
  for (size_t last = 0; last < launches.size(); ++last) {
    if (!launches.after(last).empty()) continue;
    pending.push_back(last);
    while (!pending.empty()) {
      const size_t launch = pending.back();
      const auto missing = std::find_if(launches.before(launch).begin(), launches.before(launch).end(),
                                        [&](size_t other) { return !done[other]; });
      if (missing != launches.before(launch).end()) {
        pending.push_back(*missing);
        continue;
      }
      pending.pop_back();
      if (!done[launch]) order.push_back(launch);
      done[launch] = true;
    }
  }
  return order;
}

/// Runs launches one after the other, and keeps count of the temporaries that are alive.
class Greedy {
 public:
  Greedy(const Program& program, const Launches& launches)
      : launches_(launches),
        waits_for_(launches.size()),
        temporaries_(launches.size()),
        uses_left_(program.buffers.size(), 0),
        bytes_(program.buffers.size(), 0),
        alive_(program.buffers.size(), false),
        users_(program.buffers.size()),
        uses_(program.buffers.size(), 0),
        is_done_(launches.size(), false) {
    for (size_t i = 0; i < program.buffers.size(); ++i) bytes_[i] = typical(bytes_of(program.buffers[i]));
    for (size_t launch = 0; launch < launches.size(); ++launch) {
      waits_for_[launch] = launches.before(launch).size();
      if (waits_for_[launch] == 0) ready_.insert(launch);
      const std::set<uint32_t> args(program.launches[launch].args.begin(),
                                    program.launches[launch].args.end());
      for (const uint32_t buffer : args) {
        if (program.buffers[buffer].storage != Storage::workspace) continue;
        temporaries_[launch].push_back(buffer);
        users_[buffer].push_back(launch);
        ++uses_left_[buffer];
      }
    }
  }

  /// Of the launches that are ready, the one after which least is alive.
  LaunchOrder least_alive() {
    while (!ready_.empty()) run(next_by_growth());
    return std::move(order_);
  }

  /// The first that is ready, but for those after which no more is alive than before: one, or all together that still read something.
  LaunchOrder freeing() {
    while (!ready_.empty()) {
      std::vector<size_t> next{next_by_growth()};
      if (growth(next) > 0) next = {*ready_.begin()};
      for (uint32_t buffer = 0; buffer < alive_.size() && growth(next) > 0; ++buffer) {
        std::vector<size_t> readers = ready_readers(buffer);
        if (!readers.empty() && growth(readers) < 0) next = std::move(readers);
      }
      for (const size_t launch : next) run(launch);
    }
    return std::move(order_);
  }

 private:
  void run(size_t launch) {
    ready_.erase(launch);
    order_.push_back(launch);
    is_done_[launch] = true;
    for (const uint32_t buffer : temporaries_[launch]) alive_[buffer] = --uses_left_[buffer] > 0;
    for (const size_t next : launches_.after(launch))
      if (--waits_for_[next] == 0) ready_.insert(next);
  }

  /// The launch after which least is alive.
  size_t next_by_growth() const {
    return *std::min_element(ready_.begin(), ready_.end(), [&](size_t a, size_t b) {
      return std::pair(growth({&a, 1}), a) < std::pair(growth({&b, 1}), b);
    });
  }

  /// All that still have to read something that is alive; none if they are not all ready.
  std::vector<size_t> ready_readers(uint32_t buffer) const {
    std::vector<size_t> readers;
    if (!alive_[buffer]) return readers;
    for (const size_t reader : users_[buffer]) {
      if (is_done_[reader]) continue;
      if (!ready_.contains(reader)) return {};
      readers.push_back(reader);
    }
    return readers;
  }

  /// Bytes that are alive after some launches and were not before, less those that no longer are.
  int64_t growth(std::span<const size_t> launches) const {
    int64_t bytes = 0;
    for (const size_t launch : launches)
      for (const uint32_t buffer : temporaries_[launch]) {
        const size_t uses = ++uses_[buffer];
        if (uses == 1 && !alive_[buffer]) bytes += bytes_[buffer];
        if (uses == uses_left_[buffer]) bytes -= bytes_[buffer];
      }
    for (const size_t launch : launches)
      for (const uint32_t buffer : temporaries_[launch]) uses_[buffer] = 0;
    return bytes;
  }

  const Launches& launches_;
  std::vector<size_t> waits_for_;  // by launch: how many others
  std::vector<std::vector<uint32_t>>
      temporaries_;                         // by launch: the buffers of the workspace that it reads or writes
  std::vector<size_t> uses_left_;           // by buffer: launches
  std::vector<int64_t> bytes_;              // by buffer
  std::vector<bool> alive_;                 // by buffer
  std::vector<std::vector<size_t>> users_;  // by buffer: launches
  mutable std::vector<size_t> uses_;        // by buffer, while growth() counts them; otherwise 0
  std::vector<bool> is_done_;               // by launch
  std::set<size_t> ready_;
  LaunchOrder order_;
};

/// While ranks reduce something, launches run that do not need it, in the order of the program; then those that need what was begun
/// first: gradients are on their way while those of earlier layers are computed.
LaunchOrder overlapping(const Program& program, const Launches& launches) {
  std::vector<size_t> waits_for(launches.size());
  std::vector<size_t> begun(launches.size(),
                            0);  // by launch: the latest reduction that it needs, counted from 1; 0: none
  std::vector<bool> is_arrived(launches.size() + 1, false);
  std::set<size_t> ready;
  for (size_t launch = 0; launch < launches.size(); ++launch) {
    waits_for[launch] = launches.before(launch).size();
    if (waits_for[launch] == 0) ready.insert(launch);
  }
  LaunchOrder order;
  size_t reductions = 0;
  while (!ready.empty()) {
    const auto arrival = [&](size_t launch) { return is_arrived[begun[launch]] ? 0 : begun[launch]; };
    const size_t next = *std::min_element(ready.begin(), ready.end(), [&](size_t a, size_t b) {
      return std::pair(arrival(a), a) < std::pair(arrival(b), b);
    });
    for (size_t reduction = 1; reduction <= begun[next]; ++reduction) is_arrived[reduction] = true;
    ready.erase(next);
    order.push_back(next);
    const size_t own = program.launches[next].reduced_by.empty() ? 0 : ++reductions;
    for (const size_t after : launches.after(next)) {
      begun[after] = std::max(begun[after], own);
      if (--waits_for[after] == 0) ready.insert(after);
    }
  }
  return order;
}

}  // namespace

std::vector<LaunchOrder> launch_orders(const KernelModule& module, const Program& program) {
  const Launches launches(module, program);
  if (std::ranges::any_of(program.launches, [](const Launch& each) { return !each.reduced_by.empty(); }))
    return {overlapping(program, launches)};
  LaunchOrder given(launches.size());
  std::iota(given.begin(), given.end(), 0);
  return {given, depth_first(launches), Greedy(program, launches).least_alive()};
}

LaunchOrder freeing_order(const KernelModule& module, const Program& program) {
  const Launches launches(module, program);
  return Greedy(program, launches).freeing();
}

}  // namespace keratin
