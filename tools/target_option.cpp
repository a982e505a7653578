#include "tools/target_option.h"

#include "ir/error.h"

namespace keratin {
namespace {

struct Processors {
  std::string cpu, triple;
};

Processors processors(const Arguments& arguments) {
  const std::string triple = arguments.get("target");
  const std::string_view usual = triple.empty()                 ? "native"
                                 : triple.starts_with("x86_64") ? "x86-64"
                                                                : "generic";
  return {arguments.get("cpu", usual), triple};
}

}  // namespace

Target target_of(const Arguments& arguments) {
  const auto [cpu, triple] = processors(arguments);
  if (cpu.find(',') != std::string::npos)
    throw Error(ErrorKind::usage, "only `keratin compile` takes several processors", "--cpu " + cpu,
                "name one");
  return make_target(cpu, triple);
}

std::vector<Target> levels_of(const Arguments& arguments) {
  const auto [cpu, triple] = processors(arguments);
  return make_levels(cpu, triple);
}

}  // namespace keratin
