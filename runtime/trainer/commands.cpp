#include "runtime/trainer/commands.h"

#include <cstdio>

#include "runtime/trainer/file.h"
#include "runtime/trainer/weights.h"

namespace keratin::trainer {

void start_weights(Trainable& model, const Arguments& arguments) {
  if (arguments.has("weights")) load_weights(model, arguments.get("weights"));
}

void check_creatable(const Arguments& arguments, std::string_view option) {
  if (arguments.has(option)) StagedFile(arguments.get(option));
}

void print_out(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace keratin::trainer
