// keratin bench: how long a model takes, and which of its kernels.
#include <algorithm>
#include <cstdio>
#include <thread>

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
    {"--batch", "N", "how many samples at a time (1)"},
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
  unsigned threads;
  std::string cpu;
  Profile profile;
};

std::string json_text(const Measured& m) {
  std::vector<Json> launches;
  for (const LaunchTime& launch : m.profile.launches)
    launches.push_back(Json::object({{"kernel", Json::of(m.module.kernels[launch.kernel].name)},
                                     {"layers", Json::of(layers_of(m.module.kernels[launch.kernel]))},
                                     {"seconds", Json::of(launch.seconds)},
                                     {"bytes", Json::of(launch.bytes)}}));
  return Json::object({{"model", Json::of(m.module.name)},
                       {"function", Json::of(m.program.name)},
                       {"batch", Json::of(m.batch)},
                       {"threads", Json::of(static_cast<int64_t>(m.threads))},
                       {"cpu", Json::of(m.cpu)},
                       {"calls", Json::of(m.profile.calls)},
                       {"seconds", Json::of(m.profile.seconds)},
                       {"launches", Json::array(std::move(launches))}})
             .dump() +
         "\n";
}

/// "12.3 us".
std::string time_text(double seconds) {
  char text[32];
  const bool small = seconds < 1e-3;
  std::snprintf(text, sizeof text, "%.1f %s", seconds * (small ? 1e6 : 1e3), small ? "us" : "ms");
  return text;
}

std::string fixed(double number, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

std::string table(const Measured& m) {
  double all = 0;
  for (const LaunchTime& launch : m.profile.launches) all += launch.seconds;
  std::vector<std::vector<std::string>> rows;
  for (const LaunchTime& launch : m.profile.launches) {
    const Kernel& kernel = m.module.kernels[launch.kernel];
    rows.push_back({kernel.name, layers_of(kernel), time_text(launch.seconds),
                    fixed(100 * launch.seconds / all, 1), memory_text(launch.bytes),
                    fixed(static_cast<double>(launch.bytes) / launch.seconds * 1e-9, 1)});
  }
  const int64_t width = std::max<int64_t>(std::min<int64_t>(100, terminal_width() - 4), 60);
  const std::vector<Column> columns = {{"Kernel", width / 4},      {"Layers", width / 5},
                                       {"Time", width / 8, true},  {"%", width / 12, true},
                                       {"Bytes", width / 6, true}, {"GB/s", width / 10, true}};
  return cat(m.program.name, " of \"", m.module.name, "\", batch ", m.batch, ", ", m.threads,
             m.threads == 1 ? " thread, " : " threads, ", m.cpu, ": ", time_text(m.profile.seconds),
             ", the least of ", grouped(m.profile.calls), " calls\n", table_text(columns, rows, width),
             " The kernels by themselves, the least of each: ", time_text(all), "\n");
}

int run(const Arguments& arguments) {
  const std::string wanted = arguments.get("func");
  const Module model =
      is_training_function(wanted) ? read_trainable(arguments).module : read_model(arguments);
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
  const Measured measured{
      *kernels,   program,
      batch,      threads,
      target.cpu, profile(kernels, program, target, threads, inputs_of(program, bindings), seconds)};
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
        "  keratin bench mnist.keras --batch 32 --threads 2 --json\n"
        "  keratin bench mnist.keras --batch 32 --func train_step        forward, backward and the update\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
