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

/// The bytes that `summary` says for batches of so many samples.
double said_bytes(const Shell& shell, int64_t batch) {
  const std::string said = shell.run(cat("./trainer summary --batch-size ", batch, " | tail -n 1")).out;
  const size_t colon = said.find(": ");
  if (colon == std::string::npos) return 0;
  std::string digits = said.substr(colon + 2, said.find(" bytes") - colon - 2);
  std::erase(digits, ',');
  return std::stod(digits);
}

/// fit in a process that may have so much memory of its own, and what threads and libc take.
Outcome fit_within(const Shell& shell, double bytes, const std::string& options) {
  const double stacks_and_libc = 8.4e6 * std::thread::hardware_concurrency() + 4e6;
  return shell.run(cat("ulimit -d ", static_cast<int64_t>((bytes + stacks_and_libc) / 1024),
                       "; ./trainer fit ", options, " --verbose 0"));
}

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
  const double bytes = said_bytes(shell, 2000);
  ASSERT_GT(bytes, 2e8);
  const std::string options = "--data images.npz --batch-size 2000 --steps-per-epoch 2";
  const Outcome enough = fit_within(shell, 1.05 * bytes, options);
  EXPECT_EQ(enough.status, 0) << enough.err;
  const double stacks = 8.4e6 * std::thread::hardware_concurrency() + 4e6;
  const Outcome too_little = fit_within(shell, 0.95 * bytes - stacks, options);
  EXPECT_EQ(too_little.status, 71);
  EXPECT_EQ(too_little.err, "error: there is not enough memory\n");
}

/// With --memory-limit, that is what it takes; and it learns the same to the bit.
TEST(Memory, IsWithinTheLimit) {
  const Shell shell;
  shell.write("images.kir", R"(module @images {
  func @predict(%x: u8[10000,28,28], %y: u8[10000]) -> (%x: f32[16384,9,9,2], %y: i32[16384]) {
    %0 = iota {axis = 0} : f32[16384,9,9,2]
    %1 = iota {axis = 2} : f32[16384,9,9,2]
    %2 = mul %0, %1 : f32[16384,9,9,2]
    %3 = sin %2 : f32[16384,9,9,2]
    %4 = iota {axis = 0} : i32[16384]
    %5 = rem %4, 3:i32 : i32[16384]
    return %3, %5
  }
}
)");
  const std::string compile = cat("$keratin compile ", KERATIN_SOURCE_DIR,
                                  "/tests/golden/training/mobile_blocks/model.keras --trainer ");
  const Outcome data = shell.run("$keratin run images.kir --input $data/mnist10k.npz --output images.npz");
  ASSERT_EQ(data.status, 0) << data.err;
  const std::string options = "--data images.npz --batch-size 8192 --epochs 2 --no-shuffle";

  const Outcome whole = shell.run(compile + "--batch 8192 -o trainer");
  ASSERT_EQ(whole.status, 0) << whole.err;
  ASSERT_EQ(whole.out, "") << "nothing was asked";
  EXPECT_GT(said_bytes(shell, 8192), 140 << 20);
  const Outcome learned = shell.run("./trainer fit --verbose 0 --save whole.safetensors " + options);
  ASSERT_EQ(learned.status, 0) << learned.err;

  const Outcome made = shell.run(compile + "--batch 8192 -o trainer --memory-limit 80MB");
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_NE(made.out.find(" run again, "), std::string::npos) << made.out;
  EXPECT_LE(said_bytes(shell, 8192), 80 << 20);
  const Outcome within = fit_within(shell, 1.05 * (80 << 20), options + " --save within.safetensors");
  ASSERT_EQ(within.status, 0) << within.err;
  EXPECT_EQ(read_all(shell / "within.safetensors"), read_all(shell / "whole.safetensors"));

  const Outcome refused = shell.run(compile + "--batch 8192 -o none --memory-limit 30MB");
  EXPECT_EQ(refused.status, 69);
  EXPECT_NE(refused.err.find("a step of 8192 samples takes at least "), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(shell / "none"));
}

}  // namespace
}  // namespace keratin::testing
