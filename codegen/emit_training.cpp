// The exported functions of a library that trains, each a thunk around a function of runtime/training.h.
#include "codegen/emit_training.h"

#include <algorithm>
#include <numeric>

#include "codegen/c_names.h"
#include "codegen/emit_trainer_data.h"
#include "ir/error.h"
#include "ir/safetensors.h"
#include "runtime/training.h"

namespace keratin {
namespace {

class TrainingEmitter : TrainerData {
 public:
  TrainingEmitter(std::span<const Emission> levels, const EntrySpec& entry, const TrainingSpec& training)
      : TrainerData(levels, entry, training.trainer, training.trained) {}

  void emit() {
    llvm::Constant* own = constant_global(trainer(), "trainer");
    training_ = constant_global(training(own), "training");
    KERATIN_CHECK(place_of("predict") == 0, "the self-test runs the first program");
    predict_entry();
    for (const char* step : {"train_step", "evaluate_step"}) step_entry(step);
    program_entries();
    variable_entries(own);
    file_entries();
    common_entries();
  }

 private:
  /// A krt_training. The header of saved states is that of the arrays, sorted by name.
  llvm::Constant* training(llvm::Constant* trainer) {
    TensorStore arrays;
    std::vector<uint32_t> order(trainer_.variables.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return trainer_.variables[a] < trainer_.variables[b]; });
    for (const Variable& variable : first_.source.variables) {
      if (std::find(trainer_.variables.begin(), trainer_.variables.end(), variable.name) ==
          trainer_.variables.end())
        continue;
      std::vector<int64_t> shape;
      for (const Dim extent : variable.type.shape) shape.push_back(extent.value());
      arrays.emplace(variable.name, std::make_shared<const Tensor>(variable.type.dtype, shape));
    }
    const std::string bytes = format_safetensors(arrays);
    uint64_t length = 0;
    for (size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(bytes[i]);
    Constants numbers;
    for (const uint32_t place : order) numbers.push_back(number(place));
    return record({trainer, text(bytes.substr(8, length)), number64(length), array(numbers, "saved_order")},
                  sizeof(krt_training));
  }

  llvm::Type* status() { return builder_.getInt32Ty(); }
  llvm::Type* word() { return builder_.getInt64Ty(); }
  llvm::Type* count() { return builder_.getInt32Ty(); }

  /// A function whose arguments are handed on behind the model.
  void entry(const std::string& name, llvm::Type* result, const char* function,
             const std::vector<llvm::Type*>& parameters) {
    thunk(name, result, parameters, [&](auto args) {
      args.insert(args.begin(), training_);
      return invoke(function, result, args);
    });
  }

  void predict_entry() {
    const Program& program = first_.source.programs[0];
    const size_t inputs = program.inputs.size(), outputs = program.outputs.size();
    std::vector<llvm::Type*> parameters(inputs + outputs + 1, pointer_);
    parameters.insert(parameters.end(), {word(), pointer_, pointer_});
    thunk(c_names(program, {}).entry, status(), parameters, [&](auto args) {
      auto next = args.begin();
      llvm::Value* from = stored(pointer_, next, inputs);
      llvm::Value* to = stored(pointer_, next, outputs);
      llvm::Value *state = *next++, *n = *next++, *workspace = *next++, *pool = *next++;
      return invoke("krt_invoke", status(), {model_, number(0), from, to, n, null(), state, workspace, pool});
    });
  }

  /// Inputs, targets, weights, the loss, state, n, workspace, pool.
  void step_entry(const std::string& name) {
    const uint32_t place = place_of(name);
    const size_t inputs = first_.source.programs[place].inputs.size();
    std::vector<llvm::Type*> parameters(inputs + 2, pointer_);
    parameters.insert(parameters.end(), {word(), pointer_, pointer_});
    thunk(name, status(), parameters, [&](auto args) {
      auto next = args.begin();
      llvm::Value* from = stored(pointer_, next, inputs);
      llvm::Value *loss = *next++, *state = *next++, *n = *next++, *workspace = *next++, *pool = *next++;
      return invoke("krt_step", status(), {training_, number(place), from, n, state, workspace, pool, loss});
    });
  }

  void program_entries() {
    entry("metrics", status(), "krt_metrics", {pointer_, pointer_, pointer_});
    const std::pair<const char*, uint32_t> simple[] = {{"reset_metrics", place_of("reset_metrics")},
                                                       {"finish_training", place_of("finish_training")}};
    for (const auto& [name, place] : simple)
      thunk(name, status(), {pointer_, pointer_}, [&, place = place](auto args) {
        return invoke("krt_simple_program", status(), {training_, number(place), args[0], args[1]});
      });
    entry("initialize", status(), "krt_initialize", {word(), pointer_, pointer_});
    entry("set_seed", status(), "krt_set_seed", {word(), pointer_});
    entry("workspace_size", word(), "krt_training_workspace_size", {word(), count()});
  }

  void variable_entries(llvm::Constant* trainer) {
    thunk("variables", pointer_, {}, [&](auto) {
      return builder_.CreateLoad(pointer_,
                                 builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), trainer,
                                                                     offsetof(krt_trainer, variables)));
    });
    entry("find_variable", count(), "krt_find_variable", {pointer_});
    entry("variable_size", word(), "krt_variable_size", {count()});
    entry("get_variable", status(), "krt_get_variable", {pointer_, count(), pointer_});
    entry("set_variable", status(), "krt_set_variable", {pointer_, count(), pointer_});
    entry("learning_rate", status(), "krt_get_learning_rate", {pointer_, pointer_});
    entry("set_learning_rate", status(), "krt_set_learning_rate", {pointer_, builder_.getFloatTy()});
  }

  void file_entries() {
    entry("saved_size", word(), "krt_saved_size", {});
    entry("save_to", status(), "krt_save_to", {pointer_, pointer_});
    entry("load_from", status(), "krt_load_from", {pointer_, pointer_, word()});
    entry("save", status(), "krt_save", {pointer_, pointer_});
    entry("load", status(), "krt_load", {pointer_, pointer_});
  }

  void common_entries() {
    thunk("state_size", word(), {},
          [&](auto) { return number64(static_cast<uint64_t>(first_.placement.state_bytes)); });
    thunk("state_init", status(), {pointer_},
          [&](auto args) { return invoke("krt_state_init", status(), {model_, args[0]}); });
    thunk("selftest", status(), {}, [&](auto) { return invoke("krt_selftest", status(), {model_}); });
    thunk("strerror", pointer_, {count()},
          [&](auto args) { return invoke("krt_training_strerror", pointer_, {args[0]}); });
    thunk("pool_create", pointer_, {count()},
          [&](auto args) { return invoke("krt_pool_create", pointer_, {args[0]}); });
    thunk("pool_destroy", builder_.getVoidTy(), {pointer_},
          [&](auto args) { return invoke("krt_pool_destroy", builder_.getVoidTy(), {args[0]}); });
  }

  llvm::Constant* training_ = nullptr;
};

}  // namespace

void emit_training(std::span<const Emission> levels, const EntrySpec& entry, const TrainingSpec& training) {
  TrainingEmitter(levels, entry, training).emit();
}

}  // namespace keratin
