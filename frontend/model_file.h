// A Keras model file, opened: the configuration as JSON and the weights by the file's own rules.
//
// Three forms are told apart by content: the `.keras` archive, the same members in a folder, and the legacy
// `.h5`. Nothing in them is executed or extracted to disk. Whoever interprets the configuration lists the
// variables it asks for, in the order in which Keras makes them; take_weights() finds each one, whatever the
// form:
//
//  * `.keras`: at <group>/vars/<index> of model.weights.h5 (or .npz), with groups named by snake_case() and
//    GroupNames: "layers/bidirectional_1/forward_layer/cell". A child group that older files begin with an
//    underscore ("_query_dense") is found under either name.
//  * legacy `.h5`: each layer of the outermost model has one flat list of weights, trainable ones first.
//
// A file of weights alone, as save_weights() writes it, can take the place of the model's own; then the model may be a `.json` file, the
// text that to_json() gives.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/archive.h"
#include "frontend/h5_file.h"
#include "frontend/json.h"
#include "frontend/legacy_weights.h"
#include "ir/tensor.h"

namespace keratin {

/// A variable that the configuration asks for.
struct WantedVariable {
  std::string layer;  ///< name of the layer of the outermost model that it is in
  std::string group;  ///< its group in a `.keras` file, without "vars"
  size_t index = 0;   ///< its place among the variables of the group
  std::string name;   ///< "kernel": for messages
  std::vector<int64_t> shape;
  bool trainable = true;  ///< and no layer around it is frozen
  bool is_copy = false;   ///< of another: counted and checked, but not read; legacy files do not have it
  StoredAs form = StoredAs::itself;
  int64_t gates = 1;  ///< blocks of columns, where the form has them
};

class ModelFile {
 public:
  /// Throws Error(no_input) if `path` cannot be read, Error(data) if it is no Keras model file.
  static ModelFile open(const std::string& path);
  /// From here on weights are those of another file: a `.weights.h5` of Keras 3, or an `.h5` of Keras 2 with or without a model. Throws like
  /// open().
  void read_weights(const std::string& path);

  const std::string& path() const { return path_; }
  bool is_legacy() const { return legacy_; }
  const std::string& keras_version() const { return keras_version_; }

  /// The serialized model: {"module", "class_name", "config", …}.
  const Json& config() const { return config_; }
  /// How it was compiled ("compile_config", or a legacy file's "training_config"), or null.
  const Json& compile_config() const { return compile_config_; }

  /// The text that a layer has beside its weights, at GROUP/NAME: "layers/string_lookup/vocabulary.txt"; null if there is none.
  const std::string* asset(const std::string& name) const;
  /// Whether there are weights in a group, or in one of its own groups.
  bool has_group(const std::string& group) const;
  /// An array among the weights that is no numbered variable: "layers/string_lookup/vars/idf_weights"; null if there is none.
  const Tensor* dataset(const std::string& name) const;

  /// The variables' values as stored, one per entry of `wanted`. They leave this object: each can be taken
  /// once. Throws Error(data), naming file, layer and shapes, if one is absent, has another shape, or has
  /// neighbours in its group (legacy: in its layer) that nobody asks for.
  std::vector<Tensor> take_weights(std::span<const WantedVariable> all);

  /// Whether the model's policy is mixed_float16, as far as the file tells. A Sequential's config has the policy. Of other models only what
  /// the optimizer's variables show, or without them that there are layers of that policy.
  bool is_mixed_float16() const;
  /// Whether the stored optimizer is within a LossScaleOptimizer, whatever compile_config() says: of a model of mixed_float16, Keras stores the
  /// optimizer as it was given to compile(), and the variables of what compile() made of it.
  bool scales_loss() const;

  /// The optimizer's variables in the file's order; empty if there are none. They leave this object too.
  std::vector<Tensor> take_optimizer_state();

 private:
  void read_archive(const Archive& archive);
  void read_legacy(std::string bytes);
  void read_text(std::string_view text);
  std::vector<std::string> locate(std::span<const WantedVariable> wanted) const;
  std::vector<std::string> locate_legacy(std::span<const WantedVariable> wanted) const;
  std::string find_group(const std::string& group) const;
  /// Whether the optimizer's variables are those of a LossScaleOptimizer; nothing if there are none, or if compile_config() tells.
  std::optional<bool> has_loss_scale() const;
  void check(const std::string& stored_at, const WantedVariable& wanted) const;
  Tensor take(const std::string& stored_at);

  std::string path_, keras_version_;
  bool legacy_ = false;       // weights are in lists, one per layer
  std::string legacy_group_;  // which has those lists, with a slash behind
  std::string weights_path_;  // the file that they are from; empty: none
  Json config_, compile_config_;
  std::map<std::string, std::string> assets_;  // all files in the folder "assets"
  H5File weights_;                             // of a model.weights.npz: its arrays as datasets
};

/// The class name as the weights file writes it: "Conv2DTranspose" → "conv2d_transpose", "PReLU" → "p_re_lu".
/// Knows that GroupQueryAttention's class is GroupedQueryAttention.
std::string snake_case(std::string_view class_name);

/// The group's last step with an underscore in front, or without the one that it has: some versions of Keras write it so.
std::string other_spelling(const std::string& group);

/// Numbers the groups of one list of layers: "dense", "dense_1", "conv2d", "dense_2".
class GroupNames {
 public:
  std::string next(std::string_view class_name);

 private:
  std::map<std::string, size_t> used_;
};

}  // namespace keratin
