#include "codegen/tune.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "codegen/lower.h"
#include "codegen/profile.h"
#include "codegen/program_facts.h"
#include "ir/text.h"

namespace keratin {

namespace {

constexpr double kMargin = 0.03;  // by which an alternative has to be faster
constexpr int kLeastCalls = 10, kMostCalls = 300;

/// Several lowerings of one program in a module: kernels with the same text are one.
class Variants {
 public:
  void add(KernelModule made) {
    Program program = std::move(made.programs[0]);
    program.name = cat(program.name, "_", module_.programs.size());
    for (Launch& launch : program.launches) launch.kernel = number_of(std::move(made.kernels[launch.kernel]));
    module_.programs.push_back(std::move(program));
    module_.name = std::move(made.name);
    module_.variables = std::move(made.variables);
  }

  KernelModule take() { return std::move(module_); }

 private:
  uint32_t number_of(Kernel kernel) {
    kernel.name.clear();
    const auto [found, is_new] = numbers_.try_emplace(print(kernel), module_.kernels.size());
    if (is_new) {
      kernel.name = cat("k.", found->second);
      module_.kernels.push_back(std::move(kernel));
    }
    return found->second;
  }

  KernelModule module_;
  std::map<std::string, uint32_t> numbers_;
};

/// Tunes the regions of a module's only function.
class ProgramTuner {
 public:
  ProgramTuner(const Module& module, const Target& target, const TuneOptions& options, TunedRegions& known)
      : module_(module), target_(target), options_(options), known_(known), usual_(schedules_of(known)) {
    for (const auto& node : module.functions[0].nodes)
      if (node->op == Op::fusion) keys_[node->index] = schedule_key(*node->body);
  }

  void run() {
    best_ = usual_;
    const KernelModule made = lower(module_, target_, usual_);
    for (const auto& [key, decided] : decisions(made)) open_.insert(key);
    for (const std::string& what : names(made)) try_others(what);
    if (!open_.empty()) conclude();
  }

 private:
  /// Seconds of a launch, on average, by the key of its region.
  using Times = std::map<std::string, double, std::less<>>;

  /// What there is to decide of regions that are not known.
  std::map<std::string, const std::vector<Decided>*> decisions(const KernelModule& made) const {
    std::map<std::string, const std::vector<Decided>*> found;
    for (const Launch& launch : made.programs[0].launches) {
      const std::vector<Decided>& decided = made.kernels[launch.kernel].decided;
      if (launch.fusion && !decided.empty() && !known_.contains(keys_.at(*launch.fusion)))
        found[keys_.at(*launch.fusion)] = &decided;
    }
    return found;
  }

  /// Of all decisions, in the order in which they are taken.
  std::vector<std::string> names(const KernelModule& made) const {
    std::vector<std::string> names;
    for (const auto& [key, decided] : decisions(made))
      for (const Decided& each : *decided)
        if (std::ranges::find(names, each.what) == names.end()) names.emplace_back(each.what);
    return names;
  }

  void try_others(const std::string& what) {
    const KernelModule made = lower(module_, target_, best_);
    std::map<std::string, std::vector<int64_t>> others;
    size_t most = 0;
    for (const auto& [key, decided] : decisions(made))
      for (const Decided& each : *decided)
        if (each.what == what) {
          others[key] = each.others;
          most = std::max(most, each.others.size());
        }
    if (others.empty()) return;
    if (options_.progress)
      options_.progress(cat(module_.functions[0].name, ": ", what, ", up to ", most, " alternatives in ",
                            others.size(), " kernels"));
    std::vector<Schedules> variants(most + 1, best_);
    for (const auto& [key, values] : others)
      for (size_t i = 0; i < values.size(); ++i) variants[i + 1][key][what] = values[i];
    const std::vector<Times> times = measure(variants);
    for (const auto& [key, values] : others) {
      double least = times[0].at(key) * (1 - kMargin);
      for (size_t i = 0; i < values.size(); ++i) {
        const double seconds = times[i + 1].at(key);
        if (seconds >= least) continue;
        least = seconds;
        best_[key][what] = values[i];
      }
    }
  }

  /// What was found, against what is usual.
  void conclude() {
    const std::vector<Times> times = measure({usual_, best_});
    for (const std::string& key : open_) {
      Tuned tuned{best_[key], times[0].at(key), times[1].at(key)};
      if (tuned.schedule.empty() || tuned.after >= tuned.before * (1 - kMargin))
        tuned = {{}, tuned.before, tuned.before};
      known_.emplace(key, std::move(tuned));
    }
  }

  std::vector<Times> measure(const std::vector<Schedules>& variants) const {
    Variants all;
    for (const Schedules& schedules : variants) all.add(lower(module_, target_, schedules));
    const auto module = std::make_shared<const KernelModule>(all.take());
    const Bindings bindings = usual_bindings(*module, options_.batch);
    const std::vector<Tensor> inputs = sample_inputs(module->programs[0], bindings);
    const std::vector<std::vector<double>> least = least_launch_times(
        module, target_, options_.threads, inputs,
        {.seconds = options_.seconds, .least_calls = kLeastCalls, .most_calls = kMostCalls});
    std::vector<Times> times;
    for (size_t i = 0; i < variants.size(); ++i) times.push_back(by_region(module->programs[i], least[i]));
    return times;
  }

  Times by_region(const Program& program, const std::vector<double>& seconds) const {
    Times sums, counts;
    for (size_t i = 0; i < seconds.size(); ++i) {
      if (!program.launches[i].fusion) continue;
      const std::string& key = keys_.at(*program.launches[i].fusion);
      sums[key] += seconds[i];
      ++counts[key];
    }
    for (auto& [key, sum] : sums) sum /= counts[key];
    return sums;
  }

  const Module& module_;
  const Target& target_;
  const TuneOptions& options_;
  TunedRegions& known_;
  std::map<uint32_t, std::string> keys_;  // of fusions
  const Schedules usual_;
  Schedules best_;
  std::set<std::string> open_;
};

}  // namespace

Schedules schedules_of(const TunedRegions& regions) {
  Schedules schedules;
  for (const auto& [key, tuned] : regions) schedules[key] = tuned.schedule;
  return schedules;
}

std::map<std::string, int64_t> tunable_regions(const Module& module, const Target& target) {
  std::map<std::string, int64_t> regions;
  const KernelModule made = lower(module, target);
  for (size_t i = 0; i < made.programs.size(); ++i)
    for (const Launch& launch : made.programs[i].launches)
      if (launch.fusion && !made.kernels[launch.kernel].decided.empty())
        ++regions[schedule_key(*module.functions[i].nodes[*launch.fusion]->body)];
  return regions;
}

void tune(const Module& module, const Target& target, const TuneOptions& options, TunedRegions& regions) {
  for (const Function& function : module.functions) {
    Module one = clone(module);
    std::erase_if(one.functions, [&](const Function& other) { return other.name != function.name; });
    ProgramTuner(one, target, options, regions).run();
  }
}

}  // namespace keratin
