// Models that are to be trained: compiled as their file says, or as the command line does.
#pragma once

#include "frontend/load.h"
#include "tools/command.h"

namespace keratin {

/// The functions that training adds to a model: train_step, evaluate_step, …
bool is_training_function(std::string_view name);

/// Of each metric.
std::vector<int> directions_of(const TrainingSignature& signature);

/// The trainable module of MODEL, a Keras model or IR text with the functions that train it; with --loss, --optimizer, --metrics, --shape and --batch. Throws Error.
TrainableModule read_trainable(const Arguments& arguments, const ShapeOverrides& shapes);
TrainableModule read_trainable(const Arguments& arguments);  ///< With those of shape_overrides().

/// The same with what a trainer needs to write the model.
ExportableModule read_exportable(const Arguments& arguments);

}  // namespace keratin
