#include "frontend/layers/tables.h"

namespace keratin {
namespace {

constexpr std::span<const LayerDef> (*kTables[])() = {
    model_layers,
    core_layers,
    einsum_dense_layers,
    activation_layers,
    conv_layers,
    conv_transpose_layers,
    locally_connected_layers,
    pool_layers,
    norm_layers,
    regularization_layers,
    merge_layers,
    reshape_layers,
    resample_layers,
    recurrent_layers,
    attention_layers,
    wrapper_layers,
    preprocessing_layers,
    hashing_layers,
    lookup_layers,
    spectrogram_layers,
    image_geometry_layers,
    image_color_layers,
    image_mixing_layers,
    histogram_layers,
    augmentation_layers,
    applications_layers,
};

}  // namespace

const LayerDef* find_layer_def(std::string_view class_name) {
  for (const auto table : kTables)
    for (const LayerDef& row : table())
      if (row.class_name == class_name) return &row;
  return nullptr;
}

std::vector<std::string_view> layer_class_names() {
  std::vector<std::string_view> names;
  for (const auto table : kTables)
    for (const LayerDef& row : table()) names.push_back(row.class_name);
  return names;
}

}  // namespace keratin
