// Real data: trainers reach what real Keras reaches, from weights of their own (tests/data/make_accuracy.py); and take the memory that
// they say.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "frontend/file.h"
#include "frontend/json.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

const std::string kFolder = cat(KERATIN_SOURCE_DIR, "/tests/data/accuracy");

std::string data_of(const std::string& name) {
  const std::string own = cat(kFolder, "/", name, ".npz");
  return fs::exists(own) ? own : cat(KERATIN_SOURCE_DIR, "/data/", name, ".npz");
}

class Accuracy : public ::testing::TestWithParam<const char*> {};

TEST_P(Accuracy, AsKeras) {
  const std::string name = GetParam();
  const Json reference = Json::parse(read_file(kFolder + "/reference.json"), "reference.json")[name];
  const Shell shell;
  const Outcome made = shell.run(cat("$keratin compile ", kFolder, "/", name, ".keras --trainer -o trainer"));
  ASSERT_EQ(made.status, 0) << made.err;
  const int64_t seeds = reference["seeds"].as_int();
  double sum = 0, losses = 0;
  for (int64_t seed = 1; seed <= seeds; ++seed) {
    const Outcome fitted = shell.run(
        cat("./trainer fit --data ", data_of(std::string(reference["data"].as_string())), " --epochs ",
            reference["epochs"].as_int(), " --batch-size 32 --validation-split 0.2 --reinitialize --seed ",
            seed, " --verbose 0 --history h.json"));
    ASSERT_EQ(fitted.status, 0) << fitted.err;
    const Json history = Json::parse(read_all(shell / "h.json"), "h.json");
    const auto last = [&](std::string_view log) {
      return history[log].at(history[log].size() - 1).as_double();
    };
    sum += last(reference["metric"].as_string());
    losses += last("loss");
  }
  // Both means are of few runs: the difference is within three of its standard deviations. Of sets where all of Keras's runs agree, one
  // sample in a hundred may be read otherwise.
  const auto bound = [&](double deviation, double least) {
    return std::max(
        3 * deviation * std::sqrt(1.0 / static_cast<double>(seeds) + 1.0 / reference["runs"].as_double()),
        least);
  };
  const double mean = sum / static_cast<double>(seeds), loss = losses / static_cast<double>(seeds);
  EXPECT_NEAR(mean, reference["mean"].as_double(), bound(reference["sd"].as_double(), 0.01));
  EXPECT_NEAR(loss, reference["loss"].as_double(), bound(reference["loss_sd"].as_double(), 0.01 * loss));
  RecordProperty("mean", std::to_string(mean));
}

INSTANTIATE_TEST_SUITE_P(Sets, Accuracy,
                         ::testing::Values("digits", "iris", "wine", "breast_cancer", "diabetes", "sunspots",
                                           "co2", "names"),
                         [](const auto& info) { return std::string(info.param); });

/// A process may have so much memory of its own, and then a twentieth less than it says.
TEST(Memory, IsWhatSummarySays) {
  const Shell shell;
  shell.write("images.kir", R"(module @images {
  func @predict(%x: u8[10000,28,28], %y: u8[10000]) -> (%x: f32[8000,28,28,1], %y: f32[8000,10]) {
    %0 = slice %x {limit = [8000,28,28], start = [0, 0, 0], stride = [1, 1, 1]} : u8[8000,28,28]
    %1 = cast %0 : f32[8000,28,28]
    %2 = reshape %1 : f32[8000,28,28,1]
    %3 = slice %y {limit = [8000], start = [0], stride = [1]} : u8[8000]
    %4 = iota {axis = 1} : u8[8000,10]
    %5 = broadcast %3 {dims = [0]} : u8[8000,10]
    %6 = eq %4, %5 : bool[8000,10]
    %7 = cast %6 : f32[8000,10]
    return %2, %7
  }
}
)");
  const Outcome made = shell.run(
      "$keratin compile $models/reference_cnn.keras --trainer -o trainer && "
      "$keratin run images.kir --input $data/mnist10k.npz --output images.npz");
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string said = shell.run("./trainer summary --batch-size 2000 | tail -n 1").out;
  const size_t colon = said.find(": ");
  ASSERT_NE(colon, std::string::npos) << said;
  std::string digits = said.substr(colon + 2, said.find(" bytes") - colon - 2);
  std::erase(digits, ',');
  const auto bytes = std::stod(digits);
  ASSERT_GT(bytes, 2e8);
  const double stacks_and_libc = 8.4e6 * std::thread::hardware_concurrency() + 4e6;
  const auto fit = [&](double limit) {
    return shell.run(
        cat("ulimit -d ", static_cast<int64_t>(limit / 1024),
            "; ./trainer fit --data images.npz --batch-size 2000 --steps-per-epoch 2 --verbose 0"));
  };
  const Outcome enough = fit(1.05 * bytes + stacks_and_libc), too_little = fit(0.95 * bytes);
  EXPECT_EQ(enough.status, 0) << said << enough.err;
  EXPECT_EQ(too_little.status, 71) << said;
  EXPECT_EQ(too_little.err, "error: there is not enough memory\n");
}

}  // namespace
}  // namespace keratin::testing
