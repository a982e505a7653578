// Classes of a plug-in in models that are made in C++.
#include <gtest/gtest.h>
#include <keratin/keras.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "ir/text.h"

namespace keratin::keras {
namespace {

using namespace layers;

TEST(Plugin, ItsClassesMakeAModelThatTrains) {
  const std::string root = KERATIN_SOURCE_DIR;
  const std::string library =
      (std::filesystem::temp_directory_path() / cat("keratin_plugin_", getpid(), ".so")).string();
  ASSERT_EQ(std::system(cat("c++ -std=c++20 -shared -fPIC -I", root, " ", root,
                            "/examples/plugin/mine.cpp -o ", library)
                            .c_str()),
            0);
  load_plugin(library);
  std::filesystem::remove(library);

  const Layer snake = CustomLayer("mine>Snake", {{"squared", false}});
  EXPECT_EQ(snake.name(), "snake");
  EXPECT_EQ(snake.class_name(), "Snake");
  Sequential model({Input({3}), Dense(4), snake, Dense(1)});
  model.compile({.optimizer = CustomObject("mine>Signum", {{"learning_rate", 0.01}}),
                 .loss = CustomObject("mine>TiltedError", {{"quantile", 0.7}}),
                 .metrics = {CustomObject("mine>MeanBias", {{"name", "bias"}})}});
  const xt::xarray<float> x = {{0, 1, 2}, {3, 1, 0}, {-1, 0, 1}, {2, 2, 2}};
  xt::xarray<float> y = {1, 2, -1, 3};
  y.reshape({4, 1});
  const History history = model.fit(x, y, {.batch_size = 4, .epochs = 30, .verbose = 0});
  EXPECT_LT(history.history.at("loss").back(), history.history.at("loss").front());
  EXPECT_EQ(history.history.at("bias").size(), 30u);
  EXPECT_EQ(snake.get_weights().size(), 1u);

  EXPECT_THROW(CustomLayer("Snake"), std::exception);
  EXPECT_THROW(CustomLayer("mine>Other")(Input({3})), std::exception);
}

}  // namespace
}  // namespace keratin::keras
