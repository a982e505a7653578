// keratin dump: what a model becomes on its way to machine code.
#include <cstdio>
#include <optional>

#include "codegen/emit.h"
#include "codegen/native.h"
#include "codegen/program_facts.h"
#include "frontend/file.h"
#include "ir/error.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "passes/pass.h"
#include "passes/pipeline.h"
#include "passes/slices.h"
#include "tools/dot.h"
#include "tools/memory_limit.h"
#include "tools/model_source.h"
#include "tools/pipeline_options.h"
#include "tools/precision.h"
#include "tools/target_option.h"
#include "tools/trainable_source.h"
#include "tools/tune_option.h"
#include "tools/why.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "MODEL", "a Keras file or folder, or IR text (.kir)", true},
    {"--stage", "STAGE", "graph (the default), loops, llvm or asm"},
    {"--after", "PASS", "the graph after this pass; otherwise as it is read"},
    {"--why", "",
     "what kernels hand on in memory instead of being one, and other\ndecisions, with their reasons"},
    {"--func", "NAME", "only this function"},
    {"--dot", "", "the graph for Graphviz"},
    {"-o,--output", "FILE",
     "write to FILE instead of standard output; a graph's arrays go\nto FILE.safetensors"},
    {"--shape", "NAME=D1,D2", "the shape of one sample of an input that the model leaves free", false, true},
    kWeightsOption,
    kPluginOption,
    {"--batch", "N", "how many samples a call takes; otherwise any number, N"},
    kExactOption,
    kFastConvOption,
    kTuneOption,
    kTuneCacheOption,
    kTuneThreadsOption,
    {"--cpu", "CPU", "native (the default), x86-64, x86-64-v2, x86-64-v3, x86-64-v4, …"},
    {"--target", "TRIPLE", "another machine, as LLVM names it"},
    kPrecisionOption,
    {"--check-bounds", "", "with a check of every memory access"},
    kMemoryLimitOption,
    {"--loss", "NAME|JSON", "with --func train_step, if the model was not compiled or for another"},
    {"--optimizer", "NAME|JSON", "likewise"},
    {"--metrics", "A,B|JSON", "likewise"},
};

/// `module` as it is after the pass `name`.
Module after_pass(const Module& module, const std::string& name, PipelineOptions options) {
  find_pass(name);
  std::optional<Module> found;
  options.after = [&](std::string_view pass, const Module& current) {
    if (pass == name) found = clone(current);
  };
  optimize(cut_batches(module, options.batch).module, options);
  if (!found)
    throw Error(ErrorKind::usage, cat("with these options the pass ", name, " does not run"), "--after",
                name == "fast_conv" ? "give --fast-conv"
                : name == "bf16"    ? "give --precision bf16"
                                    : "leave out --exact and --precision");
  return std::move(*found);
}

/// The functions that `--func` selects; all without it.
std::vector<const Function*> selected(const Module& module, const Arguments& arguments) {
  if (arguments.has("func")) return {&module.function(arguments.get("func"))};
  std::vector<const Function*> all;
  for (const Function& function : module.functions) all.push_back(&function);
  return all;
}

std::string graph_text(const Module& module, const Arguments& arguments) {
  std::string text;
  if (!arguments.has("dot") && !arguments.has("func")) return print(module);
  for (const Function* function : selected(module, arguments))
    text += arguments.has("dot") ? dot_text(*function) : print(*function);
  return text;
}

std::string code_text(const std::string& stage, const Module& module, const Arguments& arguments) {
  const Target target = target_of(arguments);
  PipelineOptions pipeline = pipeline_options(arguments);
  pipeline.workspace_limit = workspace_limit(arguments, module);
  std::vector<LevelKernels> level = compile_levels(module, {target}, pipeline, tuner_of(arguments));
  memory_report(arguments, module, level);  // throws if it could not be kept
  KernelModule kernels = std::move(level[0].kernels);
  if (arguments.has("func")) kernels = extract_program(kernels, find_program(kernels, arguments.get("func")));
  EmitOptions options;
  options.check_bounds = arguments.has("check-bounds");
  if (stage == "loops") return print(kernels);
  return stage == "llvm" ? llvm_text(kernels, target, options) : assembly_text(kernels, target, options);
}

std::string reasons(const Module& module, const Arguments& arguments) {
  Decisions decisions;
  PipelineOptions options = pipeline_options(arguments);
  options.decisions = &decisions;
  KernelModule kernels =
      compile_kernels(module, target_of(arguments), options, tuner_of(arguments, &decisions));
  if (arguments.has("func")) kernels = extract_program(kernels, find_program(kernels, arguments.get("func")));
  return why_text(kernels, decisions);
}

int run(const Arguments& arguments) {
  const std::string stage = arguments.get("stage", "graph");
  if (stage != "graph" && stage != "loops" && stage != "llvm" && stage != "asm")
    throw Error(ErrorKind::usage, cat("'", stage, "' is no stage"), "--stage",
                "stages are graph, loops, llvm, asm");
  if (stage != "graph" && (arguments.has("dot") || arguments.has("after")))
    throw Error(ErrorKind::usage, "--dot and --after are for graphs", cat("--stage ", stage));
  if (stage == "graph" && !arguments.has("why") && arguments.has("tune"))
    throw Error(ErrorKind::usage, "a graph is the same however it is lowered", "--tune",
                "--stage loops, or --why for what was found");
  if (stage == "graph" && !arguments.has("why") && arguments.has("memory-limit"))
    throw Error(ErrorKind::usage, "a graph is the same however much is kept of it", "--memory-limit",
                "--stage loops shows what is launched again");
  for (const char* other : {"stage", "after", "dot", "check-bounds", "memory-limit"})
    if (arguments.has("why") && arguments.has(other))
      throw Error(ErrorKind::usage, cat("--why is about the whole compilation, without --", other));

  Module module = is_training_function(arguments.get("func")) && !arguments.get("MODEL").ends_with(".kir")
                      ? read_trainable(arguments).module
                      : read_model(arguments);
  if (arguments.has("after"))
    module = after_pass(module, arguments.get("after"), pipeline_options(arguments));
  const std::string output = arguments.get("output");
  const bool is_module = stage == "graph" && !arguments.has("dot") && !arguments.has("func");
  if (is_module && !arguments.has("why") && !output.empty()) {
    write_model(module, output);
    return 0;
  }
  const std::string text = arguments.has("why") ? reasons(module, arguments)
                           : stage == "graph"   ? graph_text(module, arguments)
                                                : code_text(stage, module, arguments);
  if (output.empty())
    std::fwrite(text.data(), 1, text.size(), stdout);
  else
    write_file(output, text);
  return 0;
}

}  // namespace

constinit const Command kDumpCommand{
    .name = "dump",
    .summary = "Prints a model at any stage of its compilation.",
    .examples =
        "  keratin dump mnist.keras                       the graph as read\n"
        "  keratin dump mnist.keras --after fuse          the graph as it is handed to code generation\n"
        "  keratin dump mnist.keras --stage loops         the kernels\n"
        "  keratin dump mnist.keras --func train_step     how it is trained\n"
        "  keratin dump mnist.keras --why                 why it is more than one kernel\n"
        "  keratin dump mnist.keras --stage asm --cpu x86-64-v3\n"
        "  keratin dump mnist.keras -o mnist.kir          IR text and mnist.kir.safetensors, to run or change\n"
        "  keratin dump mnist.keras --dot | dot -Tsvg > mnist.svg\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
