// keratin summary: the layers of a Keras model, as Keras's own summary shows them.
#include "frontend/summary.h"

#include <cstdio>

#include "frontend/load.h"
#include "frontend/model.h"
#include "frontend/model_file.h"
#include "ir/error.h"
#include "ir/text.h"
#include "tools/command.h"
#include "tools/model_source.h"
#include "tools/training_summary.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "MODEL", "a .keras or .h5 file, or an unpacked .keras folder", true},
    {"--shape", "NAME=D1,D2", "the shape of one sample of an input that the model leaves free", false, true},
    kPluginOption,
    {"--training", "", "what training takes, too: slots of the optimizer, memory of a step"},
    {"--loss", "NAME|JSON", "with --training, if the model was not compiled or for another"},
    {"--optimizer", "NAME|JSON", "likewise"},
    {"--metrics", "A,B|JSON", "likewise"},
};

int run(const Arguments& arguments) {
  const std::string path = arguments.get("MODEL");
  if (path.ends_with(".kir"))
    throw Error(ErrorKind::usage, "IR text has no layers", path, cat("`keratin dump ", path, "` prints it"));
  ModelFile file = ModelFile::open(path);
  Model model = open_model(file, shape_overrides(arguments));
  model.trace_predict();

  Amount optimizer;
  for (const Tensor& variable : file.take_optimizer_state()) optimizer.add(variable.type());
  std::string text = model_summary(model, optimizer);
  if (arguments.has("training")) text += training_summary(arguments);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

constinit const Command kSummaryCommand{
    .name = "summary",
    .summary = "Prints the layers of a model, as Keras shows them.",
    .examples =
        "  keratin summary mnist.keras\n"
        "  keratin summary mnist.keras --training            what training it takes\n"
        "  keratin summary text.keras --shape tokens=128     a model whose input length is free\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
