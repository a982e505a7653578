#include "tools/tune_option.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "ir/error.h"
#include "ir/text.h"
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

std::string milliseconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g ms", seconds * 1e3);
  return text;
}

Schedules tuned_schedules(const Module& module, const Target& target, const std::string& folder,
                          TuneOptions options) {
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
                 " measured, ", found, " known; ", milliseconds(before), " -> ", milliseconds(after), "\n")
                 .c_str(),
             stderr);
  return schedules_of(regions);
}

}  // namespace

Tuner tuner_of(const Arguments& arguments, TuneOptions options) {
  if (!arguments.has("tune")) {
    if (arguments.has("tune-cache")) throw Error(ErrorKind::usage, "it is for --tune", "--tune-cache");
    return {};
  }
  return [folder = cache_folder(arguments), options](const Module& module, const Target& target) {
    return tuned_schedules(module, target, folder, options);
  };
}

}  // namespace keratin
