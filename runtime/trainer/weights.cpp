#include "runtime/trainer/weights.h"

#include "runtime/trainer/error.h"
#include "runtime/trainer/safetensors.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

void save_weights(const Trainable& model, StagedFile& file) {
  std::map<std::string, Array> arrays;
  const std::vector<VariableInfo>& variables = model.info().variables;
  for (size_t i = 0; i < variables.size(); ++i)
    if (variables[i].is_weight) arrays.emplace(variables[i].name, model.get_variable(i));
  write_safetensors(file, arrays);
}

void load_weights(Trainable& model, const std::string& path) {
  const std::map<std::string, Array> arrays = read_safetensors(path);
  const std::string foreign = "weights are files that `fit --save` of this model wrote";
  const std::vector<VariableInfo>& variables = model.info().variables;
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < variables.size(); ++i) {
    const VariableInfo& variable = variables[i];
    if (!variable.is_weight) continue;
    places.emplace(variable.name, i);
    const auto found = arrays.find(variable.name);
    if (found == arrays.end())
      throw Error(ErrorKind::data, cat("has no array ", quoted(variable.name)), path, foreign);
    const Array& array = found->second;
    if (array.shape() != variable.shape || array.dtype() != variable.dtype)
      throw Error(ErrorKind::data,
                  cat("is ", to_text(array.dtype()), " of shape ", shape_text(array.shape()),
                      ", the model's is ", to_text(variable.dtype), " of shape ", shape_text(variable.shape)),
                  cat(path, ": array ", quoted(variable.name)), foreign);
  }
  for (const auto& [name, array] : arrays)
    if (places.count(name) == 0)
      throw Error(ErrorKind::data, cat("holds an array ", quoted(name), ", which is no weight of the model"),
                  path, foreign);
  for (const auto& [name, place] : places) model.set_variable(place, arrays.at(name));
}

}  // namespace keratin::trainer
