#include "codegen/trainer_exports.h"

#include <set>

#include "codegen/c_names.h"
#include "ir/error.h"
#include "ir/text.h"
#include "passes/derive.h"

namespace keratin {
namespace {

/// `predict` and what it uses, as a model of its own, whose weights nothing changes.
Module predict_of(const Module& trained) {
  Module model;
  model.name = trained.name;
  model.functions.push_back(clone(trained.function("predict")));
  std::set<std::string> used;
  for (const auto& node : model.functions[0].nodes)
    if (node->op == Op::var) used.insert(node->as<NameAttrs>().name);
  for (const Update& update : model.functions[0].updates) used.insert(update.variable);
  for (const Variable& variable : trained.variables)
    if (used.contains(variable.name) || variable.role == Role::strings) model.variables.push_back(variable);
  return model;
}

}  // namespace

ExportsSpec make_exports(const Module& trained, const Module& merging, FileTemplate keras,
                         std::string why_not_keras, std::vector<Target> levels,
                         const ExportOptions& options) {
  ExportsSpec exports{.derivation = {},
                      .keras = std::move(keras),
                      .library = {},
                      .why_not_keras = std::move(why_not_keras),
                      .why_not_library = {},
                      .header = {}};
  const TrainerSpec trainer = trainer_spec(trained, {}, {});
  const std::set<std::string> given(trainer.variables.begin(), trainer.variables.end());

  const Module model = predict_of(trained);
  const UnpreparedLevels compiled = compile_unprepared(model, levels, options.pipeline, options.tuner);
  ArtefactOptions artefact{
      .name = options.name, .emit = options.emit, .selftest = make_selftest_inputs(model, "predict")};
  exports.selftest_n = static_cast<uint64_t>(artefact.selftest.n);
  std::set<std::string> open = given;
  for (const Function& function : compiled.preparation.functions)
    for (const Update& update : function.updates) open.insert(update.variable);
  try {
    ArtefactTemplate library = artefact_template(compiled.levels, artefact, open);
    exports.library = std::move(library.file);
    exports.header = std::move(library.header);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    exports.why_not_library = error.what();
  }

  const Module* const sources[] = {&compiled.preparation, &merging};
  Module derivation = derive(sources, given);
  derivation.name = trained.name;
  exports.derivation = compile_levels(derivation, std::move(levels), {.convolutions = Convolutions::exact});
  return exports;
}

}  // namespace keratin
