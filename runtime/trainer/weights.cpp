#include "runtime/trainer/weights.h"

#include "runtime/trainer/error.h"
#include "runtime/trainer/safetensors.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

/// Those of the variables that `wanted` says yes to; all arrays must be theirs.
template <typename Wanted>
void assign(Trainable& model, const std::map<std::string, Array>& arrays, const std::string& where,
            const std::string& hint, Wanted wanted) {
  const std::vector<VariableInfo>& variables = model.info().variables;
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < variables.size(); ++i) {
    const VariableInfo& variable = variables[i];
    if (!wanted(variable)) continue;
    places.emplace(variable.name, i);
    const auto found = arrays.find(variable.name);
    if (found == arrays.end())
      throw Error(ErrorKind::data, cat("has no array ", quoted(variable.name)), where, hint);
    const Array& array = found->second;
    if (array.shape() != variable.shape || array.dtype() != variable.dtype)
      throw Error(ErrorKind::data,
                  cat("is ", to_text(array.dtype()), " of shape ", shape_text(array.shape()),
                      ", the model's is ", to_text(variable.dtype), " of shape ", shape_text(variable.shape)),
                  cat(where, ": array ", quoted(variable.name)), hint);
  }
  for (const auto& [name, array] : arrays)
    if (places.count(name) == 0)
      throw Error(ErrorKind::data, cat("holds an array ", quoted(name), ", which the model has no use for"),
                  where, hint);
  for (const auto& [name, place] : places) model.set_variable(place, arrays.at(name));
}

}  // namespace

void save_weights(const Trainable& model, StagedFile& file) {
  std::map<std::string, Array> arrays;
  const std::vector<VariableInfo>& variables = model.info().variables;
  for (size_t i = 0; i < variables.size(); ++i)
    if (variables[i].is_weight()) arrays.emplace(variables[i].name, model.get_variable(i));
  write_safetensors(file, arrays);
}

void set_variables(Trainable& model, const std::map<std::string, Array>& arrays, const std::string& where) {
  assign(model, arrays, where, "it was written by another model's trainer",
         [](const VariableInfo&) { return true; });
}

void load_weights(Trainable& model, const std::string& path) {
  assign(model, read_safetensors(path), path, "weights are files that `fit --save` of this model wrote",
         [](const VariableInfo& variable) { return variable.is_weight(); });
}

}  // namespace keratin::trainer
