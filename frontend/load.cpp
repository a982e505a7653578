#include "frontend/load.h"

#include <utility>

#include "frontend/model.h"
#include "frontend/model_file.h"
#include "ir/error.h"

namespace keratin {
namespace {

/// Appends what `layer` and its inner layers made; states are in no file.
void collect(const Layer& layer, const std::string& outermost, std::vector<WantedVariable>& wanted,
             std::vector<Variable>& variables) {
  size_t in_group = 0;
  for (const LayerVariable& made : layer.variables()) {
    variables.push_back({made.path, made.type, made.role, made.trainable, nullptr});
    if (made.role == Role::state) continue;
    WantedVariable want{outermost, layer.group(), in_group++, made.name, {}, made.trainable};
    for (Dim d : made.type.shape) want.shape.push_back(d.value());
    wanted.push_back(std::move(want));
  }
  for (const std::unique_ptr<Layer>& child : layer.children()) collect(*child, outermost, wanted, variables);
}

/// Files may store half floats, or counters in another width.
std::shared_ptr<const Tensor> converted(Tensor stored, DType dtype) {
  if (stored.dtype() == dtype) return std::make_shared<const Tensor>(std::move(stored));
  Tensor out(dtype, stored.shape());
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, stored.get(i));
  return std::make_shared<const Tensor>(std::move(out));
}

}  // namespace

std::vector<Variable> load_variables(const Model& model, ModelFile& file) {
  std::vector<WantedVariable> wanted;
  std::vector<Variable> variables;
  for (const std::unique_ptr<Layer>& layer : model.root().children())
    collect(*layer, layer->name(), wanted, variables);
  std::vector<Tensor> values = file.take_weights(wanted);
  auto value = values.begin();
  for (Variable& variable : variables)
    if (variable.role == Role::weight) variable.data = converted(std::move(*value++), variable.type.dtype);
  return variables;
}

Module load_model(const std::string& path, const ShapeOverrides& shapes) try {
  ModelFile file = ModelFile::open(path);
  Model model(file.config(), path, !file.keras_version().starts_with('3'), shapes);
  Module module;
  module.name = model.name();
  module.functions.push_back(model.trace_predict());
  module.variables = load_variables(model, file);
  return module;
} catch (const Error& error) {
  throw error.where().starts_with(path) ? error : error.within(path);
}

}  // namespace keratin
