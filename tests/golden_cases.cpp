#include "tests/golden_cases.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "frontend/file.h"
#include "frontend/npy.h"
#include "ir/text.h"

namespace keratin {
namespace {

namespace fs = std::filesystem;

GoldenCase read_case(const fs::path& folder, const fs::path& root, bool is_ours) {
  GoldenCase found{.name = fs::relative(folder, root).string(), .folder = folder, .expect = {}};
  const std::string file = (folder / "case.json").string();
  found.info = Json::parse(read_file(file), file);
  for (const char* name : {"model.keras", "model.h5", "model"})
    if (fs::exists(folder / name)) found.files.push_back(folder / name);
  using enum GoldenCase::Expect;
  found.trains = found.info["suite"].is_string() && found.info["suite"].as_string() == "training";
  if (found.info["expect"].as_string() == "match") {
    found.expect = is_ours ? match : either;
    if (!found.trains) {
      found.atol = found.info["tolerance"]["atol"].as_double();
      found.rtol = found.info["tolerance"]["rtol"].as_double();
    }
  } else {
    found.expect = refusal;
  }
  return found;
}

}  // namespace

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

ShapeOverrides GoldenCase::free_extents() const {
  ShapeOverrides shapes;
  if (!info.has("inputs")) return shapes;
  for (const Json& input : info["inputs"].items()) {
    bool is_free = false;
    for (size_t i = 1; i < input["shape"].size(); ++i) is_free |= input["shape"].at(i).is_null();
    if (!is_free) continue;
    for (size_t i = 1; i < input["given"].size(); ++i)
      shapes.extents[input["name"].as_string()].push_back(input["given"].at(i).as_int());
  }
  return shapes;
}

std::vector<Tensor> GoldenCase::inputs(const Module& module) const {
  const std::map<std::string, Tensor> given = read_npz((folder / "inputs.npz").string());
  std::vector<Tensor> inputs;
  for (const Node* param : module.function("predict").params) {
    const std::string& name = param->as<NameAttrs>().name;
    const auto found = given.find(name);
    if (found == given.end())
      throw std::runtime_error(cat((folder / "inputs.npz").string(), " has no ", name));
    inputs.push_back(found->second);
  }
  return inputs;
}

void GoldenCase::expect_outputs(const Module& module, std::span<const Tensor> outputs) const {
  const std::map<std::string, Tensor> wanted = read_npz((folder / "outputs.npz").string());
  ASSERT_EQ(outputs.size(), info["outputs"].size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string& key = info["outputs"].at(i)["key"].as_string();
    EXPECT_EQ(module.function("predict").results[i].name, key);
    expect_close(outputs[i], wanted.at(key), atol, rtol, key);
  }
}

std::vector<GoldenCase> golden_cases() {
  std::vector<GoldenCase> cases;
  const auto add = [&](const fs::path& root, bool is_ours) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
      if (fs::exists(entry.path() / "case.json")) cases.push_back(read_case(entry.path(), root, is_ours));
  };
  add(fs::path(KERATIN_SOURCE_DIR) / "tests" / "golden", true);
  if (const char* more = std::getenv("KERATIN_GOLDEN")) add(more, false);
  std::sort(cases.begin(), cases.end(),
            [](const GoldenCase& a, const GoldenCase& b) { return a.name < b.name; });
  return cases;
}

void walk_golden_cases(std::string_view through, Suite suite,
                       const std::function<void(const GoldenCase&, const fs::path& file)>& run) {
  int64_t files = 0, matched = 0;
  std::vector<std::string> refused;
  for (const GoldenCase& golden : golden_cases()) {
    if (golden.trains != (suite == Suite::training)) continue;
    EXPECT_FALSE(golden.files.empty()) << golden.name;
    for (const fs::path& file : golden.files) {
      SCOPED_TRACE(file.string());
      ++files;
      try {
        const auto parts_that_failed = [] {
          return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
        };
        const int before = parts_that_failed();
        run(golden, file);
        EXPECT_NE(golden.expect, GoldenCase::Expect::refusal) << "matches: take it off the list";
        if (parts_that_failed() == before) ++matched;
      } catch (const Error& error) {
        EXPECT_NE(golden.expect, GoldenCase::Expect::match) << error.what();
        EXPECT_FALSE(error.where().empty()) << error.what();
        EXPECT_TRUE(error.kind() == ErrorKind::unsupported || error.kind() == ErrorKind::data)
            << error.what();
        refused.push_back(cat(golden.name, "/", file.filename().string(), ": ", error.message()));
      }
    }
  }
  std::printf("%s: of %ld golden model files %ld match, %zu are refused:\n", std::string(through).c_str(),
              static_cast<long>(files), static_cast<long>(matched), refused.size());
  for (const std::string& line : refused) std::printf("  %s\n", line.c_str());
  EXPECT_EQ(matched + static_cast<int64_t>(refused.size()), files);
}

}  // namespace keratin
