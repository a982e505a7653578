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
    string_lookup_layers,
    spectrogram_layers,
    image_geometry_layers,
    image_color_layers,
    image_mixing_layers,
    histogram_layers,
    augmentation_layers,
    applications_layers,
};

}  // namespace

std::deque<LayerDef>& layer_defs() {
  static std::deque<LayerDef> all = [] {
    std::deque<LayerDef> rows;
    for (const auto table : kTables) rows.insert(rows.end(), table().begin(), table().end());
    return rows;
  }();
  return all;
}

const LayerDef* find_layer_def(std::string_view key) {
  for (const LayerDef& row : layer_defs())
    if (row.class_name == key) return &row;
  return nullptr;
}

}  // namespace keratin
