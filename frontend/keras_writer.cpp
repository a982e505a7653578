#include "frontend/keras_writer.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "frontend/archive.h"
#include "frontend/h5_writer.h"
#include "frontend/layers/lookup.h"
#include "frontend/layers/lora.h"
#include "frontend/load.h"
#include "frontend/model.h"
#include "frontend/model_file.h"
#include "frontend/npy.h"
#include "frontend/training/optimizers.h"
#include "frontend/training/train.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr const char* kWeightsH5 = "model.weights.h5";
constexpr const char* kWeightsNpz = "model.weights.npz";
constexpr std::string_view kOptimizer = "optimizer/";

/// Where a file keeps a variable, and which one.
struct Place {
  std::string stored_at, name;
  Type type;
  bool is_copy = false;  ///< the variable has another place as well
};

/// Appends the places of the weights of `layer` and its inner layers: where `stored` has them, or where Keras puts them.
void find_places(const Layer& layer, const H5File& stored, std::vector<Place>& places) {
  size_t index = 0;
  const auto add = [&](const LayerVariable& variable, bool is_copy) {
    const auto in = [&](const std::string& group) {
      return cat(group, group.empty() ? "" : "/", "vars/", index);
    };
    std::string at = in(layer.group());
    if (std::string other = in(other_spelling(layer.group())); stored.datasets.contains(other))
      at = std::move(other);
    places.push_back({std::move(at), variable.path, variable.type, is_copy});
    ++index;
  };
  for (const LayerVariable& copy : layer.copies()) add(copy, true);
  for (const LayerVariable& variable : layer.variables())
    if (variable.role == Role::weight && variable.is_stored) add(variable, false);
  for (const std::unique_ptr<Layer>& child : layer.children()) find_places(*child, stored, places);
}

bool is_stored(const TensorStore& weights, std::string_view first_part) {
  const auto found = weights.lower_bound(first_part);
  return found != weights.end() && found->first.starts_with(first_part);
}

/// Takes each place's tensor out of `weights` and puts it into `stored`.
void put(const std::vector<Place>& places, TensorStore& weights, const std::string& weights_path,
         H5File& stored) {
  for (const Place& place : places) {
    const auto found = weights.find(place.name);
    if (found == weights.end())
      throw Error(ErrorKind::data, cat("has no ", place.name, ", which the model has"), weights_path);
    const std::string type = to_text(found->second->type());
    if (type != to_text(place.type))
      throw Error(ErrorKind::data, cat(place.name, " is ", type, ", expected ", to_text(place.type)),
                  weights_path);
    stored.datasets.insert_or_assign(place.stored_at, *found->second);
    if (!place.is_copy) weights.erase(found);
  }
}

/// Keras tells bfloat16 from other bytes by an attribute; of a group it writes the layer's name.
void set_attributes(H5File& stored) {
  std::map<std::string, H5File::Attributes, std::less<>> attributes;
  for (const auto& [path, old] : stored.attributes)
    if (const std::string* name = stored.text(path, "name"))
      attributes[path].emplace("name", std::vector{*name});
  for (const auto& [path, tensor] : stored.datasets)
    if (tensor.dtype() == DType::bf16)
      attributes[path].emplace("dtype", std::vector<std::string>{"bfloat16"});
  stored.attributes = std::move(attributes);
}

H5File read_weights(const Archive& archive) {
  H5File stored;
  if (archive.has(kWeightsH5)) {
    stored = parse_h5(archive.read(kWeightsH5, archive.max_member_bytes()), archive.where(kWeightsH5));
  } else {
    for (auto& [name, tensor] :
         parse_npz(archive.read(kWeightsNpz, archive.max_member_bytes()), archive.where(kWeightsNpz)))
      stored.datasets.emplace(name, std::move(tensor));
  }
  if (!stored.skipped.empty())
    throw Error(ErrorKind::unsupported,
                cat(stored.skipped.begin()->first, " would be lost: ", stored.skipped.begin()->second),
                archive.where(kWeightsH5));
  return stored;
}

/// The members of an archive, sorted; of a folder those that Keras writes, and not what else may lie there.
std::vector<std::string> members_of(const Archive& archive) {
  std::vector<std::string> names = archive.names();
  std::erase_if(names, [](const std::string& name) { return name.ends_with('/'); });
  if (!names.empty()) return names;
  names = archive.assets();
  for (const char* name : {"config.json", "metadata.json"})
    if (archive.has(name)) names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

/// The layers' names, where Keras keeps them.
void name_groups(const Layer& layer, H5File& stored) {
  const std::string vars = cat(layer.group(), layer.group().empty() ? "" : "/", "vars");
  if (layer.def() != nullptr) stored.attributes[vars].emplace("name", std::vector{layer.name()});
  for (const std::unique_ptr<Layer>& child : layer.children())
    if (!child->group().empty()) name_groups(*child, stored);
}

/// Of the layer and those within it, where Keras keeps them. TextVectorization has a layer within it for what it looks up.
void put_idf_weights(const Layer& layer, H5File& stored) {
  if (const std::optional<Tensor> weights = layer.def() ? idf_weights_to_store(layer) : std::nullopt)
    for (const std::string inner : {"", "/_lookup_layer"})
      if (inner.empty() || layer.class_name() == "TextVectorization")
        stored.datasets.emplace(cat(layer.group(), inner, "/vars/idf_weights"), *weights);
  for (const std::unique_ptr<Layer>& child : layer.children()) put_idf_weights(*child, stored);
}

Tensor value_of(const Variable& variable) {
  if (variable.data != nullptr) return *variable.data;
  std::vector<int64_t> shape;
  for (const Dim extent : variable.type.shape) shape.push_back(extent.value());
  return Tensor(variable.type.dtype, shape);
}

std::vector<Place> optimizer_places(std::span<const Variable> optimizer) {
  std::vector<Place> places;
  for (const Variable& variable : optimizer)
    places.push_back({cat("optimizer/vars/", places.size()), variable.name, variable.type});
  return places;
}

/// So that the file tells that the loss is scaled where its compile_config does not.
void name_optimizer(std::span<const Variable> optimizer, H5File& stored) {
  for (const Variable& variable : optimizer)
    if (variable.name == "optimizer/dynamic_scale")
      stored.attributes["optimizer/vars"].emplace("name", std::vector<std::string>{"loss_scale_optimizer"});
}

std::vector<Place> weight_places(const Model& model, const H5File& stored) {
  std::vector<Place> places;
  for (const std::unique_ptr<Layer>& layer : model.root().children()) find_places(*layer, stored, places);
  return places;
}

/// Of several optimizers Keras writes the variables of each once more, in groups of its own, which come after those of all. Without
/// them, those of all count.
void drop_optimizer(H5File& stored) {
  std::erase_if(stored.datasets, [](const auto& each) { return each.first.starts_with(kOptimizer); });
}

void refuse_legacy(bool is_legacy, const std::string& path) {
  if (is_legacy)
    throw Error(ErrorKind::unsupported, "is a legacy .h5 file; .keras files are exported", path,
                "save it as one first: keras.models.load_model(\"model.h5\").save(\"model.keras\")");
}

using Members = std::vector<std::pair<std::string, std::string>>;

/// Of the archive, but for the weights.
Members other_members(const Archive& archive) {
  Members members;
  for (const std::string& name : members_of(archive))
    if (name != kWeightsH5 && name != kWeightsNpz)
      members.emplace_back(name, archive.read(name, archive.max_member_bytes()));
  return members;
}

/// `object` with a member that is new or another.
Json with_member(const Json& object, const std::string& name, Json value) {
  std::vector<std::pair<std::string, Json>> members;
  if (object.is_object()) members = object.members();
  std::erase_if(members, [&](const auto& member) { return member.first == name; });
  members.emplace_back(name, std::move(value));
  return Json::object(std::move(members));
}

/// Objects of a class without a module, as they may be given by hand, are said to be of `module`: Keras looks for them there.
Json with_module(const Json& value, const std::string& module) {
  if (value.is_array()) {
    std::vector<Json> items;
    for (const Json& item : value.items()) items.push_back(with_module(item, module));
    return Json::array(std::move(items));
  }
  if (!value.is_object()) return value;
  const bool is_class = value["class_name"].is_string();
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [name, member] : value.members())
    members.emplace_back(name,
                         with_module(member, name == "learning_rate" ? cat(module, ".schedules") : module));
  const Json made = Json::object(std::move(members));
  return is_class && !value.has("module") ? with_member(made, "module", Json::of(module)) : made;
}

/// The text of config.json, compiled as is `given`.
std::string compiled_config(const std::string& text, const CompileConfig& given, const std::string& where) {
  const std::tuple<const char*, const Json&, const char*> parts[] = {
      {"optimizer", given.optimizer, "keras.optimizers"},
      {"loss", given.loss, "keras.losses"},
      {"loss_weights", given.loss_weights, ""},
      {"metrics", given.metrics, "keras.metrics"},
      {"weighted_metrics", given.weighted_metrics, "keras.metrics"}};
  const Json config = Json::parse(text, where);
  Json compiled = config["compile_config"];
  bool is_other = false;
  for (const auto& [name, value, module] : parts) {
    if (value.is_null()) continue;
    compiled = with_member(compiled, name, with_module(value, module));
    is_other = true;
  }
  return is_other ? with_member(config, "compile_config", std::move(compiled)).dump() : text;
}

/// The version of Keras whose form of files this is.
constexpr std::string_view kKerasVersion = "3.15.1";

}  // namespace

std::string format_keras(const Json& config, const Model& model, std::span<const Variable> variables,
                         std::span<const Variable> optimizer) {
  H5File stored;
  TensorStore weights;
  for (const Variable& variable : variables)
    weights.emplace(variable.name, std::make_shared<const Tensor>(value_of(variable)));
  merge_adapters(model.root(), weights);
  for (const Place& place : weight_places(model, {})) {
    const auto found = weights.find(place.name);
    KERATIN_CHECK(found != weights.end(), place.name);
    stored.datasets.emplace(place.stored_at, *found->second);
  }
  for (size_t i = 0; i < optimizer.size(); ++i)
    stored.datasets.emplace(cat("optimizer/vars/", i), value_of(optimizer[i]));
  put_idf_weights(model.root(), stored);
  set_attributes(stored);
  name_groups(model.root(), stored);
  name_optimizer(optimizer, stored);
  return make_zip({{"metadata.json", cat("{\"keras_version\": \"", kKerasVersion, "\"}")},
                   {"config.json", config.dump()},
                   {kWeightsH5, format_h5(stored, model.name())}});
}

std::string export_keras(const std::string& path, TensorStore weights, const std::string& weights_path,
                         const ShapeOverrides& shapes) try {
  ModelFile file = ModelFile::open(path);
  refuse_legacy(file.is_legacy(), path);
  const Archive archive = Archive::open(path);
  H5File stored = read_weights(archive);

  Model model = open_model(file, shapes);
  model.make_what_is_trained();
  Module module = load_predict(model, file);  // refuses a file that has not what the model asks for
  merge_adapters(model.root(), weights);
  put(weight_places(model, stored), weights, weights_path, stored);

  if (is_stored(weights, kOptimizer)) {
    CompileConfig compiled = CompileConfig::read(file.compile_config());
    if (file.scales_loss()) compiled.optimizer = scaling_the_loss(compiled.optimizer);
    const TrainingSignature training = add_training(module, model, compiled, path);
    drop_optimizer(stored);
    put(optimizer_places(training.optimizer_state), weights, weights_path, stored);
    name_optimizer(training.optimizer_state, stored);
  }
  if (!weights.empty())
    throw Error(ErrorKind::data, cat("has ", weights.begin()->first, ", which the model has not"),
                weights_path);

  set_attributes(stored);
  Members members = other_members(archive);
  members.emplace_back(kWeightsH5, format_h5(stored, path));
  return make_zip(members);
} catch (const Error& error) {
  const bool is_named = error.where().starts_with(path) || error.where().starts_with(weights_path);
  throw is_named ? error : error.within(path);
}

FileTemplate keras_template(const std::string& path, const Model& model, std::span<const Variable> optimizer,
                            const CompileConfig& given) {
  const bool is_text = path.ends_with(".json");
  if (is_text)
    throw Error(ErrorKind::unsupported, "is no .keras file, which could get other weights", path,
                "save the model as one first: model.save(\"model.keras\")");
  refuse_legacy(ModelFile::open(path).is_legacy(), path);
  const Archive archive = Archive::open(path);
  H5File stored = read_weights(archive);
  drop_optimizer(stored);
  std::vector<Place> places = weight_places(model, stored);
  for (const Adapters& adapters : find_adapters(model.root()))
    for (Place& place : places)
      if (place.name == adapters.kernel.name) place.name = merged_name(place.name);
  for (Place& place : optimizer_places(optimizer)) places.push_back(std::move(place));
  for (const Place& place : places)
    stored.datasets.insert_or_assign(place.stored_at, value_of({place.name, place.type}));
  name_optimizer(optimizer, stored);
  set_attributes(stored);

  Members members = other_members(archive);
  for (auto& [name, bytes] : members)
    if (name == "config.json") bytes = compiled_config(bytes, given, archive.where(name));
  const H5Image image = format_h5_image(stored, path);
  members.emplace_back(kWeightsH5, image.bytes);
  FileTemplate file{.bytes = make_zip(members)};
  const ZipMember weights = last_member(file.bytes, members);
  file.summed = {weights.offset, weights.bytes};
  for (const uint64_t at : weights.checksums)
    file.holes.push_back({at, 4, FileTemplate::Source::checksum, {}});
  for (const Place& place : places)
    if (const auto found = image.offsets.find(place.stored_at); found != image.offsets.end())
      file.holes.push_back({weights.offset + found->second, static_cast<uint64_t>(place.type.bytes().value()),
                            FileTemplate::Source::variable, place.name});
  return file;
}

}  // namespace keratin
