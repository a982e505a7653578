// Callbacks and the rarer arguments of fit, as trainers have them, against runs of real Keras (tests/data/make_callback_runs.py).
#include <gtest/gtest.h>

#include <cmath>

#include "frontend/file.h"
#include "frontend/json.h"
#include "ir/safetensors.h"
#include "tests/tools/cli.h"

namespace keratin::testing {
namespace {

const std::string kFolder = cat(KERATIN_SOURCE_DIR, "/tests/data/callbacks");

void expect_near(double found, double expected, const std::string& what) {
  EXPECT_NEAR(found, expected, 2e-5 + 2e-5 * std::fabs(expected)) << what;
}

TEST(Callbacks, AsInKeras) {
  const Json runs = Json::parse(read_file(kFolder + "/runs.json"), "runs.json");
  const Shell shell;
  for (const char* model : {"sgd", "averaged", "scheduled"}) {
    const Outcome made =
        shell.run(cat("$keratin compile ", kFolder, "/", model, ".keras --trainer -o ", model));
    ASSERT_EQ(made.status, 0) << made.err;
  }
  for (const auto& [name, run] : runs.members()) {
    SCOPED_TRACE(name);
    const Outcome fitted = shell.run(cat("./", run["model"].as_string(), " fit --data ", kFolder,
                                         "/data.npz --batch-size 8 --no-shuffle ", run["options"].as_string(),
                                         " --verbose 0 --history h.json --save w.safetensors"));
    ASSERT_EQ(fitted.status, 0) << fitted.err;
    const Json history = Json::parse(read_all(shell / "h.json"), "h.json");
    ASSERT_EQ(history.members().size(), run["history"].members().size());
    for (const auto& [log, values] : run["history"].members()) {
      ASSERT_EQ(history[log].size(), values.size()) << log;
      for (size_t i = 0; i < values.size(); ++i)
        expect_near(history[log].at(i).as_double(), values.at(i).as_double(), cat(log, " of epoch ", i + 1));
    }
    const TensorStore weights = parse_safetensors(read_all(shell / "w.safetensors"), "w.safetensors");
    for (const auto& [path, values] : run["weights"].members()) {
      ASSERT_TRUE(weights.contains(path)) << path;
      for (size_t i = 0; i < values.size(); ++i)
        expect_near(weights.at(path)->get(static_cast<int64_t>(i)), values.at(i).as_double(), path);
    }
  }
}

/// At the end of the last epoch averages are in the weights; with a larger --epochs training goes on from what they were averaged of.
TEST(Callbacks, AveragesDoNotGetIntoWhatIsTrainedOn) {
  const Shell shell;
  const Outcome made = shell.run(cat("$keratin compile ", kFolder, "/averaged.keras --trainer -o trainer"));
  ASSERT_EQ(made.status, 0) << made.err;
  const auto fit = [&](const std::string& options) {
    const Outcome fitted =
        shell.run(cat("./trainer fit --data ", kFolder, "/data.npz --batch-size 8 --verbose 0 ",
                      "--swap-ema-weights swap_on_epoch ", options));
    EXPECT_EQ(fitted.status, 0) << fitted.err;
  };
  fit("--epochs 4 --save whole.safetensors");
  fit("--epochs 2 --checkpoint c.ckpt --save two.safetensors");
  fit("--epochs 2 --checkpoint c.ckpt --save again.safetensors");
  fit("--epochs 4 --checkpoint c.ckpt --save parts.safetensors");
  EXPECT_EQ(shell.run("cmp two.safetensors again.safetensors").status, 0);
  EXPECT_EQ(shell.run("cmp whole.safetensors parts.safetensors").status, 0);
}

}  // namespace
}  // namespace keratin::testing
