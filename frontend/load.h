// A Keras model file as a module.
#pragma once

#include <string>
#include <vector>

#include "frontend/shape_overrides.h"
#include "frontend/training/signature.h"
#include "ir/file_template.h"
#include "ir/graph.h"

namespace keratin {

class Model;
class ModelFile;

/// The module of a `.keras` or `.h5` file: the function @predict, whose params are the model's inputs and whose results its
/// outputs, in the model's order; and its variables by Keras's paths ("lstm/lstm_cell/kernel"), with their data.
///
/// `shapes` fixes what the file leaves free of the inputs' shapes. A batch that neither fixes is N.
/// Throws Error that names file, layer, class and argument: no_input or data if the file is not readable or malformed,
/// unsupported if it is well-formed but not compiled by Keratin, usage if `shapes` does not fit. `weights`: a file of weights (`.weights.h5`) that
/// are taken instead of the model's own.
Module load_model(const std::string& path, const ShapeOverrides& shapes = {},
                  const std::string& weights = {});

/// The same module with the functions that train it (frontend/training/train.h): compiled as the file says, or, where `given` is not
/// null, as that says; the optimizer's state is the file's if its optimizer is used and the file has one.
struct TrainableModule {
  Module module;
  TrainingSignature signature;
};
TrainableModule load_trainable(const std::string& path, const CompileConfig& given = {},
                               const ShapeOverrides& shapes = {}, const std::string& weights = {});

/// The same with what a trainer needs to write the model that it has trained.
struct ExportableModule {
  TrainableModule trained;
  FileTemplate keras;         ///< the .keras file (frontend/keras_writer.h); without bytes:
  std::string why_not_keras;  ///< a sentence for the user
  Module merging;             ///< a function that updates what the file holds in place of variables; or none
};
ExportableModule load_exportable(const std::string& path, const CompileConfig& given = {},
                                 const ShapeOverrides& shapes = {}, const std::string& weights = {});

/// The model that the file describes. Requires: the file outlives it.
Model open_model(const ModelFile& file, const ShapeOverrides& shapes);
/// What load_model() gives, of a model that is open.
Module load_predict(Model& model, ModelFile& file);

/// The variables that `model` has made, in the order of its layers, without data, and behind them the tables of inputs that are made of
/// strings. Requires: it has been traced.
std::vector<Variable> variables_of(const Model& model);
/// The same, with the data that `file` has for them.
std::vector<Variable> load_variables(const Model& model, ModelFile& file);

/// Gives the optimizer's variables, which `state` lists, the values that a file has `stored` for them, in its order. A model that was never
/// trained has only the first ones: slots are as they begin. Throws Error(data) if they do not fit.
void restore_optimizer(std::vector<Variable>& variables, const std::vector<Variable>& state,
                       std::vector<Tensor> stored);

}  // namespace keratin
