// Layers that models of keras.applications define for themselves: ConvNeXt's LayerScale, InceptionResNetV2's CustomScaleLayer.
#include "frontend/layers/tables.h"

namespace keratin {
namespace {

constexpr Arg kLayerScaleArgs[] = {{"init_values", ArgKind::real}, {"projection_dim", ArgKind::count}};

/// A factor per channel (H. Touvron et al., Going deeper with image transformers, 2021).
Outputs layer_scale(Call& call) {
  const Expr x = call.float_input();
  const Json start = Json::object({{"class_name", Json::of(std::string("Constant"))},
                                   {"config", Json::object({{"value", call.args().json("init_values")}})}});
  return x *
         call.variable({.name = "gamma", .shape = {call.args().integer("projection_dim")}, .start = start});
}

constexpr Arg kCustomScaleArgs[] = {{"scale", ArgKind::real}};

Outputs custom_scale(Call& call) {
  if (call.inputs().size() != 2)
    call.fail(cat("is called with ", call.inputs().size(), " inputs, expected 2"), {}, ErrorKind::data);
  return call.to_float(call.inputs()[0].value) +
         call.to_float(call.inputs()[1].value) * call.args().real("scale");
}

constexpr LayerDef kLayers[] = {
    {"LayerScale", kLayerScaleArgs, Masks::drop, layer_scale},
    {"CustomScaleLayer", kCustomScaleArgs, Masks::drop, custom_scale},
};

}  // namespace

std::span<const LayerDef> applications_layers() { return kLayers; }

}  // namespace keratin
