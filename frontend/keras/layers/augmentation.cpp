#include <keratin/keras/layers/augmentation.h>

#include "frontend/keras/layers/arguments.h"
#include "frontend/keras/make.h"

namespace keratin::keras::layers {

Layer AutoContrast(const AutoContrastOptions& o) {
  return make_layer("AutoContrast", o.name, o.trainable,
                    {{"value_range", o.value_range}, {"data_format", o.data_format}});
}

Layer Equalization(const EqualizationOptions& o) {
  return make_layer("Equalization", o.name, o.trainable,
                    {{"value_range", o.value_range}, {"bins", o.bins}, {"data_format", o.data_format}});
}

Layer ContrastLimitedAdaptiveHistogramEqualization(
    const ContrastLimitedAdaptiveHistogramEqualizationOptions& o) {
  return make_layer("ContrastLimitedAdaptiveHistogramEqualization", o.name, o.trainable,
                    {{"value_range", o.value_range},
                     {"clip_limit", o.clip_limit},
                     {"tile_grid_size", o.tile_grid_size},
                     {"data_format", o.data_format}});
}

Layer RandomFlip(const RandomFlipOptions& o) {
  return make_layer("RandomFlip", o.name, o.trainable,
                    {{"mode", o.mode}, {"seed", o.seed}, {"data_format", o.data_format}});
}

Layer RandomCrop(int64_t height, int64_t width, const RandomCropOptions& o) {
  return make_layer("RandomCrop", o.name, o.trainable,
                    {{"height", height}, {"width", width}, {"seed", o.seed}, {"data_format", o.data_format}});
}

Layer RandomRotation(const Value& factor, const RandomRotationOptions& o) {
  return make_layer("RandomRotation", o.name, o.trainable,
                    {{"factor", interval_of(factor, -1)},
                     {"fill_mode", o.fill_mode},
                     {"interpolation", o.interpolation},
                     {"seed", o.seed},
                     {"fill_value", o.fill_value},
                     {"data_format", o.data_format}});
}

Layer RandomZoom(const Value& height_factor, const RandomZoomOptions& o) {
  return make_layer("RandomZoom", o.name, o.trainable,
                    {{"height_factor", height_factor},
                     {"width_factor", o.width_factor},
                     {"fill_mode", o.fill_mode},
                     {"interpolation", o.interpolation},
                     {"seed", o.seed},
                     {"fill_value", o.fill_value},
                     {"data_format", o.data_format}});
}

Layer RandomTranslation(const Value& height_factor, const Value& width_factor,
                        const RandomTranslationOptions& o) {
  return make_layer("RandomTranslation", o.name, o.trainable,
                    {{"height_factor", height_factor},
                     {"width_factor", width_factor},
                     {"fill_mode", o.fill_mode},
                     {"interpolation", o.interpolation},
                     {"seed", o.seed},
                     {"fill_value", o.fill_value},
                     {"data_format", o.data_format}});
}

Layer RandomShear(const RandomShearOptions& o) {
  return make_layer("RandomShear", o.name, o.trainable,
                    {{"x_factor", interval_of(o.x_factor, -1)},
                     {"y_factor", interval_of(o.y_factor, -1)},
                     {"interpolation", o.interpolation},
                     {"fill_mode", o.fill_mode},
                     {"fill_value", o.fill_value},
                     {"data_format", o.data_format},
                     {"seed", o.seed}});
}

Layer RandomPerspective(const RandomPerspectiveOptions& o) {
  return make_layer("RandomPerspective", o.name, o.trainable,
                    {{"factor", interval_of(o.factor, 0)},
                     {"scale", o.scale},
                     {"interpolation", o.interpolation},
                     {"fill_value", o.fill_value},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer RandomElasticTransform(const RandomElasticTransformOptions& o) {
  return make_layer("RandomElasticTransform", o.name, o.trainable,
                    {{"factor", interval_of(o.factor, 0)},
                     {"scale", interval_of(o.scale, 0)},
                     {"interpolation", o.interpolation},
                     {"fill_mode", o.fill_mode},
                     {"fill_value", o.fill_value},
                     {"value_range", o.value_range},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer RandomBrightness(const Value& factor, const RandomBrightnessOptions& o) {
  return make_layer("RandomBrightness", o.name, o.trainable,
                    {{"factor", interval_of(factor, -1)},
                     {"value_range", o.value_range},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer RandomContrast(const Value& factor, const RandomContrastOptions& o) {
  return make_layer("RandomContrast", o.name, o.trainable,
                    {{"factor", interval_of(factor, 0)},
                     {"value_range", o.value_range},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer RandomSaturation(const Value& factor, const RandomSaturationOptions& o) {
  return make_layer("RandomSaturation", o.name, o.trainable,
                    {{"factor", interval_of(factor, -1)},
                     {"value_range", o.value_range},
                     {"data_format", o.data_format},
                     {"seed", o.seed}});
}

Layer RandomHue(const Value& factor, const RandomHueOptions& o) {
  return make_layer("RandomHue", o.name, o.trainable,
                    {{"factor", interval_of(factor, 0)},
                     {"value_range", o.value_range},
                     {"data_format", o.data_format},
                     {"seed", o.seed}});
}

Layer RandomColorDegeneration(const Value& factor, const RandomColorDegenerationOptions& o) {
  return make_layer("RandomColorDegeneration", o.name, o.trainable,
                    {{"factor", interval_of(factor, -1)},
                     {"value_range", o.value_range},
                     {"data_format", o.data_format},
                     {"seed", o.seed}});
}

Layer RandomPosterization(const Value& factor, const RandomPosterizationOptions& o) {
  return make_layer("RandomPosterization", o.name, o.trainable,
                    {{"factor", interval_of(factor, 1)},
                     {"value_range", o.value_range},
                     {"data_format", o.data_format},
                     {"seed", o.seed}});
}

Layer RandomSharpness(const Value& factor, const RandomSharpnessOptions& o) {
  return make_layer("RandomSharpness", o.name, o.trainable,
                    {{"factor", interval_of(factor, 0)},
                     {"value_range", o.value_range},
                     {"data_format", o.data_format},
                     {"seed", o.seed}});
}

Layer RandomGrayscale(const RandomGrayscaleOptions& o) {
  return make_layer("RandomGrayscale", o.name, o.trainable,
                    {{"factor", o.factor}, {"data_format", o.data_format}});
}

Layer RandomInvert(const RandomInvertOptions& o) {
  return make_layer("RandomInvert", o.name, o.trainable,
                    {{"factor", interval_of(o.factor, 0)},
                     {"value_range", o.value_range},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer Solarization(const SolarizationOptions& o) {
  return make_layer("Solarization", o.name, o.trainable,
                    {{"addition_factor", interval_of(o.addition_factor, 0)},
                     {"threshold_factor", interval_of(o.threshold_factor, 0)},
                     {"value_range", o.value_range},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer RandomColorJitter(const RandomColorJitterOptions& o) {
  return make_layer("RandomColorJitter", o.name, o.trainable,
                    {{"value_range", o.value_range},
                     {"brightness_factor", o.brightness_factor},
                     {"contrast_factor", o.contrast_factor},
                     {"saturation_factor", o.saturation_factor},
                     {"hue_factor", o.hue_factor},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer RandomGaussianBlur(const RandomGaussianBlurOptions& o) {
  return make_layer("RandomGaussianBlur", o.name, o.trainable,
                    {{"factor", interval_of(o.factor, 0)},
                     {"kernel_size", repeated(o.kernel_size, 2)},
                     {"sigma", interval_of(o.sigma, 0)},
                     {"value_range", o.value_range},
                     {"data_format", o.data_format},
                     {"seed", o.seed}});
}

Layer RandomErasing(const RandomErasingOptions& o) {
  return make_layer("RandomErasing", o.name, o.trainable,
                    {{"factor", interval_of(o.factor, 0)},
                     {"scale", interval_of(o.scale, 0)},
                     {"fill_value", o.fill_value},
                     {"value_range", o.value_range},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer MixUp(const MixUpOptions& o) {
  return make_layer("MixUp", o.name, o.trainable,
                    {{"alpha", o.alpha}, {"data_format", o.data_format}, {"seed", o.seed}});
}

Layer CutMix(const CutMixOptions& o) {
  return make_layer("CutMix", o.name, o.trainable,
                    {{"factor", interval_of(o.factor, 0)}, {"seed", o.seed}, {"data_format", o.data_format}});
}

Layer RandAugment(const RandAugmentOptions& o) {
  return make_layer("RandAugment", o.name, o.trainable,
                    {{"value_range", o.value_range},
                     {"num_ops", o.num_ops},
                     {"factor", interval_of(o.factor, 0)},
                     {"interpolation", o.interpolation},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer AugMix(const AugMixOptions& o) {
  return make_layer("AugMix", o.name, o.trainable,
                    {{"value_range", o.value_range},
                     {"num_chains", o.num_chains},
                     {"chain_depth", o.chain_depth},
                     {"factor", interval_of(o.factor, 0)},
                     {"alpha", o.alpha},
                     {"all_ops", o.all_ops},
                     {"interpolation", o.interpolation},
                     {"seed", o.seed},
                     {"data_format", o.data_format}});
}

Layer Pipeline(const std::vector<Layer>& layers, const PipelineOptions& o) {
  std::vector<Value> objects;
  for (const Layer& layer : layers) objects.emplace_back(layer);
  return make_layer("Pipeline", o.name, true, {{"layers", objects}});
}

}  // namespace keratin::keras::layers
