// Layers that are made of others: Pipeline, RandAugment, AugMix; and MaxNumBoundingBoxes, which does nothing to images.
#include "frontend/layers/augmentation.h"

#include <algorithm>
#include <cmath>

#include "frontend/layers/images.h"
#include "frontend/layers/tables.h"
#include "frontend/model_file.h"
#include "frontend/window.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

constexpr Arg kPipelineArgs[] = {{"layers", ArgKind::any}};

/// One layer after the other, with its mode.
Outputs pipeline(Call& call) {
  const Json& layers = call.args().json("layers");
  if (!layers.is_array()) call.args().reject("layers", "expected a list of layers", {}, ErrorKind::data);
  Tracer tracer = call.tracer();
  tracer.training = call.training();
  GroupNames groups;
  Outputs outputs(call.traced_input());
  for (const Json& object : layers.items()) {
    const std::string& class_name = object["class_name"].as_string();
    Layer& layer = call.layer().child(object, cat(call.layer().group(), "/layers/", groups.next(class_name)));
    outputs = call_layer(layer, tracer, {.inputs = {outputs.begin(), outputs.end()}});
  }
  call.tracer().random_streams = tracer.random_streams;
  return outputs;
}

constexpr Arg kRandAugmentArgs[] = {
    {"value_range", ArgKind::any, "[0, 255]"},
    {"num_ops", ArgKind::count, "2"},
    {"factor", ArgKind::any, "0.5"},
    kSamplingArg,
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

/// E. Cubuk et al., RandAugment: practical automated data augmentation with a reduced search space, 2020: so many times one of eleven
/// changes, drawn for the whole batch.
Outputs rand_augment(Call& call) {
  const Interval factor = interval(call, "factor", {0, 1}), range = value_range(call);
  if (!call.training()) return call.float_input();
  const Sampling how{call.args().choice("interpolation") == "bilinear", "reflect", 0};
  const double bits = std::max(1.0, std::floor(8 * factor.high));
  const auto changes = [&](const Expr& x) {
    return std::vector<Expr>{
        shear_at_random(call, x, factor, factor, how),
        translate_at_random(call, x, factor, factor, how),
        rotate_at_random(call, x, factor, how),
        brighten_at_random(call, x, factor, range),
        fade_at_random(call, x, factor, range),
        contrast_at_random(call, x, factor, range),
        sharpen_at_random(call, x, factor, range),
        posterize_at_random(call, x, {1, bits}, range),
        solarize_at_random(call, x, factor, factor, range),
        stretch_contrast(x, range, {1, 2}),
        equalize(x, range, 256),
    };
  };
  return map_images(call, [&](const Expr& images) {
    Expr x = images;
    const int64_t operations = call.args().integer("num_ops");
    constexpr double kChanges = 11;
    constexpr int64_t kMost = 20;
    if (operations > kMost) call.args().reject("num_ops", cat("at most ", kMost, " are supported"));
    const Expr order = unary(Op::floor, draw(call, {operations}, {0, kChanges}));
    // A change that is chosen twice is the same both times.
    const int64_t streams = call.tracer().random_streams;
    for (int64_t i = 0; i < operations; ++i) {
      call.tracer().random_streams = streams;
      const std::vector<Expr> changed = changes(x);
      const Expr chosen = squeeze(slice(order, 0, i, i + 1), {0});
      for (size_t j = 0; j < changed.size(); ++j)
        x = where(equal(chosen, number(chosen, static_cast<double>(j))), changed[j], x);
    }
    return x;
  });
}

constexpr Arg kAugMixArgs[] = {
    {"value_range", ArgKind::any, "[0, 255]"},
    {"num_chains", ArgKind::count, "3"},
    {"chain_depth", ArgKind::count, "3"},
    {"factor", ArgKind::any, "0.3"},
    {"alpha", ArgKind::real, "1.0"},
    {"all_ops", ArgKind::boolean, "true"},
    kSamplingArg,
    kDataFormatArg,
    kBoundingBoxFormatArg,
};

Outputs aug_mix(Call& call) {
  if (call.training())
    call.fail("is supported at inference only: Keras draws its chains in Python, once per trace",
              "RandAugment is supported in training");
  return call.float_input();
}

constexpr Arg kBoxesArgs[] = {{"max_number", ArgKind::count},
                              {"fill_value", ArgKind::integer, "-1"},
                              kDataFormatArg,
                              kBoundingBoxFormatArg};

Outputs max_num_bounding_boxes(Call& call) { return call.input(); }

constexpr LayerDef kLayers[] = {
    augmentation("Pipeline", kPipelineArgs, pipeline),
    augmentation("RandAugment", kRandAugmentArgs, rand_augment),
    augmentation("AugMix", kAugMixArgs, aug_mix),
    augmentation("MaxNumBoundingBoxes", kBoxesArgs, max_num_bounding_boxes),
};

}  // namespace

std::span<const LayerDef> augmentation_layers() { return kLayers; }

}  // namespace keratin
