// `.keras` files: of models made here, and with other weights, so that what a trainer has learned goes back to Keras.
//
// Weights are known by Keras's paths of variables ("dense/kernel"). Each goes to the place where the file keeps that
// variable, which the model's layers tell: a model is traced to make the file. When a file gets other weights, everything else stays as it is: the
// configuration and other members byte for byte, and what model.weights.h5 holds beyond the model's variables.
#pragma once

#include <span>
#include <string>

#include "frontend/json.h"
#include "frontend/model.h"
#include "frontend/shape_overrides.h"
#include "frontend/training/signature.h"
#include "ir/file_template.h"
#include "ir/graph.h"
#include "ir/safetensors.h"

namespace keratin {

/// The bytes of a new `.keras` file. `config`: the serialized model, with "compile_config" if it was compiled; `model`: traced from it;
/// `variables`: the model's, `optimizer`: in the order of Keras's files; without data they are zeros.
std::string format_keras(const Json& config, const Model& model, std::span<const Variable> variables,
                         std::span<const Variable> optimizer);

/// The bytes of a `.keras` file: that of `path` (a `.keras` archive or its members in a folder) with `weights`, which must be all
/// of the model's, in its shapes and dtypes. Of the optimizer's variables there must be all ("optimizer/iteration", …), which
/// then replace the file's, or none. `shapes` as for load_model(). `weights_path`: their file's name, for messages.
///
/// Equal inputs give equal bytes. Throws Error(data) that names the variable which is missing, unknown or of another type, and
/// what load_model() throws; Error(unsupported) for a legacy `.h5` file.
std::string export_keras(const std::string& path, TensorStore weights, const std::string& weights_path,
                         const ShapeOverrides& shapes = {});

/// The file of `path` that export_keras() would write, without the values of the model's variables and of `optimizer`, which are all
/// of the optimizer's, in the order of Keras's files. Where `given` is not null, the model is compiled as that says. Kernels that have
/// adapters are there as merging_of_adapters() makes them (frontend/layers/lora.h). Requires: `model` was traced for training. Throws as export_keras().
FileTemplate keras_template(const std::string& path, const Model& model, std::span<const Variable> optimizer,
                            const CompileConfig& given);

}  // namespace keratin
