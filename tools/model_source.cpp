#include "tools/model_source.h"

#include <unistd.h>

#include <charconv>
#include <fstream>

#include "codegen/kernel.h"
#include "frontend/file.h"
#include "frontend/h5_file.h"
#include "frontend/load.h"
#include "ir/error.h"
#include "ir/text.h"
#include "ir/text_format.h"

namespace keratin {
namespace {

/// "28", "T", "16H".
Dim parse_extent(std::string_view word, const std::string& option) {
  int64_t number = 1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  const std::string_view symbol(end, static_cast<size_t>(word.data() + word.size() - end));
  const bool has_number = end != word.data();
  const bool is_extent = (symbol.empty() ? has_number : Symbol::is_valid(symbol)) && number >= 1 &&
                         error != std::errc::result_out_of_range;
  if (!is_extent)
    throw Error(
        ErrorKind::usage, cat("'", word, "' is not an extent"), option,
        "write --shape NAME=28,28,1; lengths stay free with a name, as in NAME=T,8 or NAME=16H,16W,3");
  if (symbol == Dim::batch().symbol.name())
    throw Error(ErrorKind::usage, cat("'", word, "' is the number of samples"), option,
                "give lengths other names than N");
  return symbol.empty() ? Dim(number) : Dim(number, Symbol(symbol));
}

Shape parse_extents(std::string_view text, const std::string& option) {
  Shape extents;
  while (true) {
    const std::string_view word = text.substr(0, text.find(','));
    extents.push_back(parse_extent(word, option));
    if (word.size() == text.size()) return extents;
    text.remove_prefix(word.size() + 1);
  }
}

}  // namespace

Module read_text(const std::string& path) {
  const std::string data_path = path + ".safetensors";
  if (access(data_path.c_str(), F_OK) != 0) return parse_module(read_file(path), path);
  const TensorStore data = parse_safetensors(read_file(data_path), data_path);
  return parse_module(read_file(path), path, &data);
}

ShapeOverrides shape_overrides(const Arguments& arguments) {
  ShapeOverrides shapes;
  if (arguments.has("batch")) shapes.batch = arguments.get_int("batch", 1, 1);
  for (const std::string& text : arguments.all("shape")) {
    const std::string option = cat("--shape ", text);
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorKind::usage, "the input's name is missing", option, "write --shape NAME=28,28,1");
    if (!shapes.extents
             .emplace(text.substr(0, equals),
                      parse_extents(std::string_view(text).substr(equals + 1), option))
             .second)
      throw Error(ErrorKind::usage, "the input is given twice", option);
  }
  return shapes;
}

std::string keras_weights(const Arguments& arguments) {
  if (!arguments.has("weights")) return {};
  const std::string path = arguments.get("weights");
  std::ifstream file(path, std::ios::binary);
  if (!file) return path;  // reading it says why
  std::string beginning(16, '\0');
  file.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  beginning.resize(static_cast<size_t>(file.gcount()));
  return is_h5(beginning) ? path : std::string();
}

void load_weights(Module& module, const std::string& path) {
  TensorStore weights = parse_safetensors(read_file(path), path);
  for (Variable& variable : module.variables) {
    if (variable.role != Role::weight) continue;
    const auto found = weights.find(variable.name);
    if (found == weights.end())
      throw Error(ErrorKind::data, cat("has no ", variable.name, ", which the model has"), path);
    const std::string type = to_text(found->second->type());
    if (type != to_text(variable.type))
      throw Error(ErrorKind::data, cat(variable.name, " is ", type, ", expected ", to_text(variable.type)),
                  path);
    variable.data = found->second;
    weights.erase(found);
  }
  if (!weights.empty())
    throw Error(ErrorKind::data, cat("has ", weights.begin()->first, ", which the model has not"), path);
}

Module read_model(const Arguments& arguments) { return read_model(arguments, shape_overrides(arguments)); }

Module read_model(const Arguments& arguments, const ShapeOverrides& shapes) {
  const std::string path = arguments.get("MODEL");
  if (!path.ends_with(".kir")) {
    const std::string weights = keras_weights(arguments);
    Module module = load_model(path, shapes, weights);
    if (arguments.has("weights") && weights.empty()) load_weights(module, arguments.get("weights"));
    return module;
  }
  if (arguments.has("weights"))
    throw Error(ErrorKind::usage, "--weights is for Keras models: IR text has its arrays beside it", path);
  if (!shapes.extents.empty() || shapes.batch)
    throw Error(ErrorKind::usage, "--shape and --batch are for Keras models: IR text states its shapes",
                path);
  return read_text(path);
}

const Function& main_function(const Module& module) {
  if (const Function* predict = module.find_function("predict")) return *predict;
  if (module.functions.size() == 1) return module.functions[0];
  return module.function("predict");  // throws, listing the functions
}

void write_model(const Module& module, const std::string& path) {
  const TensorStore data = collect_data(module);
  StagedFile text(path, print(module));
  if (!data.empty()) write_file(path + ".safetensors", format_safetensors(data));
  text.commit();
}

const Program& find_program(const KernelModule& module, std::string_view name) {
  std::vector<std::string> names;
  for (const Program& program : module.programs) {
    if (program.name == name) return program;
    names.push_back(program.name);
  }
  throw Error(ErrorKind::usage, cat("no function is called '", name, "'"), "--func",
              cat("functions are: ", join(names, ", ")));
}

}  // namespace keratin
