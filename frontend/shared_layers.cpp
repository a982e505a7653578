#include "frontend/shared_layers.h"

#include <algorithm>
#include <optional>

#include "frontend/layer.h"
#include "frontend/model_file.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

std::optional<int64_t> id_of(const Json& object) {
  const Json& id = object[kSharedId];
  return id.kind() == Json::Kind::integer ? std::optional(id.as_int()) : std::nullopt;
}

/// Whether two values are the same but for ids.
bool is_same(const Json& a, const Json& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is_array())
    return std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), is_same);
  if (!a.is_object()) return a.dump() == b.dump();
  const auto size = [](const Json& object) { return object.size() - (object.has(kSharedId) ? 1 : 0); };
  return size(a) == size(b) && std::all_of(a.members().begin(), a.members().end(), [&](const auto& member) {
           return member.first == kSharedId ||
                  (b.has(member.first) && is_same(member.second, b[member.first]));
         });
}

/// Whether two objects describe the same layer. Names, which come first, differ as a rule.
bool describe_one_layer(const Json& a, const Json& b) {
  return a["class_name"].as_string() == b["class_name"].as_string() && is_same(a["config"], b["config"]);
}

}  // namespace

Layer* SharedLayers::find(const Json& object, const std::string& group, const ModelFile* file) {
  const auto known = std::find_if(other_groups_.begin(), other_groups_.end(),
                                  [&](const auto& other) { return other.second == group && !group.empty(); });
  if (known != other_groups_.end()) return known->first;
  const std::optional<int64_t> id = id_of(object);
  Layer* found = nullptr;
  if (id && by_id_.contains(*id)) {
    found = by_id_.at(*id);
  } else {
    const bool has_weights = file != nullptr && file->has_group(group);
    for (const auto& [other, layer] : made_) {
      if (!describe_one_layer(*other, object)) continue;
      const bool may_be =
          file == nullptr ? id && !id_of(*other) : has_weights != has_weights_of(*layer, *file);
      if (!may_be) continue;
      if (found != nullptr)
        throw Error(ErrorKind::unsupported,
                    cat("the file does not tell whether it is the layer ", quoted(found->origin()), " or ",
                        quoted(layer->origin())),
                    found->where(), "give the layers of the model different names");
      found = layer;
    }
    if (found != nullptr && id) by_id_[*id] = found;
  }
  if (found != nullptr) other_groups_.emplace(found, group);
  return found;
}

bool SharedLayers::has_weights_of(Layer& layer, const ModelFile& file) const {
  return file.has_group(layer.group()) ||
         std::any_of(other_groups_.begin(), other_groups_.end(), [&](const auto& other) {
           return other.first == &layer && file.has_group(other.second);
         });
}

void SharedLayers::add(const Json& object, Layer& layer) {
  const std::optional<int64_t> id = id_of(object);
  if (id) by_id_[*id] = &layer;
  made_.emplace_back(&object, &layer);
}

void SharedLayers::move_to_weights(const ModelFile& file) {
  for (const auto& [layer, group] : other_groups_)
    if (!file.has_group(layer->group()) && file.has_group(group)) layer->move(group);
}

}  // namespace keratin
