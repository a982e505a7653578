// What a trainer, or a library that trains, says of itself: which programs do what, and where the variables are.
#include "codegen/emit_trainer_data.h"
#include "ir/error.h"

namespace keratin {

llvm::Constant* TrainerData::trainer() {
  Constants programs;
  const Symbols symbols = this->symbols();
  for (const Program& each : first_.source.programs)
    programs.push_back(
        program(each, descriptions(each, each.inputs), descriptions(each, each.outputs), symbols));
  Constants names, classes, directions, rates;
  if (const uint32_t place = place_of("metrics"); place != KRT_NO_PROGRAM) {
    const Program& metrics = first_.source.programs[place];
    for (const uint32_t output : metrics.outputs) names.push_back(text(metrics.buffers[output].name));
  }
  for (const int64_t count : trainer_.classes) classes.push_back(number64(static_cast<uint64_t>(count)));
  for (const int direction : trainer_.directions)
    directions.push_back(number(static_cast<uint32_t>(direction)));
  for (const uint32_t variable : trainer_.learning_rates) rates.push_back(number(variable));
  const auto count = [this](size_t size) { return number(static_cast<uint32_t>(size)); };
  model_ = model(programs);
  return record({number(KRT_ABI_VERSION),
                 count(trainer_.variables.size()),
                 count(classes.size()),
                 count(names.size()),
                 model_,
                 array(variables(), "variables"),
                 array(classes, "classes"),
                 array(names, "metrics"),
                 array(directions, "directions"),
                 array(rates, "learning_rates"),
                 number(place_of("predict")),
                 number(place_of("train_step")),
                 number(place_of("evaluate_step")),
                 number(place_of("metrics")),
                 number(place_of("reset_metrics")),
                 number(place_of("initialize")),
                 number(place_of("finish_training")),
                 number(place_of("swap_averages")),
                 number(place_of("learning_rates")),
                 number(place_of("check_numerics")),
                 number(place_of("train_step.ranks")),
                 number(place_of("evaluate_step.ranks")),
                 exports()},
                sizeof(krt_trainer));
}

uint32_t TrainerData::place_of(std::string_view name) const {
  const auto& programs = first_.source.programs;
  for (size_t i = 0; i < programs.size(); ++i)
    if (programs[i].name == name) return static_cast<uint32_t>(i);
  return KRT_NO_PROGRAM;
}

llvm::Constant* TrainerData::exports() {
  if (!trainer_.exports) return null();
  auto* exports =
      new llvm::GlobalVariable(module_, builder_.getInt8Ty(), true, llvm::GlobalValue::ExternalLinkage,
                               nullptr, "keratin_trainer_exports");
  exports->setDSOLocal(true);
  return exports;
}

/// krt_variable, each.
ModelData::Constants TrainerData::variables() {
  Constants list;
  for (size_t i = 0; i < trainer_.variables.size(); ++i) {
    const auto& all = first_.source.variables;
    const auto found = std::find_if(all.begin(), all.end(), [&](const Variable& variable) {
      return variable.name == trainer_.variables[i];
    });
    KERATIN_CHECK(found != all.end(), cat("no program uses ", trainer_.variables[i]));
    const Placement::Slot& slot = first_.placement.slots[static_cast<size_t>(found - all.begin())];
    KERATIN_CHECK(slot.in_state && found->type.layout.is_row_major(), cat(found->name, " cannot be written"));
    list.push_back(
        record({description(found->name, found->type.dtype, found->type.shape),
                number64(static_cast<uint64_t>(slot.offset)),
                number(static_cast<uint32_t>(trainer_.roles[i])), number(is_trained(found->name) ? 1 : 0)},
               sizeof(krt_variable)));
  }
  return list;
}

namespace {

class TrainerEmitter : TrainerData {
 public:
  using TrainerData::TrainerData;

  void emit() {
    llvm::Constant* value = trainer();
    auto* exported = new llvm::GlobalVariable(
        module_, value->getType(), true, llvm::GlobalValue::ExternalLinkage, value, "keratin_trainer_model");
    exported->setDSOLocal(true);
  }
};

}  // namespace

void emit_trainer(std::span<const Emission> levels, const EntrySpec& entry, const TrainerSpec& trainer) {
  TrainerEmitter(levels, entry, trainer).emit();
}

}  // namespace keratin
