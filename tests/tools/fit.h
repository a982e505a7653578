// A trainer that was made from the folder of a recorded run trains as Keras did.
#pragma once

#include <gtest/gtest.h>

#include "frontend/file.h"
#include "ir/safetensors.h"
#include "tests/golden_training.h"
#include "tests/tools/cli.h"

namespace keratin::testing {

/// Runs `fit` of ./trainer, and compares its history and weights with what Keras logged and had at the end. The weights are left
/// in w.safetensors.
inline void expect_fit(const Shell& shell, const fs::path& folder) {
  GoldenCase golden;
  golden.folder = folder;
  golden.info = Json::parse(read_file((folder / "case.json").string()), "case.json");
  const Outcome fitted =
      shell.run(cat("./trainer fit --data '", (folder / "data.npz").string(), "' --epochs ",
                    golden.info["epochs"].as_int(), " --batch-size ", golden.info["batch_size"].as_int(),
                    " --no-shuffle --verbose 0 --history h.json --save w.safetensors"));
  ASSERT_EQ(fitted.status, 0) << fitted.err;
  std::map<std::string, std::vector<double>> history;
  const Json logged = Json::parse(read_all(shell / "h.json"), "h.json");
  for (const auto& [name, values] : logged.members())
    for (const Json& value : values.items()) history[name].push_back(value.as_double());
  expect_history(golden, history);
  const TensorStore weights = parse_safetensors(read_all(shell / "w.safetensors"), "w.safetensors");
  expect_final_weights(golden, [&](const std::string& name) {
    if (!weights.contains(name)) throw std::runtime_error(cat("no weight ", name));
    return *weights.at(name);
  });
}

}  // namespace keratin::testing
