#include "frontend/model_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "frontend/file.h"
#include "frontend/legacy_compile.h"
#include "frontend/npy.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

constexpr uint64_t kMaxText = uint64_t{64} << 20;
constexpr std::string_view kAssets = "assets/";
constexpr const char* kWeightsH5 = "model.weights.h5";
constexpr const char* kWeightsNpz = "model.weights.npz";
constexpr const char* kOptimizerVariables = "optimizer/vars/";

[[noreturn]] void fail(const std::string& message, const std::string& where, const std::string& hint = {}) {
  throw Error(ErrorKind::data, message, where, hint);
}

std::string shape_text(const std::vector<int64_t>& shape) { return cat("[", join(shape, ","), "]"); }

/// How many datasets lie at prefix0, prefix1, …
size_t count_numbered(const H5File& file, const std::string& prefix) {
  size_t n = 0;
  while (file.datasets.count(cat(prefix, n)) != 0) ++n;
  return n;
}

/// Where a group's variables are, but for their numbers.
std::string variables_of(const std::string& group) { return group.empty() ? "vars/" : group + "/vars/"; }

/// Seeds of random layers, which some versions of Keras list among the weights.
bool is_random_state(std::string_view name) {
  return name.find("seed_generator_state") != std::string_view::npos ||
         name.find("StateVar") != std::string_view::npos;
}

/// A policy with a mode of quantization, or a map of policies, has another name.
bool is_mixed_float16_policy(const Json& policy) {
  const Json& name = policy.is_object() ? policy["config"]["name"] : policy;
  return name.is_string() && name.as_string() == "mixed_float16";
}

bool has_layer_of_mixed_float16(const Json& model) {
  const auto is_one = [](const Json& layer) {
    const Json& config = layer["config"];
    return is_mixed_float16_policy(config["dtype"]) || has_layer_of_mixed_float16(config);
  };
  const Json& layers = model["layers"];
  return layers.is_array() && std::any_of(layers.items().begin(), layers.items().end(), is_one);
}

Json parse_model(std::string_view text, const std::string& where) {
  Json model = Json::parse(text, where);
  // Up to Keras 2.2 a Sequential's config was the list of its layers.
  if (model["class_name"].is_string() && model["config"].is_array())
    model = Json::object({{"class_name", model["class_name"]},
                          {"config", Json::object({{"name", Json::of(std::string("sequential"))},
                                                   {"layers", model["config"]}})}});
  if (!model["class_name"].is_string() || !model["config"].is_object()) fail("describes no model", where);
  return model;
}

}  // namespace

ModelFile ModelFile::open(const std::string& path) {
  ModelFile file;
  file.path_ = path;
  struct stat status;
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    file.read_archive(Archive::open(path));
    return file;
  }
  std::string bytes = read_file(path);
  if (Archive::is_zip(bytes)) {
    file.read_archive(Archive::from_zip(std::move(bytes), path));
  } else if (is_h5(bytes)) {
    file.read_legacy(std::move(bytes));
  } else if (bytes.starts_with('{')) {
    file.read_text(bytes);
  } else {
    fail("is no Keras model file: neither a zip archive nor HDF5", path,
         "model.save(\"model.keras\") writes one");
  }
  return file;
}

void ModelFile::read_text(std::string_view text) {
  config_ = parse_model(text, path_);
  compile_config_ = config_["compile_config"];
  // Keras 2 says who wrote the text; Keras 3 says of which module each class is.
  if (config_["keras_version"].is_string()) keras_version_ = config_["keras_version"].as_string();
  if (keras_version_.empty() && config_.has("module")) keras_version_ = "3";
}

void ModelFile::read_weights(const std::string& path) {
  const std::string bytes = read_file(path);
  if (!is_h5(bytes))
    fail("is no file of weights: not HDF5", path, "model.save_weights(\"model.weights.h5\") writes one");
  weights_ = parse_h5(bytes, path);
  weights_path_ = path;
  legacy_ = false;
  for (const char* prefix : {"", "model_weights/"}) {
    const std::string_view group = prefix;
    if (weights_.names(group.substr(0, group.find('/')), "layer_names").empty()) continue;
    legacy_ = true;
    legacy_group_ = group;
  }
}

void ModelFile::read_archive(const Archive& archive) {
  config_ = parse_model(archive.read("config.json", kMaxText), archive.where("config.json"));
  compile_config_ = config_["compile_config"];
  if (archive.has("metadata.json")) {
    const Json metadata =
        Json::parse(archive.read("metadata.json", kMaxText), archive.where("metadata.json"));
    if (metadata["keras_version"].is_string()) keras_version_ = metadata["keras_version"].as_string();
  }
  for (const std::string& name : archive.assets())
    assets_.emplace(name.substr(kAssets.size()), archive.read(name, archive.max_member_bytes()));
  weights_path_ = path_;
  const bool npz = !archive.has(kWeightsH5) && archive.has(kWeightsNpz);
  const char* member = npz ? kWeightsNpz : kWeightsH5;
  std::string bytes = archive.read(member, archive.max_member_bytes());
  if (npz) {
    for (auto& [name, tensor] : parse_npz(std::move(bytes), archive.where(member))) {
      weights_.datasets.emplace(name, std::move(tensor));
    }
  } else {
    weights_ = parse_h5(bytes, archive.where(member));
  }
}

void ModelFile::read_legacy(std::string bytes) {
  legacy_ = true;
  legacy_group_ = "model_weights/";
  weights_path_ = path_;
  weights_ = parse_h5(bytes, path_);
  const std::string* config = weights_.text("", "model_config");
  if (!config) {
    fail("holds no model configuration, only weights or something else", path_,
         "save the whole model: model.save(\"model.keras\")");
  }
  config_ = parse_model(*config, cat(path_, ":model_config"));
  if (const std::string* text = weights_.text("", "training_config")) {
    compile_config_ = Json::parse(*text, cat(path_, ":training_config"));
  }
  if (const std::string* version = weights_.text("", "keras_version")) keras_version_ = *version;
  if (keras_version_.starts_with("1."))
    throw Error(ErrorKind::unsupported, "was written by Keras 1", path_,
                "load it with Keras 2, which knows the old names, and save it again");
}

const std::string* ModelFile::asset(const std::string& name) const {
  const auto found = assets_.find(name);
  return found == assets_.end() ? nullptr : &found->second;
}

bool ModelFile::has_group(const std::string& group) const {
  const std::string prefix = cat(group, "/");
  const auto found = weights_.datasets.lower_bound(prefix);
  return found != weights_.datasets.end() && found->first.starts_with(prefix);
}

const Tensor* ModelFile::dataset(const std::string& name) const {
  const auto found = weights_.datasets.find(name);
  return found == weights_.datasets.end() ? nullptr : &found->second;
}

// ---- Weights ----

std::string ModelFile::find_group(const std::string& group) const {
  for (const std::string& candidate : {group, other_spelling(group)}) {
    if (count_numbered(weights_, variables_of(candidate)) > 0) return candidate;
  }
  return group;
}

void ModelFile::check(const std::string& stored_at, const WantedVariable& wanted) const {
  const std::string where = cat(weights_path_, ": layer ", keratin::quoted(wanted.layer), ": ", stored_at);
  const auto it = weights_.datasets.find(stored_at);
  if (it == weights_.datasets.end()) {
    const auto skipped = weights_.skipped.find(stored_at);
    const std::string expected = cat(" (", wanted.name, ", of shape ", shape_text(wanted.shape), ")");
    if (skipped != weights_.skipped.end())
      fail(cat("variable", expected, " cannot be read: ", skipped->second), where);
    fail(cat("variable is missing", expected), where);
  }
  const std::vector<int64_t> shape = stored_shape(wanted.form, wanted.shape);
  if (it->second.shape() != shape) {
    fail(cat("variable ", wanted.name, " has the shape ", shape_text(it->second.shape()),
             "; the configuration asks for ", shape_text(shape)),
         where);
  }
}

std::vector<std::string> ModelFile::locate(std::span<const WantedVariable> wanted) const {
  std::vector<std::string> paths;
  std::map<std::string, std::pair<size_t, const WantedVariable*>>
      in_group;  // how many are wanted, and one of them
  for (const WantedVariable& variable : wanted) {
    const std::string group = find_group(variable.group);
    const std::string path = cat(group.empty() ? "" : group + "/", "vars/", variable.index);
    check(path, variable);
    ++in_group.try_emplace(path.substr(0, path.rfind('/') + 1), 0, &variable).first->second.first;
    if (!variable.is_copy) paths.push_back(path);
  }
  for (const auto& [group, asked] : in_group) {
    const size_t stored = count_numbered(weights_, group);
    if (stored == asked.first) continue;
    fail(cat("holds ", stored, " variables; the configuration asks for ", asked.first),
         cat(weights_path_, ": layer ", keratin::quoted(asked.second->layer), ": ",
             group.substr(0, group.size() - 1)));
  }
  return paths;
}

std::vector<std::string> ModelFile::locate_legacy(std::span<const WantedVariable> wanted) const {
  std::map<std::string, std::vector<size_t>> in_layer;  // numbers of its variables, in Keras's order
  for (size_t i = 0; i < wanted.size(); ++i) in_layer[wanted[i].layer].push_back(i);

  std::vector<std::string> paths(wanted.size());
  for (auto& [layer, numbers] : in_layer) {
    std::stable_partition(numbers.begin(), numbers.end(), [&](size_t i) { return wanted[i].trainable; });
    const std::string group = cat(legacy_group_, layer);
    std::vector<std::string> names = weights_.names(group, "weight_names");
    std::erase_if(names, is_random_state);
    if (names.size() != numbers.size()) {
      fail(cat("holds ", names.size(), " weights; the configuration asks for ", numbers.size()),
           cat(weights_path_, ": layer ", keratin::quoted(layer)));
    }
    for (size_t i = 0; i < numbers.size(); ++i) {
      paths[numbers[i]] = cat(group, "/", names[i]);
      check(paths[numbers[i]], wanted[numbers[i]]);
    }
  }
  return paths;
}

Tensor ModelFile::take(const std::string& stored_at) {
  const auto it = weights_.datasets.find(stored_at);
  if (it == weights_.datasets.end()) fail("variable is missing", cat(weights_path_, ": ", stored_at));
  Tensor tensor = std::move(it->second);
  weights_.datasets.erase(it);
  return tensor;
}

std::vector<Tensor> ModelFile::take_weights(std::span<const WantedVariable> all) {
  std::vector<WantedVariable> wanted(all.begin(), all.end());
  const auto leave_out_copies = [&] {
    std::erase_if(wanted, [](const WantedVariable& variable) { return variable.is_copy; });
  };
  if (legacy_) leave_out_copies();
  if (weights_path_.empty() && !wanted.empty())
    fail("holds no weights, only the model", path_,
         "--weights FILE gives them: model.save_weights() writes such a file");
  const std::vector<std::string> paths = legacy_ ? locate_legacy(wanted) : locate(wanted);
  leave_out_copies();
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < paths.size(); ++i)
    tensors.push_back(from_stored(wanted[i].form, take(paths[i]), wanted[i].shape, wanted[i].gates));
  return tensors;
}

bool ModelFile::is_mixed_float16() const {
  if (const Json& policy = config_["config"]["dtype"]; !policy.is_null())
    return is_mixed_float16_policy(policy);
  return has_loss_scale().value_or(has_layer_of_mixed_float16(config_["config"]));
}

bool ModelFile::scales_loss() const {
  const Json& wanted = compile_config_["auto_scale_loss"];
  return has_loss_scale().value_or((wanted.is_null() || wanted.as_bool()) && is_mixed_float16());
}

std::optional<bool> ModelFile::has_loss_scale() const {
  if (legacy_) {  // the configuration is that of the optimizer that made them
    if (weights_.names("optimizer_weights", "weight_names").empty()) return std::nullopt;
    return false;
  }
  if (count_numbered(weights_, kOptimizerVariables) == 0) return std::nullopt;
  const std::string* name = weights_.text("optimizer/vars", "name");
  return has_group("optimizer/inner_optimizer") || (name != nullptr && *name == "loss_scale_optimizer");
}

std::vector<Tensor> ModelFile::take_optimizer_state() {
  std::vector<std::string> paths;
  if (legacy_) {
    const std::vector<std::string> names = weights_.names("optimizer_weights", "weight_names");
    for (size_t i : optimizer_order(names)) paths.push_back(cat("optimizer_weights/", names[i]));
  } else {
    const size_t count = count_numbered(weights_, kOptimizerVariables);
    for (size_t i = 0; i < count; ++i) paths.push_back(cat(kOptimizerVariables, i));
  }
  std::vector<Tensor> tensors;
  for (const std::string& path : paths) tensors.push_back(take(path));
  return tensors;
}

// ---- Names of groups ----

std::string other_spelling(const std::string& group) {
  const size_t last = group.rfind('/') + 1;  // npos + 1 is 0
  const bool underscored = group.substr(last, 1) == "_";
  return cat(group.substr(0, last), underscored ? "" : "_", group.substr(last + (underscored ? 1 : 0)));
}

std::string snake_case(std::string_view class_name) {
  // The group is named after the Python class; this one is exported to configurations under another name.
  if (class_name == "GroupQueryAttention") class_name = "GroupedQueryAttention";
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  std::string words;
  for (const char c : class_name) {
    if (static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)) || c == '_')
      words += c;
  }
  // First a break before each capital that lower case follows, unless that capital's neighbour was just broken off …
  std::string broken;
  for (size_t i = 0; i < words.size();) {
    broken += words[i++];
    if (i + 1 >= words.size() || !upper(words[i]) || !lower(words[i + 1])) continue;
    broken += '_';
    broken += words[i++];
    while (i < words.size() && lower(words[i])) broken += words[i++];
  }
  // … then one between lower case and a capital.
  std::string snake;
  for (size_t i = 0; i < broken.size(); ++i) {
    if (i > 0 && upper(broken[i]) && lower(broken[i - 1])) snake += '_';
    snake += static_cast<char>(upper(broken[i]) ? std::tolower(broken[i]) : broken[i]);
  }
  return snake;
}

std::string GroupNames::next(std::string_view class_name) {
  std::string name = snake_case(class_name);
  const size_t number = used_[name]++;
  return number == 0 ? name : cat(name, "_", number);
}

}  // namespace keratin
