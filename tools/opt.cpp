// keratin opt: passes on IR text, one by one.
#include <cstdio>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/text_format.h"
#include "passes/pass.h"
#include "tools/command.h"
#include "tools/model_source.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"MODEL", "IN.kir", "IR text, or a Keras file"},
    {"--passes", "A,B", "the passes to run, in this order"},
    {"--list", "", "print all passes, in the order of compilation, and end"},
    {"-o,--output", "FILE", "write to FILE instead of standard output; arrays go to FILE.safetensors"},
};

int list() {
  for (const Pass& pass : all_passes())
    std::printf("%-14.*s%.*s\n", static_cast<int>(pass.name.size()), pass.name.data(),
                static_cast<int>(pass.doc.size()), pass.doc.data());
  return 0;
}

int run(const Arguments& arguments) {
  if (arguments.has("list")) return list();
  if (!arguments.has("MODEL") || !arguments.has("passes"))
    throw Error(ErrorKind::usage, "IN.kir and --passes are needed", "keratin opt",
                "`keratin opt --list` prints all passes");
  std::vector<const Pass*> passes;
  std::string names = arguments.get("passes");
  for (size_t at = 0; at <= names.size();) {
    const size_t end = std::min(names.find(',', at), names.size());
    passes.push_back(&find_pass(std::string_view(names).substr(at, end - at)));
    at = end + 1;
  }
  Module module = read_model(arguments);
  for (const Pass* pass : passes) module = run_pass(*pass, module);
  if (arguments.has("output")) {
    write_model(module, arguments.get("output"));
    return 0;
  }
  const std::string text = print(module);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

constinit const Command kOptCommand{
    .name = "opt",
    .summary = "Runs passes on IR text and prints what they make of it.",
    .examples =
        "  keratin opt model.kir --passes simplify          one pass\n"
        "  keratin opt model.kir --passes simplify,fuse     two of them, in this order\n"
        "  keratin opt --list                               all passes\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
