#include "frontend/keras/engine.h"

#include <utility>

#include "codegen/artefact.h"
#include "codegen/jit.h"
#include "codegen/native.h"
#include "runtime/trainer/compiled.h"

namespace keratin::keras {
namespace {

/// The code must outlive what runs it.
struct InProcess {
  InProcess(const Module& module, std::vector<int64_t> classes, std::vector<int> directions,
            const Target& target, unsigned threads)
      : code({target, compile_kernels(module, target)}, {},
             trainer_spec(module, std::move(classes), std::move(directions))),
        trainable(trainer::make_compiled(code.trainer(), threads)) {}

  LoadedTrainer code;
  std::unique_ptr<trainer::Trainable> trainable;
};

}  // namespace

std::shared_ptr<trainer::Trainable> compile_trainable(const Module& module, std::vector<int64_t> classes,
                                                      std::vector<int> directions, unsigned threads) {
  const auto made =
      std::make_shared<InProcess>(module, std::move(classes), std::move(directions), host_target(), threads);
  return {made, made->trainable.get()};
}

void write_library(const Module& module, const std::string& path, const std::string& name,
                   const std::string& cpu) {
  ArtefactOptions options;
  options.name = name;
  options.selftest = make_selftest(module, "predict");
  write_artefact(compile_levels(module, make_levels(cpu), {.slices = true}), options, path);
}

}  // namespace keratin::keras
