#include "tools/kernels.h"

#include "codegen/lower.h"
#include "ir/executor.h"
#include "passes/pipeline.h"

namespace keratin {

Target target_of(const Arguments& arguments) {
  const std::string triple = arguments.get("target");
  const std::string_view usual = triple.empty()                 ? "native"
                                 : triple.starts_with("x86_64") ? "x86-64"
                                                                : "generic";
  return make_target(arguments.get("cpu", usual), triple);
}

KernelModule compile_kernels(const Module& module, const Target& target) {
  // The interpreter computes the prepared variables, so that a model is the same whatever machine compiles it.
  const auto interpreter = make_interpreter();
  return lower(bake(optimize(module), *interpreter), target);
}

}  // namespace keratin
