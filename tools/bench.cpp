// keratin bench: how long a model takes, and which of its kernels.
#include <algorithm>
#include <cstdio>
#include <thread>

#include "codegen/native.h"
#include "codegen/program_facts.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tools/bench_report.h"
#include "tools/command.h"
#include "tools/memory_limit.h"
#include "tools/model_source.h"
#include "tools/pipeline_options.h"
#include "tools/precision.h"
#include "tools/trainable_source.h"
#include "tools/tune_option.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "MODEL", "a .keras or .h5 file, an unpacked .keras folder, or IR text (.kir)", true},
    {"--batch", "N", "how many samples at a time (1); the code is compiled for that number"},
    {"--free-batch", "", "measure code that takes any number of samples"},
    {"--threads", "K", "how many threads compute (1); 0: one per processor"},
    kExactOption,
    kFastConvOption,
    kTuneOption,
    kTuneCacheOption,
    {"--func", "NAME", "another function than predict: train_step, evaluate_step"},
    kPrecisionOption,
    {"--seconds", "S", "how long to measure (1)"},
    {"--json", "", "print everything as JSON"},
    kMemoryLimitOption,
    {"--loss", "NAME|JSON", "with --func train_step, if the model was not compiled or for another"},
    {"--optimizer", "NAME|JSON", "likewise"},
    {"--metrics", "A,B|JSON", "likewise"},
    {"--shape", "NAME=D1,D2", "the shape of one sample of an input that the model leaves free", false, true},
    kWeightsOption,
    kPluginOption,
};

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
  if (is_training_function(wanted) && precision_of(arguments) != Precision::f32)
    throw Error(ErrorKind::usage, "models are trained in f32", "--precision");
  const Module model = model_for_batch(arguments);
  const std::string name = wanted.empty() ? main_function(model).name : wanted;
  const Target target = host_target();
  auto threads = static_cast<unsigned>(arguments.get_int("threads", 1, 0));
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  const Tuner tuner = tuner_of(arguments, {.threads = threads, .batch = arguments.get_int("batch", 1, 1)});
  PipelineOptions pipeline = pipeline_options(arguments);
  pipeline.workspace_limit = workspace_limit(arguments, model);
  std::vector<LevelKernels> level = compile_levels(model, {target}, pipeline, tuner);
  const std::string memory = memory_report(arguments, model, level);
  const auto kernels = std::make_shared<const KernelModule>(std::move(level[0].kernels));
  const Program& program = find_program(*kernels, name);
  const int64_t only = fixed_batch(program);
  const int64_t batch = arguments.get_int("batch", std::max<int64_t>(only, 1), 1);
  if (only != 0 && batch != only)
    throw Error(ErrorKind::usage, cat("the model takes ", only, " samples at a time"), "--batch");
  const double seconds = arguments.get_real("seconds", 1);
  const Bindings bindings = usual_bindings(*kernels, batch);
  BenchReport measured{*kernels,
                       program,
                       batch,
                       only == 0,
                       threads,
                       target.cpu,
                       profile(kernels, program, target, threads, sample_inputs(program, bindings), seconds),
                       Ceilings(target, threads)};
  const std::string text = arguments.has("json") ? bench_json(measured) : bench_table(measured);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!arguments.has("json")) std::fputs(memory.c_str(), stdout);
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
