#include "tools/bench_report.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "frontend/json.h"
#include "frontend/table.h"
#include "ir/text.h"

namespace keratin {
namespace {

std::string layers_of(const Kernel& kernel) { return kernel.origin == nullptr ? "" : *kernel.origin; }

/// The least time for a kernel: weights come from where all of them are, the rest may be as near as it fits.
Ceilings::Limit limit_of(BenchReport& m, const LaunchTime& launch) {
  return m.ceilings.limit(
      launch.flops, launch.bf16_flops,
      {{launch.variables.bytes, m.profile.variable_bytes}, {launch.others.bytes, launch.others.footprint}});
}

/// The least time for a call, if nothing were stored between kernels.
Ceilings::Limit limit_of(BenchReport& m) {
  return m.ceilings.limit(m.profile.flops, m.profile.bf16_flops,
                          {{m.profile.traffic.bytes, m.profile.traffic.footprint}});
}

Json limit_json(const Ceilings::Limit& limit) {
  return Json::object({{"seconds", Json::of(limit.seconds)}, {"by", Json::of(std::string(limit.by))}});
}

/// Those that were needed for the limits.
Json ceilings_json(Ceilings& ceilings) {
  std::vector<std::pair<std::string, Json>> levels;
  for (const Ceilings::Level& level : ceilings.levels())
    if (level.bytes_per_second) levels.emplace_back(level.name, Json::of(*level.bytes_per_second));
  std::vector<std::pair<std::string, Json>> all{{"flops_per_second", Json::of(ceilings.flops_per_second())},
                                                {"bytes_per_second", Json::object(std::move(levels))}};
  if (ceilings.has_measured(DType::bf16))
    all.emplace_back("bf16_flops_per_second", Json::of(ceilings.flops_per_second(DType::bf16)));
  return Json::object(std::move(all));
}

std::string fixed(double number, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

/// "1.6 M"; nothing for nothing.
std::string flops_text(double flops) {
  if (flops == 0) return {};
  if (flops < 1e6) return cat(fixed(flops * 1e-3, 1), " k");
  return flops < 1e9 ? cat(fixed(flops * 1e-6, 1), " M") : cat(fixed(flops * 1e-9, 1), " G");
}

std::string percent(double part, double whole) { return fixed(100 * part / whole, 1); }

/// "ceilings: 117.1 GFLOP/s, reads from L2 99.4 GB/s": those that were needed.
std::string ceilings_text(Ceilings& ceilings) {
  std::string text = cat("ceilings: ", fixed(ceilings.flops_per_second() * 1e-9, 1), " GFLOP/s");
  if (ceilings.has_measured(DType::bf16))
    text += cat(", in bf16 ", fixed(ceilings.flops_per_second(DType::bf16) * 1e-9, 1), " GFLOP/s");
  for (const Ceilings::Level& level : ceilings.levels())
    if (level.bytes_per_second)
      text += cat(", reads from ", level.name, " ", fixed(*level.bytes_per_second * 1e-9, 1), " GB/s");
  return text;
}

}  // namespace

std::string time_text(double seconds) {
  return seconds < 1e-3 ? cat(fixed(seconds * 1e6, 1), " us") : cat(fixed(seconds * 1e3, 1), " ms");
}

std::string bench_json(BenchReport& m) {
  std::vector<Json> launches;
  for (const LaunchTime& launch : m.profile.launches)
    launches.push_back(Json::object({{"kernel", Json::of(m.module.kernels[launch.kernel].name)},
                                     {"layers", Json::of(layers_of(m.module.kernels[launch.kernel]))},
                                     {"seconds", Json::of(launch.seconds)},
                                     {"flops", Json::of(launch.flops)},
                                     {"bytes", Json::of(launch.variables.bytes + launch.others.bytes)},
                                     {"limit", limit_json(limit_of(m, launch))}}));
  const Json limit = limit_json(limit_of(m));
  return Json::object(
             {{"model", Json::of(m.module.name)},
              {"function", Json::of(m.program.name)},
              {"batch", Json::of(m.batch)},
              {"free_batch", Json::of(m.free_batch)},
              {"threads", Json::of(static_cast<int64_t>(m.threads))},
              {"cpu", Json::of(m.cpu)},
              {"calls", Json::of(m.profile.calls)},
              {"seconds", Json::of(m.profile.seconds)},
              {"flops", Json::of(m.profile.flops)},
              {"bytes", Json::of(m.profile.traffic.bytes)},
              {"bytes_in", Json::of(std::string(m.ceilings.level_of(m.profile.traffic.footprint).name))},
              {"limit", limit},
              {"ceilings", ceilings_json(m.ceilings)},
              {"launches", Json::array(std::move(launches))}})
             .dump() +
         "\n";
}

std::string bench_table(BenchReport& m) {
  double all = 0, least = 0;
  for (const LaunchTime& launch : m.profile.launches) all += launch.seconds;
  std::vector<std::vector<std::string>> rows;
  for (const LaunchTime& launch : m.profile.launches) {
    const Kernel& kernel = m.module.kernels[launch.kernel];
    const Ceilings::Limit limit = limit_of(m, launch);
    least += limit.seconds;
    rows.push_back({kernel.name, layers_of(kernel), time_text(launch.seconds), percent(launch.seconds, all),
                    flops_text(launch.flops), memory_text(launch.variables.bytes + launch.others.bytes),
                    cat(percent(limit.seconds, launch.seconds), " ", limit.by)});
  }
  const Ceilings::Limit limit = limit_of(m);
  const int64_t width = std::clamp<int64_t>(terminal_width(), 96, 106);
  const std::vector<Column> columns = {{"Kernel", 14},          {"Layers", width - 77}, {"Time", 8, true},
                                       {"%", 5, true},          {"Flops", 8, true},     {"Bytes", 9, true},
                                       {"% of limit", 11, true}};
  return cat(m.program.name, " of \"", m.module.name, "\", batch ", m.batch, m.free_batch ? " of any" : "",
             ", ", m.threads, m.threads == 1 ? " thread, " : " threads, ", m.cpu, ": ",
             time_text(m.profile.seconds), ", the least of ", grouped(m.profile.calls), " calls\n",
             table_text(columns, rows, width),
             " The kernels by themselves, the least of each: ", time_text(all), "; at their limits ",
             time_text(least), "\n The whole has ", m.profile.flops > 0 ? flops_text(m.profile.flops) : "0 ",
             "FLOP and ", memory_text(m.profile.traffic.bytes), " to move: ", time_text(limit.seconds), " (",
             limit.by, "), ", percent(limit.seconds, m.profile.seconds), " % of the limit\n ",
             ceilings_text(m.ceilings), "\n");
}

}  // namespace keratin
