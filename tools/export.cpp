// keratin export: a model's .keras file with the weights that a trainer has saved.
#include "frontend/file.h"
#include "frontend/keras_writer.h"
#include "tools/command.h"
#include "tools/model_source.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "MODEL", "the .keras file, or an unpacked .keras folder, that the trainer was\nmade of", true},
    {"--weights", "FILE",
     "a .safetensors file, such as a trainer writes, with all weights of the\nmodel by their names in Keras",
     true},
    {"-o,--output", "FILE", "the .keras file to write", true},
    {"--shape", "NAME=D1,D2",
     "the shape of one sample of an input that the model leaves free;\nmay be repeated", false, true},
    kPluginOption,
};

int run(const Arguments& arguments) {
  const std::string weights = arguments.get("weights");
  write_file(arguments.get("output"),
             export_keras(arguments.get("MODEL"), parse_safetensors(read_file(weights), weights), weights,
                          shape_overrides(arguments)));
  return 0;
}

}  // namespace

constinit const Command kExportCommand{
    .name = "export",
    .summary = "Writes a .keras file with weights that a trainer has saved.",
    .examples =
        "  keratin compile mnist.keras --trainer -o mnist-trainer\n"
        "  ./mnist-trainer fit --data mnist.npz --save w.safetensors\n"
        "  keratin export mnist.keras --weights w.safetensors -o trained.keras    for keras.models.load_model\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
