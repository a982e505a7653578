#include "runtime/trainer/image.h"

#include <cstring>
#include <filesystem>

#include "runtime/trainer/dataset.h"
#include "runtime/trainer/image_folder.h"
#include "runtime/trainer/npz.h"
#include "tests/mutation.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

const std::filesystem::path kData = std::filesystem::path(KERATIN_SOURCE_DIR) / "tests/data";
/// What tests/data/make_images.py wrote.
const std::string kImages = kData / "images";

/// Of images of this shape, with two classes.
TrainableInfo classifier(const Shape& shape, const Signature& target = {"kind", DType::i32, {1}, 2}) {
  TrainableInfo info;
  info.inputs = {{"image", DType::f32, shape, 0}};
  info.targets = {target};
  return info;
}

std::vector<float> pixels(const Column& column, int64_t row) {
  std::vector<float> values(static_cast<size_t>(column.row_elements()));
  column.read(row, DType::f32, reinterpret_cast<std::byte*>(values.data()));
  return values;
}

/// Rows of the array that Keras made.
std::vector<float> expected(const Array& x, int64_t row) {
  std::vector<float> values;
  const int64_t each = x.elements() / x.shape()[0];
  for (int64_t i = 0; i < each; ++i) values.push_back(static_cast<float>(x.number(row * each + i)));
  return values;
}

TEST(Images, PixelsAreThoseOfKeras) {
  for (const auto& [mode, channels] : {std::pair("rgb", int64_t{3}), {"grayscale", int64_t{1}}}) {
    SCOPED_TRACE(mode);
    const Array x = read_npz(kData / (std::string("images_") + mode + ".npz")).at("x");
    const Dataset data = read_dataset({kImages}, classifier({8, 12, channels}), Needs::inputs);
    ASSERT_EQ(data.samples, x.shape()[0]);
    for (int64_t row = 0; row < data.samples; ++row)
      EXPECT_EQ(pixels(data.inputs[0], row), expected(x, row)) << row;
  }
}

TEST(Images, ChannelsMayComeFirst) {
  const Array x = read_npz(kData / "images_rgb.npz").at("x");
  const Dataset data = read_dataset({kImages}, classifier({3, 8, 12}), Needs::inputs);
  const std::vector<float> found = pixels(data.inputs[0], 3), wanted = expected(x, 3);
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(found[i % 3 * 96 + i / 3], wanted[i]);
}

TEST(Images, ClassesAreFolders) {
  const ImageFolder folder = read_image_folder(kImages);
  EXPECT_EQ(folder.classes, (std::vector<std::string>{"ant", "bee"}));
  EXPECT_EQ(folder.labels, (std::vector<int64_t>{0, 0, 0, 0, 1, 1, 1, 1, 1}));
  EXPECT_TRUE(folder.files.front().ends_with("ant/fine.JPEG"));
  EXPECT_TRUE(folder.files.back().ends_with("bee/below/usual.png"));
}

/// Each image with its label, whatever the order.
std::vector<std::pair<std::vector<float>, double>> samples(const Dataset& data) {
  std::vector<std::pair<std::vector<float>, double>> samples;
  const int64_t each = data.targets[0].elements() / data.samples;
  for (int64_t row = 0; row < data.samples; ++row)
    samples.emplace_back(pixels(data.inputs[0], row), data.targets[0].number(row * each + each - 1));
  return samples;
}

TEST(Images, LabelsAsTheTargetTakesThem) {
  const Array x = read_npz(kData / "images_rgb.npz").at("x");
  std::vector<std::pair<std::vector<float>, double>> wanted;
  for (int64_t row = 0; row < x.shape()[0]; ++row) wanted.emplace_back(expected(x, row), row < 4 ? 0 : 1);
  std::sort(wanted.begin(), wanted.end());
  const Signature number{"t", DType::i32, {1}, 2}, each{"t", DType::f32, {2}, 0},
      one{"t", DType::f32, {1}, 0};
  for (const Signature& target : {number, each, one}) {
    const Dataset data = read_dataset({kImages}, classifier({8, 12, 3}, target), Needs::inputs_and_targets);
    auto found = samples(data);
    EXPECT_NE(found, wanted);  // mixed, so that a part has all classes
    EXPECT_EQ(found,
              samples(read_dataset({kImages}, classifier({8, 12, 3}, target), Needs::inputs_and_targets)));
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, wanted);
  }
}

TEST(Images, RefusedFolders) {
  const auto refused = [](ErrorKind kind, const std::string& path, const TrainableInfo& model,
                          const std::vector<std::string>& parts, const Encoding& known = {}) {
    expect_error(kind, parts, [&] { read_dataset({path}, model, Needs::inputs_and_targets, {}, known); });
  };
  const TrainableInfo model = classifier({8, 12, 3});
  refused(ErrorKind::data, kImages, classifier({8, 12, 3}, {"t", DType::i32, {1}, 3}),
          {"has 2 folders, one a class, and the model has 3 classes", "ant, bee", "an empty folder"});
  refused(ErrorKind::data, kImages, model, {"other classes than those that were learned: bat, bee"},
          {.labels = {{"", {"bat", "bee"}}}});
  refused(ErrorKind::usage, kImages, classifier({8}), {"the input \"image\" takes (8,)"});
  const Folder folder;
  refused(ErrorKind::data, folder / ".", model, {"has no images", "a folder for each class"});
  folder.file("a.png", read_bytes(kImages + "/bee/deep.png"));
  refused(ErrorKind::data, folder / ".", model, {"has no folders of classes"});
  EXPECT_EQ(read_dataset({folder / "."}, model, Needs::inputs).samples, 1);
  const auto other = [&](const std::string& bytes, const std::string& part) {
    folder.file("b.jpg", bytes);
    expect_error(ErrorKind::data, {"b.jpg", part},
                 [&] { read_dataset({folder / "."}, model, Needs::inputs); });
  };
  other("GIF89a…", "is a GIF image, which is not read");
  other("", "is empty");
  other("text", "is no PNG or JPEG image");
}

TEST(Images, DamagedOnes) {
  for (const char* name : {"/bee/clear.png", "/ant/usual.jpg", "/ant/progressive.jpg"}) {
    const std::string good = read_bytes(kImages + name);
    for (const size_t length : {good.size() / 2, good.size() * 9 / 10})
      expect_error(ErrorKind::data, {"here", "damaged", "cut off"},
                   [&] { decode_image(std::string_view(good).substr(0, length), 3, "here"); });
  }
  // A width of 2^31 - 1.
  std::string huge = read_bytes(kImages + "/bee/clear.png");
  std::memcpy(huge.data() + 16, "\x7f\xff\xff\xff", 4);
  expect_error(ErrorKind::data, {"here"}, [&] { decode_image(huge, 3, "here"); });
  expect_error(ErrorKind::data, {"a JPEG image", "4 channels"},
               [] { decode_image(read_bytes(kImages + "/ant/usual.jpg"), 4, "here"); });
}

TEST(Images, Mutants) {
  for (const char* name : {"/bee/clear.png", "/bee/gray.jpg", "/ant/usual.jpg", "/ant/progressive.jpg"}) {
    const std::string good = read_bytes(kImages + name);
    for (uint64_t seed = 0; seed < 400; ++seed) {
      testing::Mutator mutator(seed);
      for (const int64_t channels : {1, 3}) try {
          const Image image = decode_image(mutator.bytes(good), channels, "m");
          std::vector<float> out(static_cast<size_t>(12 * channels));
          resize_bilinear(image, 3, 4, out.data());
        } catch (const Error&) {}
    }
  }
}

}  // namespace
}  // namespace keratin::trainer
