// keratin bench: how long a model takes, and which of its kernels.
#include <algorithm>
#include <cstdio>
#include <thread>

#include "codegen/ceilings.h"
#include "codegen/native.h"
#include "codegen/profile.h"
#include "codegen/program_facts.h"
#include "frontend/json.h"
#include "frontend/table.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/trainable_source.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "MODEL", "a .keras or .h5 file, an unpacked .keras folder, or IR text (.kir)", true},
    {"--batch", "N", "how many samples at a time (1); the code is compiled for that number"},
    {"--free-batch", "", "measure code that takes any number of samples"},
    {"--threads", "K", "how many threads compute (1); 0: one per processor"},
    {"--func", "NAME", "another function than predict: train_step, evaluate_step"},
    {"--seconds", "S", "how long to measure (1)"},
    {"--json", "", "print everything as JSON"},
    {"--loss", "NAME|JSON", "with --func train_step, if the model was not compiled or for another"},
    {"--optimizer", "NAME|JSON", "likewise"},
    {"--metrics", "A,B|JSON", "likewise"},
    {"--shape", "NAME=D1,D2", "the shape of one sample of an input that the model leaves free", false, true},
};

/// Numbers that look like data: floats between 0 and 1; integers are 0, which is a class and a word of any vocabulary.
std::vector<Tensor> inputs_of(const Program& program, const Bindings& bindings) {
  std::vector<Tensor> inputs;
  uint32_t state = 1;
  for (const uint32_t input : program.inputs) {
    const ProgramBuffer& buffer = program.buffers[input];
    std::vector<int64_t> shape;
    for (const Dim dim : buffer.shape) shape.push_back(dim.value(bindings));
    Tensor& tensor = inputs.emplace_back(buffer.dtype, shape);
    if (!is_float(buffer.dtype)) continue;
    for (int64_t i = 0; i < tensor.elements(); ++i)
      tensor.set(i, static_cast<double>((state = state * 1664525u + 1013904223u) >> 8) / (1 << 24));
  }
  return inputs;
}

std::string layers_of(const Kernel& kernel) { return kernel.origin == nullptr ? "" : *kernel.origin; }

struct Measured {
  const KernelModule& module;
  const Program& program;
  int64_t batch;
  bool free_batch;
  unsigned threads;
  std::string cpu;
  Profile profile;
  Ceilings ceilings;
};

/// The least time for a kernel: weights come from where all of them are, the rest may be as near as it fits.
Ceilings::Limit limit_of(Measured& m, const LaunchTime& launch) {
  const int64_t others = launch.bytes - launch.variable_bytes;
  return m.ceilings.limit(launch.flops,
                          {{launch.variable_bytes, m.profile.variable_bytes}, {others, others}});
}

/// The least time for a call, if nothing were stored between kernels.
Ceilings::Limit limit_of(Measured& m) {
  return m.ceilings.limit(m.profile.flops, {{m.profile.bytes, m.profile.bytes}});
}

Json limit_json(const Ceilings::Limit& limit) {
  return Json::object({{"seconds", Json::of(limit.seconds)}, {"by", Json::of(std::string(limit.by))}});
}

/// Those that were needed for the limits.
Json ceilings_json(Ceilings& ceilings) {
  std::vector<std::pair<std::string, Json>> levels;
  for (const Ceilings::Level& level : ceilings.levels())
    if (level.bytes_per_second) levels.emplace_back(level.name, Json::of(*level.bytes_per_second));
  return Json::object({{"flops_per_second", Json::of(ceilings.flops_per_second())},
                       {"bytes_per_second", Json::object(std::move(levels))}});
}

std::string json_text(Measured& m) {
  std::vector<Json> launches;
  for (const LaunchTime& launch : m.profile.launches)
    launches.push_back(Json::object({{"kernel", Json::of(m.module.kernels[launch.kernel].name)},
                                     {"layers", Json::of(layers_of(m.module.kernels[launch.kernel]))},
                                     {"seconds", Json::of(launch.seconds)},
                                     {"flops", Json::of(launch.flops)},
                                     {"bytes", Json::of(launch.bytes)},
                                     {"limit", limit_json(limit_of(m, launch))}}));
  const Json limit = limit_json(limit_of(m));
  return Json::object({{"model", Json::of(m.module.name)},
                       {"function", Json::of(m.program.name)},
                       {"batch", Json::of(m.batch)},
                       {"free_batch", Json::of(m.free_batch)},
                       {"threads", Json::of(static_cast<int64_t>(m.threads))},
                       {"cpu", Json::of(m.cpu)},
                       {"calls", Json::of(m.profile.calls)},
                       {"seconds", Json::of(m.profile.seconds)},
                       {"flops", Json::of(m.profile.flops)},
                       {"bytes", Json::of(m.profile.bytes)},
                       {"bytes_in", Json::of(std::string(m.ceilings.level_of(m.profile.bytes).name))},
                       {"limit", limit},
                       {"ceilings", ceilings_json(m.ceilings)},
                       {"launches", Json::array(std::move(launches))}})
             .dump() +
         "\n";
}

std::string fixed(double number, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

/// "12.3 us".
std::string time_text(double seconds) {
  return seconds < 1e-3 ? cat(fixed(seconds * 1e6, 1), " us") : cat(fixed(seconds * 1e3, 1), " ms");
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
  for (const Ceilings::Level& level : ceilings.levels())
    if (level.bytes_per_second)
      text += cat(", reads from ", level.name, " ", fixed(*level.bytes_per_second * 1e-9, 1), " GB/s");
  return text;
}

std::string table(Measured& m) {
  double all = 0, least = 0;
  for (const LaunchTime& launch : m.profile.launches) all += launch.seconds;
  std::vector<std::vector<std::string>> rows;
  for (const LaunchTime& launch : m.profile.launches) {
    const Kernel& kernel = m.module.kernels[launch.kernel];
    const Ceilings::Limit limit = limit_of(m, launch);
    least += limit.seconds;
    rows.push_back({kernel.name, layers_of(kernel), time_text(launch.seconds), percent(launch.seconds, all),
                    flops_text(launch.flops), memory_text(launch.bytes),
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
             "FLOP and ", memory_text(m.profile.bytes), " to move: ", time_text(limit.seconds), " (",
             limit.by, "), ", percent(limit.seconds, m.profile.seconds), " % of the limit\n ",
             ceilings_text(m.ceilings), "\n");
}

bool takes_any_batch(const Module& model) {
  for (const Function& function : model.functions)
    for (const Node* param : function.params)
      for (const Dim dim : param->type().shape)
        if (dim.symbol == Dim::batch().symbol) return true;
  return false;
}

/// The model for --batch samples; for any number with --free-batch, and of IR text, which states its shapes.
Module model_for_batch(const Arguments& arguments) {
  const bool is_text = arguments.get("MODEL").ends_with(".kir");
  const auto read = [&](const ShapeOverrides& shapes) {
    return is_training_function(arguments.get("func")) && !is_text ? read_trainable(arguments, shapes).module
                                                                   : read_model(arguments, shapes);
  };
  ShapeOverrides shapes = shape_overrides(arguments);
  const bool is_free = is_text || arguments.has("free-batch");
  if (is_free) shapes.batch.reset();
  Module model = read(shapes);
  if (is_free || shapes.batch || !takes_any_batch(model)) return model;
  shapes.batch = 1;
  return read(shapes);
}

int run(const Arguments& arguments) {
  const std::string wanted = arguments.get("func");
  const Module model = model_for_batch(arguments);
  const std::string name = wanted.empty() ? main_function(model).name : wanted;
  const Target target = host_target();
  const auto kernels = std::make_shared<const KernelModule>(compile_kernels(model, target));
  const Program& program = find_program(*kernels, name);
  const int64_t only = fixed_batch(program);
  const int64_t batch = arguments.get_int("batch", std::max<int64_t>(only, 1), 1);
  if (only != 0 && batch != only)
    throw Error(ErrorKind::usage, cat("the model takes ", only, " samples at a time"), "--batch");
  auto threads = static_cast<unsigned>(arguments.get_int("threads", 1, 0));
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  const double seconds = arguments.get_real("seconds", 1);
  Bindings bindings;
  for (const Symbol& symbol : symbols_of(*kernels)) bindings[symbol] = batch;
  Measured measured{*kernels,
                    program,
                    batch,
                    only == 0,
                    threads,
                    target.cpu,
                    profile(kernels, program, target, threads, inputs_of(program, bindings), seconds),
                    Ceilings(target, threads)};
  const std::string text = arguments.has("json") ? json_text(measured) : table(measured);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

constinit const Command kBenchCommand{
    .name = "bench",
    .summary = "Measures how long a model takes on this machine, kernel by kernel.",
    .examples =
        "  keratin bench mnist.keras --batch 32                          predict, one thread\n"
        "  keratin bench mnist.keras --batch 32 --free-batch             as compiled without --batch\n"
        "  keratin bench mnist.keras --batch 32 --threads 2 --json\n"
        "  keratin bench mnist.keras --batch 32 --func train_step        forward, backward and the update\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
