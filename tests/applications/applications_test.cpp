// The models of keras.applications against real Keras, on native code, with weights that follow from their names. Large ones take
// seconds to compile, or gigabytes: they have the label "long".
#include <gtest/gtest.h>

#include <algorithm>

#include "codegen/native.h"
#include "ir/error.h"
#include "tests/configurations.h"

namespace keratin {
namespace {

class Applications : public ::testing::TestWithParam<const char*> {};

TEST_P(Applications, MatchKeras) {
  try {
    const Configuration application = read_application(GetParam());
    application.expect(*make_native_executor(make_target("native"), {}, 2)->compile(application.module()));
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
}

constexpr const char* kSmall[] = {"DenseNet121",      "EfficientNetB0", "MobileNet",  "MobileNetV2",
                                  "MobileNetV3Small", "NASNetMobile",   "ResNet50V2", "Xception"};
constexpr const char* kLarge[] = {"ConvNeXtBase",
                                  "ConvNeXtLarge",
                                  "ConvNeXtSmall",
                                  "ConvNeXtTiny",
                                  "ConvNeXtXLarge",
                                  "DenseNet169",
                                  "DenseNet201",
                                  "EfficientNetB1",
                                  "EfficientNetB2",
                                  "EfficientNetB3",
                                  "EfficientNetB4",
                                  "EfficientNetB5",
                                  "EfficientNetB6",
                                  "EfficientNetB7",
                                  "EfficientNetV2B0",
                                  "EfficientNetV2B1",
                                  "EfficientNetV2B2",
                                  "EfficientNetV2B3",
                                  "EfficientNetV2L",
                                  "EfficientNetV2M",
                                  "EfficientNetV2S",
                                  "InceptionResNetV2",
                                  "InceptionV3",
                                  "MobileNetV3Large",
                                  "NASNetLarge",
                                  "ResNet101",
                                  "ResNet101V2",
                                  "ResNet152",
                                  "ResNet152V2",
                                  "ResNet50",
                                  "VGG16",
                                  "VGG19"};

std::string name_of(const ::testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(Small, Applications, ::testing::ValuesIn(kSmall), name_of);
INSTANTIATE_TEST_SUITE_P(Large, Applications, ::testing::ValuesIn(kLarge), name_of);

TEST(ApplicationFiles, AreAllTested) {
  std::vector<std::string> names(std::begin(kSmall), std::end(kSmall));
  names.insert(names.end(), std::begin(kLarge), std::end(kLarge));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, application_names());
}

}  // namespace
}  // namespace keratin
