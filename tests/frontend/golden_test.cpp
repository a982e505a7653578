// Every golden model: read, traced, run by the reference interpreter, and compared with what Keras computed; or refused with
// an error that says why. Run as a whole it prints how many matched and what each refusal said.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "frontend/file.h"
#include "frontend/json.h"
#include "frontend/load.h"
#include "frontend/npy.h"
#include "ir/error.h"
#include "ir/executor.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace keratin {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(KERATIN_SOURCE_DIR) / "tests" / "golden";

/// Well-formed models that Keratin does not compile yet, by folder. One that begins to match fails the test until it
/// is taken off the list.
const std::vector<std::string> kNotCompiledYet = {
    "layers/adaptive_pooling",    "layers/attention_masks",  "layers/attention_other",
    "layers/attention_value_dim", "layers/conv_lstm",        "layers/dtype_policies",
    "layers/einsum_dense",        "layers/fixed_batch",      "layers/multi_head_attention",
    "layers/ops_linalg_nn",       "layers/quantized_int8",   "layers/rnn_cells",
    "layers/transformer_block",   "legacy/keras2_attention",
};

std::vector<std::string> golden_cases() {
  std::vector<std::string> cases;
  for (const char* suite : {"layers", "legacy"})
    for (const fs::directory_entry& entry : fs::directory_iterator(kGolden / suite))
      if (entry.is_directory()) cases.push_back(cat(suite, "/", entry.path().filename().string()));
  std::sort(cases.begin(), cases.end());
  return cases;
}

/// The extents that the case gives for what the model leaves free.
ShapeOverrides free_extents(const Json& info) {
  ShapeOverrides shapes;
  if (!info.has("inputs")) return shapes;
  for (const Json& input : info["inputs"].items()) {
    bool is_free = false;
    for (size_t i = 1; i < input["shape"].size(); ++i) is_free |= input["shape"].at(i).is_null();
    if (!is_free) continue;
    for (size_t i = 1; i < input["given"].size(); ++i)
      shapes[input["name"].as_string()].push_back(input["given"].at(i).as_int());
  }
  return shapes;
}

void expect_close(const Tensor& got, const Tensor& want, double atol, double rtol, const std::string& name) {
  ASSERT_EQ(got.shape(), want.shape()) << name;
  int64_t wrong = 0;
  std::string first;
  for (int64_t i = 0; i < got.elements(); ++i) {
    const double a = got.get(i), b = want.get(i);
    const bool close =
        (std::isnan(a) && std::isnan(b)) || a == b || std::abs(a - b) <= atol + rtol * std::abs(b);
    if (!close && wrong++ == 0) first = cat("element ", i, " is ", a, ", expected ", b);
  }
  EXPECT_EQ(wrong, 0) << name << ": of " << got.elements() << " elements; " << first;
}

struct Tally {
  int matched = 0;
  std::vector<std::string> refused;
};

class Golden : public testing::TestWithParam<std::string> {
 public:
  static void TearDownTestSuite() {
    std::printf("%d golden cases match, %zu are refused:\n", tally().matched, tally().refused.size());
    for (const std::string& line : tally().refused) std::printf("  %s\n", line.c_str());
  }

 protected:
  static Tally& tally() {
    static Tally tally;
    return tally;
  }

  void expect_match(const fs::path& file, const Json& info) {
    SCOPED_TRACE(file.string());
    const Module module = load_model(file.string(), free_extents(info));
    verify(module);
    const std::map<std::string, Tensor> given = read_npz((folder() / "inputs.npz").string());
    const std::map<std::string, Tensor> wanted = read_npz((folder() / "outputs.npz").string());
    const Function& predict = module.function("predict");
    std::vector<Tensor> inputs;
    for (const Node* param : predict.params) inputs.push_back(given.at(param->as<NameAttrs>().name));
    const std::vector<Tensor> outputs = make_interpreter()->compile(module)->call("predict", inputs);
    ASSERT_EQ(outputs.size(), info["outputs"].size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      const std::string& key = info["outputs"].at(i)["key"].as_string();
      EXPECT_EQ(predict.results[i].name, key);
      expect_close(outputs[i], wanted.at(key), info["tolerance"]["atol"].as_double(),
                   info["tolerance"]["rtol"].as_double(), key);
    }
  }

  fs::path folder() const { return kGolden / GetParam(); }

  std::vector<fs::path> model_files() const {
    std::vector<fs::path> files;
    for (const char* name : {"model.keras", "model.h5", "model"})
      if (fs::exists(folder() / name)) files.push_back(folder() / name);
    return files;
  }
};

TEST_P(Golden, MatchesOrIsRefused) {
  const Json info = Json::parse(read_file((folder() / "case.json").string()), GetParam());
  const bool is_match =
      info["expect"].as_string() == "match" &&
      std::find(kNotCompiledYet.begin(), kNotCompiledYet.end(), GetParam()) == kNotCompiledYet.end();
  ASSERT_FALSE(model_files().empty());
  for (const fs::path& file : model_files()) {
    try {
      expect_match(file, info);
      EXPECT_TRUE(is_match) << "matches: take it off the list";
      if (!HasFailure()) ++tally().matched;
    } catch (const Error& error) {
      EXPECT_FALSE(is_match) << error.what();
      EXPECT_FALSE(error.where().empty()) << error.what();
      EXPECT_TRUE(error.kind() == ErrorKind::unsupported || error.kind() == ErrorKind::data) << error.what();
      tally().refused.push_back(cat(GetParam(), "/", file.filename().string(), ": ", error.message()));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Golden, testing::ValuesIn(golden_cases()),
                         [](const auto& info) { return info.param.substr(info.param.find('/') + 1); });

}  // namespace
}  // namespace keratin
