// Libraries that train a model inside somebody else's program: `keratin compile --training`.
//
// Such a shared object, object or archive has the programs of a trainer, and no data, files of numbers or command line: a step takes a
// batch from the caller. It exports, as documented in its header (codegen/c_training_header.cpp), thunks around runtime/training.h:
//
//   PREFIX_train_step, PREFIX_evaluate_step, PREFIX_<predict>           steps over the caller's arrays
//   PREFIX_metrics, PREFIX_reset_metrics, PREFIX_finish_training, PREFIX_initialize, PREFIX_set_seed
//   PREFIX_variables, PREFIX_find_variable, PREFIX_variable_size, PREFIX_get_variable, PREFIX_set_variable
//   PREFIX_learning_rate, PREFIX_set_learning_rate
//   PREFIX_save, PREFIX_load, PREFIX_saved_size, PREFIX_save_to, PREFIX_load_from
//   PREFIX_state_size, PREFIX_state_init, PREFIX_workspace_size, PREFIX_selftest, PREFIX_strerror, PREFIX_pool_create, PREFIX_pool_destroy
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "codegen/artefact.h"

namespace keratin {

struct TrainingSpec {
  TrainerSpec trainer;
  std::set<std::string> trained;  ///< variables that gradients change
};

/// Writes `path` and the header beside it, as write_artefact(). Throws Error likewise, and unsupported for inputs of strings.
void write_training_library(std::span<const LevelKernels> levels, const ArtefactOptions& options,
                            const TrainingSpec& training, const std::string& path);

/// A relocatable object of it.
std::vector<std::byte> emit_training_object(std::span<const LevelKernels> levels, const EmitOptions& options,
                                            const EntrySpec& entry, const TrainingSpec& training);

/// The header's text.
std::string c_training_header(std::span<const LevelKernels> levels, std::string_view prefix,
                              const TrainingSpec& training);

}  // namespace keratin
