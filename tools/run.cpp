// keratin run: a model on arrays from a file.
#include "codegen/emit.h"
#include "codegen/native.h"
#include "frontend/npy.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tools/arrays.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/pipeline_options.h"
#include "tools/precision.h"
#include "tools/runnable.h"
#include "tools/target_option.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "MODEL", "a Keras file or folder, IR text (.kir), or a compiled model (.so)", true},
    {"--input", "FILE",
     "an .npz file whose arrays bear the inputs' names, in any order;\n"
     "a single input may be called x; strings are read by inputs made of them",
     true},
    {"--output", "FILE", "an .npz file to write, with the outputs' names"},
    {"--expect", "FILE", "an .npz file to compare the outputs with: the exit status is 65\nif one differs"},
    {"--atol", "NUMBER", "absolute tolerance of --expect (1e-5)"},
    {"--rtol", "NUMBER", "relative tolerance of --expect (1e-4)"},
    {"--threads", "K", "how many threads compute (1); 0: one per processor"},
    {"--shape", "NAME=D1,D2", "the shape of one sample of an input that the model leaves free", false, true},
    kWeightsOption,
    kPluginOption,
    kPrecisionOption,
    kExactOption,
    kFastConvOption,
    {"--interpret", "", "run the graph in the reference interpreter"},
    {"--interpret-kernels", "", "run the kernels in their interpreter"},
};

Runnable open(const Arguments& arguments) {
  const std::string path = arguments.get("MODEL");
  const auto threads = static_cast<unsigned>(arguments.get_int("threads", 1, 0));
  const bool graph = arguments.has("interpret"), kernels = arguments.has("interpret-kernels");
  if (graph && kernels)
    throw Error(ErrorKind::usage, "--interpret and --interpret-kernels exclude each other");
  if (path.ends_with(".so")) {
    if (graph || kernels || arguments.has("shape") || arguments.has("precision") || arguments.has("exact") ||
        arguments.has("fast-conv") || arguments.has("weights"))
      throw Error(ErrorKind::usage, "a compiled model can only be run as it is", path);
    return open_library(path, threads);
  }
  const Module model = read_model(arguments);
  const Function& function = main_function(model);
  const Precision precision = precision_of(arguments);
  if (graph)
    return make_runnable(model, function, make_interpreter()->compile(in_precision(model, precision)));
  const Target target = host_target();
  const auto module =
      std::make_shared<const KernelModule>(compile_kernels(model, target, pipeline_options(arguments)));
  return make_runnable(model, function,
                       kernels ? interpret_kernels(module) : jit_kernels(module, target, {}, threads));
}

int run(const Arguments& arguments) {
  if (!arguments.has("output") && !arguments.has("expect"))
    throw Error(ErrorKind::usage, "there is neither --output nor --expect", "keratin run");
  const Tolerance tolerance{arguments.get_real("atol", 1e-5), arguments.get_real("rtol", 1e-4)};
  const Runnable model = open(arguments);
  const std::string input = arguments.get("input");
  std::vector<Tensor> results =
      model.call(match_inputs(model.inputs, read_npz(input, strings_of(model.inputs)), input));
  NamedTensors outputs;
  for (size_t i = 0; i < results.size(); ++i) outputs.emplace(model.outputs[i].name, std::move(results[i]));
  if (arguments.has("output")) write_npz(arguments.get("output"), outputs);
  if (arguments.has("expect")) {
    const std::string path = arguments.get("expect");
    compare(outputs, read_npz(path), tolerance, path);
  }
  return 0;
}

}  // namespace

constinit const Command kRunCommand{
    .name = "run",
    .summary = "Runs a model on the arrays of an .npz file.",
    .examples =
        "  keratin run mnist.keras --input x.npz --output y.npz                compiled in memory\n"
        "  keratin run mnist.so --input x.npz --output y.npz --threads 4       compiled before\n"
        "  keratin run mnist.keras --input x.npz --expect keras.npz            compare with stored results\n"
        "  keratin run mnist.keras --input x.npz --output y.npz --interpret    the reference interpreter\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
