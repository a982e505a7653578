// keratin compile: a model file to a shared object, relocatable object or archive, with a C header.
#include "codegen/artefact.h"
#include "codegen/native.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/runnable.h"
#include "tools/target_option.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "MODEL", "a .keras or .h5 file, an unpacked .keras folder, or IR text (.kir)", true},
    {"-o,--output", "FILE",
     "what to write: a shared object (.so), a relocatable object (.o)\n"
     "or an archive (.a); the header goes beside it",
     true},
    {"--name", "NAME", "first part of all names in C; otherwise the file's name"},
    {"--shape", "NAME=D1,D2",
     "the shape of one sample of an input that the model leaves free;\nmay be repeated", false, true},
    {"--cpu", "CPU",
     "native (the default), x86-64, x86-64-v2, x86-64-v3, x86-64-v4,\nor a processor that LLVM knows"},
    {"--target", "TRIPLE", "another machine, as LLVM names it"},
    {"--check-bounds", "", "check every memory access of the compiled code"},
    {"--debug-info", "", "line tables that lead from machine code to kernels and layers"},
};

int run(const Arguments& arguments) {
  const Target target = target_of(arguments);
  const Module model = read_model(arguments);
  ArtefactOptions options;
  options.name = arguments.get("name");
  options.emit.check_bounds = arguments.has("check-bounds");
  options.emit.debug_info = arguments.has("debug-info");
  const KernelModule kernels = compile_kernels(model, target);
  options.selftest = make_selftest(model, main_function(model).name);
  write_artefact(kernels, target, options, arguments.get("output"));
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
        "  keratin compile mnist.keras -o mnist.o --name digits       to link; functions digits_predict, …\n"
        "  keratin compile text.keras -o text.so --shape tokens=128   a model whose input length is free\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
