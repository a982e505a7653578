// keratin compile: a model file to a shared object, relocatable object or archive, with a C header.
#include <cstdio>
#include <filesystem>

#include "codegen/artefact.h"
#include "codegen/native.h"
#include "codegen/trainer_exports.h"
#include "codegen/training_library.h"
#include "frontend/npy.h"
#include "frontend/training/numeric_checks.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tools/arrays.h"
#include "tools/command.h"
#include "tools/memory_limit.h"
#include "tools/model_source.h"
#include "tools/pipeline_options.h"
#include "tools/precision.h"
#include "tools/runnable.h"
#include "tools/target_option.h"
#include "tools/trainable_source.h"
#include "tools/tune_option.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "MODEL", "a .keras or .h5 file, an unpacked .keras folder, a model's .json, or\nIR text (.kir)",
     true},
    {"-o,--output", "FILE",
     "what to write: a shared object (.so), a relocatable object (.o)\n"
     "or an archive (.a); the header goes beside it",
     true},
    kWeightsOption,
    {"--trainer", "", "write an executable that trains the model: fit, evaluate, predict"},
    {"--distributed", "", "of the trainer: it also trains as one of many MPI processes"},
    {"--bn-local", "",
     "with --distributed: each process normalizes its samples by their own\nstatistics, as Keras does on several devices"},
    {"--training", "",
     "write a library that trains the model, for programs in C: its steps, its\nvariables, and files of them"},
    {"--loss", "NAME|JSON", "of the trainer, if the model was not compiled or for another"},
    {"--optimizer", "NAME|JSON", "likewise; starts afresh"},
    {"--metrics", "A,B|JSON", "likewise"},
    {"--sample-weight-mode", "MODE|JSON",
     "temporal: sample weights are for steps; samplewise: for samples;\neach output then has its own"},
    kMemoryLimitOption,
    {"--check-numerics", "", "the trainer can say which layer NaN came from: `fit --check-numerics`"},
    {"--name", "NAME", "first part of all names in C; otherwise the file's name"},
    {"--shape", "NAME=D1,D2",
     "the shape of one sample of an input that the model leaves free;\nmay be repeated", false, true},
    kPluginOption,
    {"--batch", "N", "how many samples a call takes; otherwise any number"},
    kExactOption,
    kFastConvOption,
    kTuneOption,
    kTuneCacheOption,
    kTuneThreadsOption,
    {"--cpu", "CPU",
     "native (the default), x86-64, x86-64-v2, x86-64-v3, x86-64-v4,\nor a processor that LLVM knows; several, with commas between:\n"
     "a call uses the best that the processor has"},
    {"--target", "TRIPLE", "another machine, as LLVM names it"},
    kPrecisionOption,
    {"--samples", "FILE", "an .npz file of inputs to measure the error of bf16 with"},
    {"--check-bounds", "", "check every memory access of the compiled code"},
    {"--debug-info", "", "line tables that lead from machine code to kernels and layers"},
};

EmitOptions emit_options(const Arguments& arguments) {
  EmitOptions options;
  options.check_bounds = arguments.has("check-bounds");
  options.debug_info = arguments.has("debug-info");
  return options;
}

/// What became of a list of processors.
void print_levels(std::span<const Target> levels) {
  if (levels.size() == 1) return;
  std::vector<std::string> names;
  for (const Target& level : levels) names.push_back(level_name(level));
  std::puts(cat("levels: ", join(names, ", ")).c_str());
}

int compile_trainer(const Arguments& arguments) {
  const std::vector<Target> levels = levels_of(arguments);
  ExportableModule model = read_exportable(arguments);
  Module& module = model.trained.module;
  if (arguments.has("check-numerics"))
    module.functions.push_back(numeric_checks(module.function("train_step")));
  std::vector<int64_t> classes;
  for (const TrainingTarget& output : model.trained.signature.targets) classes.push_back(output.classes);
  const PipelineOptions pipeline = pipeline_options(arguments);
  if (pipeline.distributed && module.function("train_step").params[0]->type().is_static())
    throw Error(ErrorKind::unsupported, "the model takes a fixed number of samples, which ranks cannot share",
                arguments.get("MODEL"));
  const Tuner tuner = tuner_of(arguments);
  const std::string name =
      arguments.get("name", std::filesystem::path(arguments.get("MODEL")).stem().string());
  PipelineOptions of_library = pipeline, of_steps = pipeline;
  of_library.distributed = false;
  of_steps.workspace_limit = workspace_limit(arguments, module);
  if (arguments.has("bn-local"))
    of_steps.own_layers.insert(model.trained.signature.batch_statistics.begin(),
                               model.trained.signature.batch_statistics.end());
  const ExportsSpec exports =
      make_exports(module, model.merging, std::move(model.keras), std::move(model.why_not_keras), levels,
                   {.name = name, .emit = emit_options(arguments), .pipeline = of_library, .tuner = tuner});
  const std::vector<LevelKernels> kernels = compile_levels(module, levels, of_steps, tuner);
  const std::string memory = memory_report(arguments, module, kernels);
  write_trainer(kernels, emit_options(arguments),
                trainer_spec(module, std::move(classes), directions_of(model.trained.signature)), exports,
                arguments.get("output"));
  print_levels(levels);
  std::fputs(memory.c_str(), stdout);
  return 0;
}

int compile_training(const Arguments& arguments) {
  const std::vector<Target> levels = levels_of(arguments);
  const TrainableModule model = read_trainable(arguments);
  std::vector<int64_t> classes;
  for (const TrainingTarget& output : model.signature.targets) classes.push_back(output.classes);
  TrainingSpec training{trainer_spec(model.module, std::move(classes), directions_of(model.signature)), {}};
  training.trained.insert(model.signature.trained.begin(), model.signature.trained.end());
  ArtefactOptions options;
  options.name = arguments.get("name");
  options.emit = emit_options(arguments);
  options.selftest = make_selftest(model.module, "predict");
  PipelineOptions pipeline = pipeline_options(arguments);
  pipeline.workspace_limit = workspace_limit(arguments, model.module);
  const std::vector<LevelKernels> kernels =
      compile_levels(model.module, levels, pipeline, tuner_of(arguments));
  const std::string memory = memory_report(arguments, model.module, kernels);
  write_training_library(kernels, options, training, arguments.get("output"));
  print_levels(levels);
  std::fputs(memory.c_str(), stdout);
  return 0;
}

/// The inputs of --samples, or `otherwise`.
std::vector<Tensor> samples(const Arguments& arguments, const Module& model, const Function& function,
                            const std::vector<Tensor>& otherwise) {
  if (!arguments.has("samples")) return otherwise;
  const std::string path = arguments.get("samples");
  const std::vector<Port> inputs = make_runnable(model, function, nullptr).inputs;
  return match_inputs(inputs, read_npz(path, strings_of(inputs)), path);
}

int run(const Arguments& arguments) {
  if ((arguments.has("trainer") || arguments.has("training")) && arguments.has("weights") &&
      keras_weights(arguments).empty())
    throw Error(ErrorKind::usage, "weights that a trainer wrote are given to it when it runs", "--weights");
  const bool trains = arguments.has("trainer") || arguments.has("training");
  if (arguments.has("trainer") && arguments.has("training"))
    throw Error(ErrorKind::usage, "--trainer and --training exclude each other");
  const Precision precision = precision_of(arguments);
  if (trains && precision != Precision::f32)
    throw Error(ErrorKind::usage, "models are trained in f32", "--precision");
  if (arguments.has("samples") && precision != Precision::bf16)
    throw Error(ErrorKind::usage, "there is no error to measure", "--samples", "--precision bf16");
  if (arguments.has("bn-local") && !arguments.has("distributed"))
    throw Error(ErrorKind::usage, "is for --distributed", "--bn-local");
  if (arguments.has("trainer")) return compile_trainer(arguments);
  for (const char* option : {"distributed", "bn-local", "check-numerics"})
    if (arguments.has(option)) throw Error(ErrorKind::usage, cat("--", option, " is for --trainer"));
  if (arguments.has("training")) return compile_training(arguments);
  for (const char* option : {"loss", "optimizer", "metrics", "sample-weight-mode", "memory-limit"})
    if (arguments.has(option))
      throw Error(ErrorKind::usage, cat("--", option, " is for --trainer and --training"));
  const std::vector<Target> levels = levels_of(arguments);
  const Module model = read_model(arguments);
  ArtefactOptions options;
  options.name = arguments.get("name");
  options.emit = emit_options(arguments);
  const std::vector<LevelKernels> kernels =
      compile_levels(model, levels, pipeline_options(arguments), tuner_of(arguments));
  const Function& function = main_function(model);
  options.selftest = make_selftest(in_precision(model, precision), function.name);
  std::string error;
  if (precision == Precision::bf16)
    error = bf16_error(model, function, samples(arguments, model, function, options.selftest.inputs));
  write_artefact(kernels, options, arguments.get("output"));
  print_levels(levels);
  std::fputs(error.c_str(), stdout);
  return 0;
}

}  // namespace

constinit const Command kCompileCommand{
    .name = "compile",
    .summary = "Compiles a model to native code with a C header.",
    .examples =
        "  keratin compile mnist.keras -o mnist.so                    mnist.so and mnist.h, for this "
        "machine\n"
        "  keratin compile mnist.keras -o mnist.so --cpu x86-64-v3    for any machine with AVX2\n"
        "  keratin compile mnist.keras -o mnist.so --cpu x86-64-v2,x86-64-v4   for old machines and new ones\n"
        "  keratin compile mnist.keras -o mnist.o --name digits       to link; functions digits_predict, …\n"
        "  keratin compile mnist.keras --trainer -o mnist-trainer     a program that trains it\n"
        "  keratin compile mnist.keras --training -o mnist.so         a library whose functions train it\n"
        "  keratin compile mnist.keras --weights w.safetensors -o mnist.so   with what it learned\n"
        "  keratin compile text.keras -o text.so --shape tokens=128   a model whose input length is free\n"
        "  keratin compile mnist.keras -o mnist.so --tune             loops cut as is fastest on this machine\n"
        "  keratin compile mnist.keras -o mnist.so --batch 32         for 32 samples at a time, no other number\n"
        "  keratin compile mnist.keras -o mnist.so --precision bf16   half the weights' bytes, and faster; prints the error\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
