#include "runtime/trainer/weights.h"

#include <utility>

#include "runtime/trainer/error.h"
#include "runtime/trainer/json.h"
#include "runtime/trainer/safetensors.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

const std::string kEncoding = "keratin.encoding";  // in the metadata

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
  Metadata metadata;
  if (!model.encoding().empty()) metadata.emplace(kEncoding, format_encoding(model.encoding()));
  write_safetensors(file, arrays, metadata);
}

void set_variables(Trainable& model, const std::map<std::string, Array>& arrays, const std::string& where) {
  assign(model, arrays, where, "it was written by another model's trainer",
         [](const VariableInfo&) { return true; });
}

void load_weights(Trainable& model, const std::string& path) {
  Metadata metadata;
  const std::map<std::string, Array> arrays = read_safetensors(path, &metadata);
  const auto found = metadata.find(kEncoding);
  Encoding encoding;
  if (found != metadata.end()) encoding = parse_encoding(found->second, cat(path, ": __metadata__"));
  assign(model, arrays, path, "weights are files that `fit --save` of this model wrote",
         [](const VariableInfo& variable) { return variable.is_weight(); });
  model.set_encoding(std::move(encoding));
}

}  // namespace keratin::trainer
