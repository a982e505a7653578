// The tables of layers, one per file of this folder.
#pragma once

#include <span>

#include "frontend/layer.h"

namespace keratin {

std::span<const LayerDef> model_layers();
std::span<const LayerDef> core_layers();
std::span<const LayerDef> einsum_dense_layers();
std::span<const LayerDef> activation_layers();
std::span<const LayerDef> conv_layers();
std::span<const LayerDef> locally_connected_layers();
std::span<const LayerDef> pool_layers();
std::span<const LayerDef> norm_layers();
std::span<const LayerDef> merge_layers();
std::span<const LayerDef> reshape_layers();
std::span<const LayerDef> resample_layers();
std::span<const LayerDef> recurrent_layers();
std::span<const LayerDef> regularization_layers();
std::span<const LayerDef> conv_transpose_layers();
std::span<const LayerDef> attention_layers();
std::span<const LayerDef> wrapper_layers();
std::span<const LayerDef> preprocessing_layers();
std::span<const LayerDef> hashing_layers();
std::span<const LayerDef> lookup_layers();
std::span<const LayerDef> string_lookup_layers();
std::span<const LayerDef> spectrogram_layers();
std::span<const LayerDef> image_geometry_layers();
std::span<const LayerDef> image_color_layers();
std::span<const LayerDef> image_mixing_layers();
std::span<const LayerDef> histogram_layers();
std::span<const LayerDef> augmentation_layers();
std::span<const LayerDef> applications_layers();

/// What calls of recurrent layers, and of those around them, take beside the sequence.
inline constexpr std::string_view kInitialState[] = {"initial_state"};

}  // namespace keratin
