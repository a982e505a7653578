#include "tools/tune_option.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "codegen/lower.h"
#include "ir/error.h"
#include "ir/text.h"
#include "passes/traits.h"
#include "tools/bench_report.h"
#include "tools/tune_cache.h"

namespace keratin {
namespace {

std::string cache_folder(const Arguments& arguments) {
  if (arguments.has("tune-cache")) return arguments.get("tune-cache");
  const auto variable = [](const char* name) {
    return std::string_view(std::getenv(name) ? std::getenv(name) : "");
  };
  if (const auto caches = variable("XDG_CACHE_HOME"); !caches.empty()) return cat(caches, "/keratin");
  if (const auto home = variable("HOME"); !home.empty()) return cat(home, "/.cache/keratin");
  throw Error(ErrorKind::usage,
              "there is no place for what is measured: neither XDG_CACHE_HOME nor HOME is set", "--tune",
              "--tune-cache FOLDER");
}

/// A line that the next one takes the place of, where somebody looks.
void show_progress(std::string_view text) {
  if (::isatty(STDERR_FILENO) == 1) std::fputs(cat("\r\x1b[K", text).c_str(), stderr);
}

std::string text_of(const Tuned& tuned) {
  return cat(to_text(tuned.schedule), ": ", time_text(tuned.before),
             tuned.schedule.empty() ? "" : cat(" -> ", time_text(tuned.after)));
}

/// What was found for each fusion.
void explain(const Module& module, const TunedRegions& regions, Decisions& decisions) {
  for (const Function& function : module.functions)
    for (const auto& node : function.nodes) {
      if (node->op != Op::fusion) continue;
      const Function& region = *node->body;
      const auto found = regions.find(schedule_key(region));
      if (found == regions.end()) continue;
      Origin layer;
      for (const auto& each : region.nodes)
        if (form_of(*each) == Form::contract) layer = each->origin;
      decisions.choices.push_back({"tune", function.name, layer, text_of(found->second)});
    }
}

Schedules tuned_schedules(const Module& module, const Target& target, const std::string& folder,
                          TuneOptions options, Decisions* decisions) {
  if (!runs_on_host(target))
    throw Error(
        ErrorKind::usage,
        cat("this machine does not run code for ", level_name(target), ", so it measures nothing of it"),
        "--tune", "--cpu native, or leave out --tune");
  TuneCache cache(folder, target, options);
  const std::map<std::string, int64_t> wanted = tunable_regions(module, target);
  TunedRegions regions;
  for (const auto& [region, launches] : wanted)
    if (const Tuned* tuned = cache.find(region)) regions.emplace(region, *tuned);
  const size_t found = regions.size(), measured = wanted.size() - found;
  if (measured > 0) {
    options.progress = [](std::string_view text) { show_progress(cat("tuning ", text)); };
    tune(module, target, options, regions);
    show_progress("");
    cache.add(regions);
  }
  double before = 0, after = 0;
  for (const auto& [region, launches] : wanted) {
    const Tuned& tuned = regions.at(region);
    before += tuned.before * static_cast<double>(launches);
    after += tuned.after * static_cast<double>(launches);
  }
  std::fputs(cat("tuned ", wanted.size(), wanted.size() == 1 ? " kernel: " : " kernels: ", measured,
                 " measured, ", found, " known; ", time_text(before), " -> ", time_text(after), "\n")
                 .c_str(),
             stderr);
  if (decisions != nullptr) explain(module, regions, *decisions);
  return schedules_of(regions);
}

}  // namespace

Tuner tuner_of(const Arguments& arguments, const TuneOptions& options, Decisions* decisions) {
  if (!arguments.has("tune")) {
    for (const char* option : {"tune-cache", "tune-threads"})
      if (arguments.has(option)) throw Error(ErrorKind::usage, cat("--", option, " is for --tune"));
    return {};
  }
  return [folder = cache_folder(arguments), options, decisions](const Module& module, const Target& target) {
    return tuned_schedules(module, target, folder, options, decisions);
  };
}

Tuner tuner_of(const Arguments& arguments, Decisions* decisions) {
  TuneOptions options;
  options.threads = static_cast<unsigned>(arguments.get_int("tune-threads", 1, 1));
  options.batch = arguments.get_int("batch", options.batch, 1);
  return tuner_of(arguments, options, decisions);
}

}  // namespace keratin
