#include "frontend/model.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "frontend/graph_call.h"
#include "frontend/nodes.h"
#include "ir/error.h"
#include "ir/text.h"
#include "ir/unequal_dims.h"

namespace keratin {
namespace {

/// The first layer of a Sequential says what goes in, or the shape that it was built with does.
struct Entry {
  std::string name;
  const Json* batch_shape;
  const Json* dtype;
};

Entry entry_of(const Json& layer) {
  const Json& config = layer["config"];
  const Json& shape = config[config.has("batch_shape") ? "batch_shape" : "batch_input_shape"];
  return {config["name"].as_string(), &shape, &config["dtype"]};
}

std::vector<Entry> entries_of_functional(const Json& config) {
  std::vector<Entry> entries;
  for (const TensorRef& ref : read_tensor_refs(config["input_layers"])) {
    const std::vector<Json>& layers = config["layers"].items();
    const auto found = std::find_if(layers.begin(), layers.end(), [&](const Json& layer) {
      return layer["config"]["name"].is_string() && layer["config"]["name"].as_string() == ref.layer;
    });
    if (found == layers.end())
      throw Error(ErrorKind::data,
                  cat("input_layers names layer ", quoted(ref.layer), ", which the model does not have"));
    entries.push_back(entry_of(*found));
  }
  return entries;
}

/// The dtype of an input that says none.
const Json kAbsent;

/// Keras names the input "input_layer" if the model was built by a shape alone.
constexpr std::string_view kDefaultInput = "input_layer";

std::vector<Entry> entries_of_sequential(const Json& config, const std::string& where) {
  if (config["layers"].size() == 0) throw Error(ErrorKind::data, "the model has no layers", where);
  const Json& first = config["layers"].at(0);
  if (first["class_name"].as_string() == "InputLayer") return {entry_of(first)};
  const Entry entry = entry_of(first);
  if (!entry.batch_shape->is_null()) return {{cat(entry.name, "_input"), entry.batch_shape, &kAbsent}};
  const Json& built = config["build_input_shape"];
  if (built.is_null())
    throw Error(ErrorKind::unsupported, "the model was saved before it knew its input's shape", where,
                "begin it with keras.Input(shape), or call it once, and save it again");
  return {{std::string(kDefaultInput), &built, &kAbsent}};
}

/// The batch that some input fixes, or the one that is given, or N.
Dim batch_of(const std::vector<Entry>& entries, std::optional<int64_t> given, const std::string& where) {
  std::optional<int64_t> fixed;
  for (const Entry& entry : entries) {
    const Json& batch = entry.batch_shape->at(0);
    if (batch.is_null()) continue;
    if (fixed && *fixed != batch.as_int())
      throw Error(ErrorKind::data, cat("inputs have batches of ", *fixed, " and ", batch.as_int()), where);
    fixed = batch.as_int();
  }
  if (fixed && given && *fixed != *given)
    throw Error(ErrorKind::usage, cat("--batch is ", *given, ", but the model takes ", *fixed, " samples"),
                where);
  if (given) fixed = given;
  return fixed ? Dim(*fixed) : Dim::batch();
}

/// `shape` with extents behind the batch that --shape gives in place of what is free.
Shape with_extents(Shape shape, const Shape& extents, const std::string& input, const std::string& where) {
  std::vector<std::string> texts;
  for (size_t i = 1; i < shape.size(); ++i)
    texts.push_back(shape[i].is_static() ? to_text(shape[i].coef) : std::string("?"));
  const std::string spelled = join(texts, ",");
  if (extents.size() + 1 != shape.size())
    throw Error(ErrorKind::usage,
                cat("--shape ", input, "= has ", extents.size(), " extents, but the input has ",
                    shape.size() - 1, " after the batch: ", spelled),
                where);
  for (size_t i = 1; i < shape.size(); ++i) {
    const Dim extent = extents[i - 1];
    if (extent.coef < 1 || (shape[i].is_static() && extent != shape[i]))
      throw Error(ErrorKind::usage, cat("--shape ", input, "= does not fit the input, which is ", spelled),
                  where);
    shape[i] = extent;
  }
  return shape;
}

Shape input_shape(const Entry& entry, Dim batch, FreeLengths& lengths, const ShapeOverrides& shapes,
                  const std::string& where) {
  const auto given = shapes.extents.find(entry.name);
  const size_t rank = entry.batch_shape->size();
  Shape shape{batch};
  for (size_t i = 1; i < rank; ++i) {
    const Json& stored = entry.batch_shape->at(i);
    if (!stored.is_null() && stored.as_int() < 0)
      throw Error(ErrorKind::data, cat("input ", quoted(entry.name), " has a negative extent"), where);
    const bool is_given = given != shapes.extents.end();
    shape.push_back(!stored.is_null() ? Dim(stored.as_int())
                    : is_given        ? Dim(1, Symbol("L"))  // any that is free
                                      : lengths.next(static_cast<int64_t>(rank), i));
  }
  return given == shapes.extents.end() ? shape
                                       : with_extents(std::move(shape), given->second, entry.name, where);
}

/// Throws Error(usage) if a shape is given for something else than an input.
void check_names(const ShapeOverrides& shapes, const std::vector<Entry>& entries, const std::string& where) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) names.push_back(entry.name);
  for (const auto& [name, extents] : shapes.extents)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(ErrorKind::usage,
                  cat("--shape names the input ", quoted(name), ", which the model does not have"), where,
                  cat("its inputs are ", join(names, ", ")));
}

/// The names of lengths that --shape gives.
std::set<std::string> names_in(const ShapeOverrides& shapes) {
  std::set<std::string> names;
  for (const auto& [input, extents] : shapes.extents)
    for (const Dim extent : extents)
      if (!extent.is_static()) names.insert(extent.symbol.name());
  return names;
}

}  // namespace

Model::Model(const Json& config, std::string file, bool keras2, ShapeOverrides shapes,
             const ModelFile* stored)
    : config_(config),
      context_{.file = std::move(file), .keras2 = keras2, .stored = stored},
      shapes_(std::move(shapes)),
      lengths_(names_in(shapes_)) {
  make_root();
  if (!root_->def()->is_model)
    throw Error(ErrorKind::unsupported, "the file holds a single layer, not a model", root_->where());
  read_inputs();
}

void Model::make_root() {
  context_.variable_paths.clear();
  context_.calls = 0;
  context_.shared = {};
  root_ = std::make_unique<Layer>(context_, config_, nullptr, "");
}

void Model::read_inputs() {
  inputs_.clear();
  lengths_.restart();
  const Json& config = root_->args().config();
  const std::string where = root_->where();
  try {
    const std::vector<Entry> entries = root_->class_name() == "Sequential"
                                           ? entries_of_sequential(config, where)
                                           : entries_of_functional(config);
    check_names(shapes_, entries, where);
    const Dim batch = batch_of(entries, shapes_.batch, where);
    for (const Entry& entry : entries) {
      for (const Input& other : inputs_)
        if (other.name == entry.name)
          throw Error(ErrorKind::data, cat("two inputs are called ", quoted(entry.name)), where);
      const bool is_string = entry.dtype->is_string() && entry.dtype->as_string() == "string";
      const DType dtype =
          is_string ? DType::i64 : read_dtype(*entry.dtype, cat(where, ", input ", quoted(entry.name)));
      Input input{
          entry.name,
          Type(dtype, input_shape(entry, batch, lengths_, is_string ? ShapeOverrides() : shapes_, where)),
          nullptr};
      if (is_string) input.strings = std::make_shared<StringInput>(entry.name, input.type.shape, Dim(1));
      inputs_.push_back(std::move(input));
    }
    for (Input& input : inputs_)
      if (input.strings) input.strings->length = lengths_.next(2, 1);
  } catch (const Error& error) {
    if (!error.where().empty()) throw;
    throw error.within(where);
  }
}

void Model::find_tables() {
  Builder builder("predict");
  Tracer tracer{builder};
  std::vector<Traced> inputs;
  for (const Input& input : inputs_)
    inputs.emplace_back(of_sane_size(Expr(builder, builder.param(input.name, input.type))));
  call(tracer, std::move(inputs));
  for (Input& input : inputs_) {
    if (input.strings == nullptr) continue;
    if (input.strings->table == nullptr)
      throw Error(ErrorKind::unsupported, cat("no layer reads the strings of the input ", quoted(input.name)),
                  root_->where());
    const auto given = shapes_.extents.find(input.name);
    if (given != shapes_.extents.end())
      input.strings->type.shape =
          with_extents(input.strings->type.shape, given->second, input.name, root_->where());
    input.type = input.strings->type;
  }
}

Outputs Model::call(Tracer& tracer, std::vector<Traced> inputs) {
  for (size_t i = 0; i < inputs_.size(); ++i) inputs[i].strings = inputs_[i].strings;
  return call_layer(*root_, tracer, {.inputs = std::move(inputs)});
}

std::vector<std::string> Model::output_names() const {
  const Json& config = root_->args().config();
  std::vector<std::string> names;
  if (root_->class_name() == "Sequential") {
    names.push_back(config["layers"].at(config["layers"].size() - 1)["config"]["name"].as_string());
  } else {
    for (const TensorRef& ref : read_tensor_refs(config["output_layers"])) names.push_back(ref.layer);
  }
  std::vector<std::string> unique = names;
  for (size_t i = 0; i < names.size(); ++i)
    if (std::count(names.begin(), names.end(), names[i]) > 1) unique[i] = cat(names[i], "__", i);
  return unique;
}

/// Each attempt has layers of its own: those of one that failed are not complete.
Function Model::trace_predict() {
  constexpr int kMostAttempts = 64;
  const auto is_free = [](Dim dim) { return !dim.is_static() && dim.symbol.root() != Dim::batch().symbol; };
  for (int attempt = 1;; ++attempt) {
    try {
      return trace();
    } catch (const UnequalDimsError& error) {
      const UnequalDims dims = error.dims();
      if (!is_free(dims.a) && !is_free(dims.b)) throw;
      if (attempt == kMostAttempts || !lengths_.unite(dims)) {
        if (!error.hint().empty()) throw;
        throw Error(
            error.kind(), error.message(), error.where(),
            "its lengths are free; --shape INPUT=… fixes them, or says what they are multiples of, as in "
            "x=14T,8");
      }
    }
    make_root();
    read_inputs();
  }
}

Function Model::trace() {
  if (std::any_of(inputs_.begin(), inputs_.end(),
                  [](const Input& input) { return input.strings && !input.strings->table; }))
    find_tables();
  Builder builder("predict");
  Tracer tracer{builder};
  std::vector<Traced> inputs;
  for (const Input& input : inputs_)
    inputs.emplace_back(of_sane_size(Expr(builder, builder.param(input.name, input.type))));
  const Outputs outputs = call(tracer, std::move(inputs));
  const std::vector<std::string> names = output_names();
  if (names.size() != outputs.size())
    throw Error(ErrorKind::unsupported,
                cat("its last layer has ", outputs.size(), " outputs, expected ", names.size()),
                root_->where());
  for (const Traced& output : outputs)
    if (output.strings != nullptr)
      throw Error(ErrorKind::unsupported,
                  cat("gives the strings of the input ", quoted(output.strings->name)), root_->where());
  for (size_t i = 0; i < outputs.size(); ++i) builder.result(names[i], outputs[i].value.value());
  return builder.finish();
}

}  // namespace keratin
