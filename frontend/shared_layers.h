// Layers that are in several places of a model: in two submodels, or in one and around it.
//
// Keras writes such a layer in full at each place, but its weights only at the first. All places but the first have the same
// shared_object_id; the first one may have lost it, as the config of what is around a layer is copied once it is written. So a layer
// without weights is the one that has some and whose object says the same.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontend/json.h"

namespace keratin {

class Layer;
class ModelFile;

/// Member of objects.
inline constexpr std::string_view kSharedId = "shared_object_id";

class SharedLayers {
 public:
  /// The layer that has been made of the same object at another place, or null. `group` is the place in the weights of `file`, if there
  /// is one. Throws Error(unsupported) if it may be one of several.
  Layer* find(const Json& object, const std::string& group, const ModelFile* file);
  /// `object` and `layer` must outlive this.
  void add(const Json& object, Layer& layer);
  /// Weights are at the place that Keras came to first, which may be another than the one where the layer was made.
  void move_to_weights(const ModelFile& file);

 private:
  /// At one of the places where the layer has been seen.
  bool has_weights_of(Layer& layer, const ModelFile& file) const;

  std::map<int64_t, Layer*> by_id_;
  std::vector<std::pair<const Json*, Layer*>> made_;
  std::set<std::pair<Layer*, std::string>> other_groups_;
};

}  // namespace keratin
