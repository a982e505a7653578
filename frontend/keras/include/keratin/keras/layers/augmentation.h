// Layers that change images at random while a model is trained: [N,h,w,c] → [N,h,w,c]. A factor is a pair of bounds, or one number
// f, which stands for -f … f, as far as the layer takes that. At inference they give their input back, unless they say otherwise.
#pragma once

#include <keratin/keras/layer.h>

#include <vector>

namespace keratin::keras::layers {

struct AutoContrastOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Each channel of each image stretched to the whole range, at inference, too.
Layer AutoContrast(const AutoContrastOptions& options = {});

struct EqualizationOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  int64_t bins = 256;            ///< of the histogram
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// The values of each channel spread evenly over the range.
Layer Equalization(const EqualizationOptions& options = {});

struct ContrastLimitedAdaptiveHistogramEqualizationOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  double clip_limit = 4.0;       ///< how often a value may be there, in multiples of the mean
  Value tile_grid_size = {8, 8};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// The values spread evenly, in each part of an image by itself; at inference, too.
Layer ContrastLimitedAdaptiveHistogramEqualization(
    const ContrastLimitedAdaptiveHistogramEqualizationOptions& options = {});

struct RandomFlipOptions {
  std::string mode = "horizontal_and_vertical";  ///< or "horizontal", "vertical"
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Mirrors half of the images.
Layer RandomFlip(const RandomFlipOptions& options = {});

struct RandomCropOptions {
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// A part of each image, the same for a batch. At inference Keras gives the whole images.
Layer RandomCrop(int64_t height, int64_t width, const RandomCropOptions& options = {});

struct RandomRotationOptions {
  std::string fill_mode = "reflect";       ///< or "constant", "nearest", "wrap"
  std::string interpolation = "bilinear";  ///< or "nearest"
  Value seed = {};
  double fill_value = 0.0;
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Turns by a part of the whole turn.
Layer RandomRotation(const Value& factor, const RandomRotationOptions& options = {});

struct RandomZoomOptions {
  Value width_factor = {};                 ///< None: that of the height
  std::string fill_mode = "reflect";       ///< or "constant", "nearest", "wrap"
  std::string interpolation = "bilinear";  ///< or "nearest"
  Value seed = {};
  double fill_value = 0.0;
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Makes smaller (above 0) or larger.
Layer RandomZoom(const Value& height_factor, const RandomZoomOptions& options = {});

struct RandomTranslationOptions {
  std::string fill_mode = "reflect";       ///< or "constant", "nearest", "wrap"
  std::string interpolation = "bilinear";  ///< or "nearest"
  Value seed = {};
  double fill_value = 0.0;
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Moves by a part of the height and the width.
Layer RandomTranslation(const Value& height_factor, const Value& width_factor,
                        const RandomTranslationOptions& options = {});

struct RandomShearOptions {
  Value x_factor = 0.0;
  Value y_factor = 0.0;
  std::string interpolation = "bilinear";  ///< or "nearest"
  std::string fill_mode = "reflect";       ///< or "constant", "nearest", "wrap"
  double fill_value = 0.0;
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// Shears along both axes.
Layer RandomShear(const RandomShearOptions& options = {});

struct RandomPerspectiveOptions {
  Value factor = 1.0;                      ///< the probability
  double scale = 1.0;                      ///< how far corners may move
  std::string interpolation = "bilinear";  ///< or "nearest"
  double fill_value = 0.0;
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Moves the four corners.
Layer RandomPerspective(const RandomPerspectiveOptions& options = {});

struct RandomElasticTransformOptions {
  Value factor = 1.0;  ///< the probability
  Value scale = 1.0;
  std::string interpolation = "bilinear";  ///< or "nearest"
  std::string fill_mode = "reflect";       ///< or "constant", "nearest", "wrap", "mirror"
  double fill_value = 0.0;
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Moves pixels by smooth noise.
Layer RandomElasticTransform(const RandomElasticTransformOptions& options = {});

struct RandomBrightnessOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Adds a part of the range.
Layer RandomBrightness(const Value& factor, const RandomBrightnessOptions& options = {});

struct RandomContrastOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Moves values away from their mean, or towards it.
Layer RandomContrast(const Value& factor, const RandomContrastOptions& options = {});

struct RandomSaturationOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// 0.5 leaves colours as they are; 0 takes them away.
Layer RandomSaturation(const Value& factor, const RandomSaturationOptions& options = {});

struct RandomHueOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// Turns the hue by a part of half a turn.
Layer RandomHue(const Value& factor, const RandomHueOptions& options = {});

struct RandomColorDegenerationOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// Mixes images with their gray selves.
Layer RandomColorDegeneration(const Value& factor, const RandomColorDegenerationOptions& options = {});

struct RandomPosterizationOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// Keeps so many bits of each value.
Layer RandomPosterization(const Value& factor, const RandomPosterizationOptions& options = {});

struct RandomSharpnessOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// 0 blurs, 1 sharpens.
Layer RandomSharpness(const Value& factor, const RandomSharpnessOptions& options = {});

struct RandomGrayscaleOptions {
  double factor = 0.5;  ///< the probability
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// Takes colours away.
Layer RandomGrayscale(const RandomGrayscaleOptions& options = {});

struct RandomInvertOptions {
  Value factor = 1.0;            ///< the probability
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Makes negatives.
Layer RandomInvert(const RandomInvertOptions& options = {});

struct SolarizationOptions {
  Value addition_factor = 0.0;
  Value threshold_factor = 0.0;
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Inverts what is above a threshold.
Layer Solarization(const SolarizationOptions& options = {});

struct RandomColorJitterOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  Value brightness_factor = {};
  Value contrast_factor = {};
  Value saturation_factor = {};
  Value hue_factor = {};
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// The four changes that have a factor, one after the other.
Layer RandomColorJitter(const RandomColorJitterOptions& options = {});

struct RandomGaussianBlurOptions {
  Value factor = 1.0;     ///< the probability
  Value kernel_size = 3;  ///< odd
  Value sigma = 1.0;
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// Blurs.
Layer RandomGaussianBlur(const RandomGaussianBlurOptions& options = {});

struct RandomErasingOptions {
  Value factor = 1.0;            ///< the probability
  Value scale = {0.02, 0.33};    ///< how large a part
  Value fill_value = {};         ///< None is noise
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Covers a box of each image.
Layer RandomErasing(const RandomErasingOptions& options = {});

struct MixUpOptions {
  double alpha = 0.2;
  std::string data_format = "channels_last";
  Value seed = {};
  std::string name = {};
  bool trainable = true;
};
/// Mixes each image with another of the batch. Labels are not mixed.
Layer MixUp(const MixUpOptions& options = {});

struct CutMixOptions {
  Value factor = 1.0;
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Puts a box of another image of the batch into each. Labels are not mixed.
Layer CutMix(const CutMixOptions& options = {});

struct RandAugmentOptions {
  Value value_range = {0, 255};            ///< the smallest and the largest value of a pixel
  int64_t num_ops = 2;                     ///< so many changes, one after the other
  Value factor = 0.5;                      ///< how strong
  std::string interpolation = "bilinear";  ///< or "nearest"
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Changes of eleven kinds, drawn for each batch.
Layer RandAugment(const RandAugmentOptions& options = {});

struct AugMixOptions {
  Value value_range = {0, 255};  ///< the smallest and the largest value of a pixel
  int64_t num_chains = 3;
  int64_t chain_depth = 3;
  Value factor = 0.3;
  double alpha = 1.0;
  bool all_ops = true;
  std::string interpolation = "bilinear";  ///< or "nearest"
  Value seed = {};
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
};
/// Mixes images with chains of changes of them. Not in training.
Layer AugMix(const AugMixOptions& options = {});

struct PipelineOptions {
  std::string name = {};
};
/// One layer after the other. Keras has no `trainable` for it.
Layer Pipeline(const std::vector<Layer>& layers, const PipelineOptions& options = {});

}  // namespace keratin::keras::layers
