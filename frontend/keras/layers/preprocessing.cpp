#include <keratin/keras/layers/preprocessing.h>

#include "frontend/keras/make.h"

namespace keratin::keras::layers {

Layer Rescaling(const Value& scale, const RescalingOptions& o) {
  return make_layer("Rescaling", o.name, o.trainable, {{"scale", scale}, {"offset", o.offset}});
}

Layer Normalization(const NormalizationOptions& o) {
  const Value no_axes = std::vector<Value>();
  return make_layer("Normalization", o.name, o.trainable,
                    {{"axis", o.axis.is_none() ? no_axes : repeated(o.axis, 1)},
                     {"invert", o.invert},
                     {"mean", o.mean},
                     {"variance", o.variance}});
}

Layer Discretization(const Value& bin_boundaries, const DiscretizationOptions& o) {
  return make_layer("Discretization", o.name, true,
                    {{"bin_boundaries", bin_boundaries},
                     {"num_bins", {}},
                     {"epsilon", o.epsilon},
                     {"output_mode", o.output_mode},
                     {"sparse", o.sparse}});
}

Layer CategoryEncoding(int64_t num_tokens, const CategoryEncodingOptions& o) {
  Arguments arguments = {{"num_tokens", num_tokens}, {"output_mode", o.output_mode}};
  // Keras forgets it; here it must be seen to be refused.
  if (o.sparse) arguments.emplace_back("sparse", o.sparse);
  return make_layer("CategoryEncoding", o.name, o.trainable, std::move(arguments));
}

Layer Resizing(int64_t height, int64_t width, const ResizingOptions& o) {
  return make_layer("Resizing", o.name, o.trainable,
                    {{"data_format", o.data_format},
                     {"height", height},
                     {"width", width},
                     {"interpolation", o.interpolation},
                     {"crop_to_aspect_ratio", o.crop_to_aspect_ratio},
                     {"pad_to_aspect_ratio", o.pad_to_aspect_ratio},
                     {"fill_mode", o.fill_mode},
                     {"fill_value", o.fill_value},
                     {"antialias", o.antialias}});
}

Layer CenterCrop(int64_t height, int64_t width, const CenterCropOptions& o) {
  return make_layer("CenterCrop", o.name, o.trainable,
                    {{"data_format", o.data_format}, {"height", height}, {"width", width}});
}

}  // namespace keratin::keras::layers
