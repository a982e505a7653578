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

/// What RandAugment and AugMix choose from; eleven changes, or seven without those of colors.
std::vector<Expr> changes(Call& call, const Expr& x, Interval factor, Interval range, bool also_colors) {
  const Sampling how{call.args().choice("interpolation") == "bilinear", "reflect", 0};
  const double bits = std::max(1.0, std::floor(8 * factor.high));
  std::vector<Expr> changed{
      shear_at_random(call, x, factor, factor, how),
      translate_at_random(call, x, factor, factor, how),
      rotate_at_random(call, x, factor, how),
      posterize_at_random(call, x, {1, bits}, range),
      solarize_at_random(call, x, factor, factor, range),
      stretch_contrast(x, range, {1, 2}),
      equalize(x, range, 256),
  };
  if (!also_colors) return changed;
  changed.push_back(brighten_at_random(call, x, factor, range));
  changed.push_back(fade_at_random(call, x, factor, range));
  changed.push_back(contrast_at_random(call, x, factor, range));
  changed.push_back(sharpen_at_random(call, x, factor, range));
  return changed;
}
constexpr int kChanges = 11, kChangesButColors = 7;

/// The change whose number is `chosen`; `x` itself if there is none.
Expr choose(const Expr& x, const std::vector<Expr>& changed, const Expr& chosen) {
  Expr result = x;
  for (size_t i = 0; i < changed.size(); ++i)
    result = where(equal(chosen, number(chosen, static_cast<double>(i))), changed[i], result);
  return result;
}

/// `count` whole numbers below `limit`.
Expr draw_choices(Call& call, int64_t count, int limit) {
  return unary(Op::floor, draw(call, {count}, {0, static_cast<double>(limit)}));
}
Expr element(const Expr& x, int64_t i) { return squeeze(slice(x, 0, i, i + 1), {0}); }

/// Every change is computed for each that is chosen.
constexpr int64_t kMostChosen = 20;

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
  return map_images(call, [&](const Expr& images) {
    Expr x = images;
    const int64_t operations = call.args().integer("num_ops");
    if (operations > kMostChosen)
      call.args().reject("num_ops", cat("at most ", kMostChosen, " are supported"));
    const Expr order = draw_choices(call, operations, kChanges);
    // A change that is chosen twice is the same both times.
    const int64_t streams = call.tracer().random_streams;
    for (int64_t i = 0; i < operations; ++i) {
      call.tracer().random_streams = streams;
      x = choose(x, changes(call, x, factor, range, true), element(order, i));
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

/// D. Hendrycks et al., AugMix: a simple data processing method to improve robustness and uncertainty, 2020: chains of changes, each drawn
/// for the whole batch, mixed with each other and with the images. A link is one of the changes or none. Keras draws which ones when
/// it traces the model; here they are drawn in every step, as in Keras where nothing is traced.
Outputs aug_mix(Call& call) {
  const Interval factor = interval(call, "factor", {0, 1}), range = value_range(call);
  const int64_t chains = call.args().integer("num_chains"), depth = call.args().integer("chain_depth");
  const double alpha = call.args().real("alpha");
  if (alpha <= 0) call.args().reject("alpha", "expected a number above 0", {}, ErrorKind::data);
  if (!call.training()) return call.float_input();
  if (chains > kMostChosen || depth > kMostChosen || chains * depth > kMostChosen)
    call.args().reject("num_chains",
                       cat("with chain_depth=", depth, " at most ", kMostChosen, " changes are supported"));
  const bool all = call.args().boolean("all_ops");
  return map_images(call, [&](const Expr& images) {
    const Expr spread(call.builder(), call.builder().constant(DType::f32, alpha));
    const Expr shares = draw_shares(call, chains, spread), own_share = draw_beta(call, {}, spread);
    Expr mixed = number(images, 0);
    for (int64_t chain = 0; chain < chains; ++chain) {
      const Expr links = draw_choices(call, depth, (all ? kChanges : kChangesButColors) + 1);
      Expr x = images;
      for (int64_t i = 0; i < depth; ++i)
        x = choose(x, changes(call, x, factor, range, all), element(links, i));
      mixed = mixed + x * cast(element(shares, chain), x.dtype());
    }
    const Expr own = cast(own_share, images.dtype());
    return clip(own * images + (1 - own) * mixed, range.low, range.high);
  });
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
