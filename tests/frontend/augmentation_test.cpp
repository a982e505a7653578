// Layers of augmentation with random numbers: what comes out can only be one of a few things, or lies within bounds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "frontend/model.h"
#include "ir/executor.h"
#include "ir/verify.h"

namespace keratin {
namespace {

constexpr int64_t kImages = 64, kHeight = 4, kWidth = 5, kChannels = 3;

/// Images whose pixels are all different, from 0 to 255.
Tensor images() {
  Tensor out(DType::f32, {kImages, kHeight, kWidth, kChannels});
  const int64_t size = kHeight * kWidth * kChannels;
  for (int64_t i = 0; i < out.elements(); ++i)
    out.set(i, static_cast<double>((i % size) * 4 + (i / size) % 4));
  return out;
}

std::string model_of(std::string_view class_name, std::string_view arguments, const std::string& dtype) {
  return cat(
      R"({"class_name": "Sequential", "config": {"name": "m", "layers": [{"class_name": "InputLayer", )",
      R"("config": {"name": "x", "batch_shape": [null, 4, 5, 3], "dtype": ")", dtype,
      R"("}}, {"class_name": ")", class_name, R"(", "config": {"name": "layer")",
      arguments.empty() ? "" : ", ", arguments, "}}]}}");
}

/// What the layer makes of images in a step of training.
Tensor augmented(const std::string& class_name, const std::string& arguments, int64_t step = 0) {
  const Json config = Json::parse(model_of(class_name, arguments, "float32"), "config");
  Model model(config, "", false, {});
  Builder builder("train");
  Tracer tracer{.builder = builder, .training = true};
  const Model::Input& input = model.inputs()[0];
  const Expr x(builder, builder.param(input.name, input.type));
  tracer.random_key = builder.param("key", Type(DType::u32, {2}));
  tracer.random_counter = builder.param("counter", Type(DType::u32, {}));
  const Outputs outputs = model.call(tracer, {x});
  builder.result("y", outputs[0].value.value());
  Module module;
  module.functions.push_back(builder.finish());
  verify(module);
  Tensor key(DType::u32, {2}), counter(DType::u32, {});
  counter.set_integer(0, step);
  return make_interpreter()->compile(module)->call("train", std::vector<Tensor>{images(), key, counter})[0];
}

/// For each image of `got`, which of `choices` it is; -1 if none.
std::vector<int> which(const Tensor& got, const std::vector<Tensor>& choices) {
  const int64_t size = got.elements() / kImages;
  std::vector<int> found(kImages, -1);
  for (int64_t image = 0; image < kImages; ++image)
    for (size_t choice = 0; choice < choices.size(); ++choice) {
      bool same = true;
      for (int64_t i = image * size; i < (image + 1) * size; ++i)
        same = same && std::abs(got.get(i) - choices[choice].get(i)) < 1e-3;
      if (same) found[image] = static_cast<int>(choice);
    }
  return found;
}

Tensor mirrored(bool down, bool across) {
  const Tensor x = images();
  Tensor out(DType::f32, x.shape());
  for (int64_t n = 0; n < kImages; ++n)
    for (int64_t i = 0; i < kHeight; ++i)
      for (int64_t j = 0; j < kWidth; ++j)
        for (int64_t c = 0; c < kChannels; ++c) {
          const int64_t row = down ? kHeight - 1 - i : i, column = across ? kWidth - 1 - j : j;
          out.set(((n * kHeight + i) * kWidth + j) * kChannels + c,
                  x.get(((n * kHeight + row) * kWidth + column) * kChannels + c));
        }
  return out;
}

void expect_about_half(const std::vector<int>& found) {
  EXPECT_EQ(std::count(found.begin(), found.end(), -1), 0);
  const auto first = std::count(found.begin(), found.end(), 0);
  EXPECT_GT(first, kImages / 4);
  EXPECT_LT(first, 3 * kImages / 4);
}

TEST(Augmentation, FlipsAboutHalfOfTheImages) {
  for (const auto& [mode, down, across] : {std::tuple("horizontal", false, true),
                                           {"vertical", true, false},
                                           {"horizontal_and_vertical", true, true}})
    expect_about_half(
        which(augmented("RandomFlip", cat(R"("mode": ")", mode, "\"")), {images(), mirrored(down, across)}));
}

TEST(Augmentation, InvertsAsOftenAsTheFactorSays) {
  Tensor inverted = images();
  for (int64_t i = 0; i < inverted.elements(); ++i) inverted.set(i, 255 - inverted.get(i));
  expect_about_half(which(augmented("RandomInvert", R"("factor": [0.5, 0.5])"), {images(), inverted}));
}

TEST(Augmentation, StepsDiffer) {
  const std::string factor = R"("factor": 0.5)";
  EXPECT_NE(augmented("RandomBrightness", factor, 1), augmented("RandomBrightness", factor, 2));
  EXPECT_EQ(augmented("RandomBrightness", factor, 1), augmented("RandomBrightness", factor, 1));
}

TEST(Augmentation, BrightnessMovesAllOfAnImageByTheSameWithinBounds) {
  const Tensor got = augmented("RandomBrightness", R"("factor": [0.1, 0.2], "value_range": [-1000, 1000])");
  const Tensor x = images();
  const int64_t size = x.elements() / kImages;
  std::set<double> changes;
  for (int64_t i = 0; i < x.elements(); ++i) {
    const double change = got.get(i) - x.get(i), first = got.get(i / size * size) - x.get(i / size * size);
    EXPECT_NEAR(change, first, 1e-3);
    EXPECT_GE(change, 199.9);
    EXPECT_LE(change, 400.1);
    changes.insert(std::round(first));
  }
  EXPECT_GT(changes.size(), 20u);
}

TEST(Augmentation, CropsTheSamePartOfAllImages) {
  std::set<std::pair<int64_t, int64_t>> seen;
  for (int64_t step = 0; step < 30; ++step) {
    const Tensor got = augmented("RandomCrop", R"("height": 2, "width": 3)", step), x = images();
    ASSERT_EQ(got.shape(), (std::vector<int64_t>{kImages, 2, 3, kChannels}));
    const auto pixel = static_cast<int64_t>(got.get(0)) / 4 / kChannels;
    const int64_t row = pixel / kWidth, column = pixel % kWidth;
    seen.emplace(row, column);
    for (int64_t n = 0; n < kImages; ++n)
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t j = 0; j < 3; ++j)
          EXPECT_EQ(got.get(((n * 2 + i) * 3 + j) * kChannels),
                    x.get(((n * kHeight + row + i) * kWidth + column + j) * kChannels));
  }
  EXPECT_EQ(seen.size(), 9u);  // 3 rows, 3 columns
}

/// Where pixels are means of others, they stay between the smallest and the largest.
TEST(Augmentation, NothingLeavesTheRange) {
  for (const auto& [class_name, arguments] : std::vector<std::pair<std::string, std::string>>{
           {"RandomRotation", R"("factor": 0.5)"},
           {"RandomZoom", R"("height_factor": 0.5)"},
           {"RandomTranslation", R"("height_factor": 0.5, "width_factor": 0.5, "fill_mode": "wrap")"},
           {"RandomShear", R"("x_factor": 0.5, "y_factor": 0.5)"},
           {"RandomPerspective", R"("scale": 0.5)"},
           {"RandomElasticTransform", R"("fill_mode": "mirror")"},
           {"RandomContrast", R"("factor": 0.5)"},
           {"RandomHue", R"("factor": 0.5)"},
           {"RandomColorDegeneration", R"("factor": 0.5)"},
           {"RandomPosterization", R"("factor": [1, 8])"},
           {"RandomSharpness", R"("factor": 1.0)"},
           {"RandomGrayscale", ""},
           {"Solarization", R"("addition_factor": 0.5, "threshold_factor": 0.5)"},
           {"RandomColorJitter", R"("brightness_factor": 0.5, "contrast_factor": 0.5)"},
           {"RandomGaussianBlur", ""},
           {"RandomErasing", ""},
           {"MixUp", R"("alpha": 0.2)"},
           {"CutMix", ""},
           {"RandAugment", ""}}) {
    SCOPED_TRACE(class_name);
    const Tensor got = augmented(class_name, arguments);
    const Tensor x = images();
    int64_t changed = 0;
    for (int64_t i = 0; i < got.elements(); ++i) {
      ASSERT_GE(got.get(i), -1e-2);
      ASSERT_LE(got.get(i), 255.01);
      changed += std::abs(got.get(i) - x.get(i)) > 0.5 ? 1 : 0;
    }
    EXPECT_GT(changed, 0);
  }
}

TEST(Augmentation, CutMixTakesEachPixelFromOneOfTwoImages) {
  const Tensor got = augmented("CutMix", "");
  const int64_t size = got.elements() / kImages;
  for (int64_t i = 0; i < got.elements(); ++i) {
    const double change = std::abs(got.get(i) - static_cast<double>((i % size) * 4));
    EXPECT_LE(change, 3.001);  // that pixel, of some image
    EXPECT_NEAR(change, std::round(change), 1e-3);
  }
}

/// Chains differ from step to step, and are the same for all images of a batch but for what a change draws for each.
TEST(Augmentation, AugMixMixesChainsWithTheImages) {
  const auto distance = [](const Tensor& got) {
    const Tensor x = images();
    double sum = 0;
    for (int64_t i = 0; i < x.elements(); ++i) {
      EXPECT_GE(got.get(i), 0);
      EXPECT_LE(got.get(i), 255);
      sum += std::abs(got.get(i) - x.get(i));
    }
    return sum / static_cast<double>(x.elements());
  };
  std::set<double> distances;
  for (int64_t step = 0; step < 6; ++step)
    distances.insert(distance(augmented("AugMix", R"("num_chains": 2, "chain_depth": 2)", step)));
  EXPECT_EQ(distances.size(), 6u);
  EXPECT_GT(*distances.rbegin(), 1);
  EXPECT_LT(*distances.begin(), 100);
}

/// A chain of one link is no change in one of eight cases, and the images are then what they were.
TEST(Augmentation, ALinkOfAugMixMayBeNone) {
  int same = 0;
  constexpr int kSteps = 64;
  for (int64_t step = 0; step < kSteps; ++step) {
    const std::vector<int> found = which(
        augmented("AugMix", R"("num_chains": 1, "chain_depth": 1, "all_ops": false, "factor": 0.9)", step),
        {images()});
    same += static_cast<int>(std::count(found.begin(), found.end(), 0) == kImages);
  }
  EXPECT_GT(same, 0);
  EXPECT_LT(same, kSteps / 3);
}

/// At inference images stay as they are. Some layers make floats of integers even then.
TEST(Augmentation, AtInferenceNothingHappens) {
  struct Row {
    std::string_view class_name, arguments;
    bool makes_floats;
  };
  constexpr Row kRows[] = {
      {"RandomFlip", "", true},
      {"RandomRotation", R"("factor": 0.5)", true},
      {"RandomZoom", R"("height_factor": 0.5)", true},
      {"RandomTranslation", R"("height_factor": 0.5, "width_factor": 0.5)", true},
      {"RandomShear", "", true},
      {"RandomPerspective", "", true},
      {"RandomElasticTransform", "", true},
      {"RandomSharpness", R"("factor": 1.0)", true},
      {"Solarization", "", true},
      {"RandomErasing", "", true},
      {"RandomGaussianBlur", "", true},
      {"CutMix", "", true},
      {"RandAugment", "", true},
      {"AugMix", "", true},
      {"RandomCrop", R"("height": 2, "width": 2)", false},
      {"RandomBrightness", R"("factor": 0.5)", false},
      {"RandomContrast", R"("factor": 0.5)", false},
      {"RandomSaturation", R"("factor": 0.5)", false},
      {"RandomHue", R"("factor": 0.5)", false},
      {"RandomColorDegeneration", R"("factor": 0.5)", false},
      {"RandomPosterization", R"("factor": 4)", false},
      {"RandomGrayscale", "", false},
      {"RandomInvert", "", false},
      {"RandomColorJitter", R"("hue_factor": 0.5)", false},
      {"MixUp", "", false},
      {"MaxNumBoundingBoxes", R"("max_number": 4)", false},
      {"Equalization", "", false},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.class_name);
    const Json config = Json::parse(model_of(row.class_name, row.arguments, "uint8"), "config");
    Model model(config, "", false, {});
    const Function predict = model.trace_predict();
    Value y = predict.results[0].value;
    EXPECT_EQ(y.dtype(), row.makes_floats ? DType::f32 : DType::u8);
    if (y.node->op == Op::cast) y = y.node->operands[0];
    EXPECT_EQ(y.node->op, Op::param);
  }
}

}  // namespace
}  // namespace keratin
