// --tune: what is measured is kept, and used where it is right.
#include <gtest/gtest.h>

#include "tests/tools/cli.h"
#include "tools/tune_cache.h"

namespace keratin::testing {
namespace {

/// Two products of one kind, and another.
constexpr const char* kModel = R"(module @m {
  var @a : f32[64,64]
  var @b : f32[64,64]
  var @c : f32[64,10]
  func @predict(%x: f32[N,64]) -> (%y: f32[N,10]) {
    %0 = dot %x, @a {contract = [1]x[0]} : f32[N,64]
    %1 = dot %0, @b {contract = [1]x[0]} : f32[N,64]
    %2 = dot %1, @c {contract = [1]x[0]} : f32[N,10]
    return %2
  }
}
)";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A folder with the model, and with what is measured.
class TuneOption : public ::testing::Test {
 protected:
  TuneOption() { shell.write("m.kir", kModel); }

  /// A command that succeeds; what it says on standard error.
  std::string said(const std::string& command) const {
    const Outcome outcome = shell.run("XDG_CACHE_HOME=$PWD/caches $keratin " + command);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.err;
  }

  const Shell shell;
  const fs::path file = shell / "caches/keratin/schedules.json";
};

TEST_F(TuneOption, MeasuresWhatItDoesNotKnow) {
  EXPECT_EQ(said("compile m.kir -o m.so"), "");
  EXPECT_FALSE(fs::exists(file));
  EXPECT_TRUE(contains(said("compile m.kir -o m.so --tune"), "tuned 2 kernels: 2 measured, 0 known; "));
  EXPECT_TRUE(fs::exists(file));
  EXPECT_TRUE(contains(said("compile m.kir -o m.so --tune"), "tuned 2 kernels: 0 measured, 2 known; "));
  EXPECT_TRUE(contains(said("bench m.kir --batch 32 --seconds 0.01 --tune"), "0 measured, 2 known"));
  EXPECT_TRUE(contains(said("compile m.kir -o m.so --tune --tune-cache here"), "2 measured, 0 known"));
  EXPECT_TRUE(fs::exists(shell / "here/schedules.json"));
}

TEST_F(TuneOption, KeepsWhatHoldsUnderOtherCircumstancesApart) {
  const std::string folder = (shell / "caches").string();
  const auto known = [&](const Target& target, unsigned threads, int64_t batch) {
    return TuneCache(folder, target, {.threads = threads, .batch = batch}).find("region") != nullptr;
  };
  const Target here = host_target(), there = make_target("x86-64-v2", "x86_64-unknown-linux-gnu");
  TuneCache(folder, here, {.threads = 2, .batch = 8}).add({{"region", {{{"height", 3}}, 2e-6, 1e-6}}});
  EXPECT_TRUE(known(here, 2, 8));
  EXPECT_FALSE(known(here, 1, 8));
  EXPECT_FALSE(known(here, 2, 1));
  EXPECT_FALSE(known(there, 2, 8));
}

TEST_F(TuneOption, FilesGrowFromManySides) {
  const std::string folder = (shell / "caches").string();
  const Target here = host_target();
  TuneCache first(folder, here, {}), second(folder, here, {});
  first.add({{"a", {{{"height", 3}}, 2e-6, 1e-6}}});
  second.add({{"b", {{}, 2e-6, 2e-6}}});
  const TuneCache both(folder, here, {});
  ASSERT_NE(both.find("a"), nullptr);
  EXPECT_EQ(both.find("a")->schedule, (Schedule{{"height", 3}}));
  EXPECT_EQ(both.find("a")->before, 2e-6);
  EXPECT_NE(both.find("b"), nullptr);
  EXPECT_EQ(both.find("c"), nullptr);
}

TEST_F(TuneOption, SaysWhatItFound) {
  const Outcome outcome = shell.run("$keratin dump m.kir --why --tune --tune-cache here");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  size_t lines = 0;
  for (size_t at = 0; (at = outcome.out.find("  tune  ", at)) != std::string::npos; ++at) ++lines;
  EXPECT_EQ(lines, 3u) << outcome.out;
}

TEST_F(TuneOption, DamagedFilesAreReplaced) {
  for (const char* text : {"", "{", "[]", R"({"tuned": {"0": {}}})", R"({"tuned": {"0": 1}})"}) {
    SCOPED_TRACE(text);
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
    const std::string first = said("compile m.kir -o m.so --tune");
    EXPECT_TRUE(contains(first, "warning: what was tuned before is not used: ")) << first;
    EXPECT_TRUE(contains(first, "2 measured, 0 known")) << first;
    const std::string second = said("compile m.kir -o m.so --tune");
    EXPECT_FALSE(contains(second, "warning")) << second;
    EXPECT_TRUE(contains(second, "0 measured, 2 known")) << second;
  }
}

TEST_F(TuneOption, ImpossibleSchedulesAreNotHeard) {
  said("compile m.kir -o m.so --tune");
  std::string text = read_all(file);
  for (size_t at = 0; (at = text.find("\"schedule\":{", at)) != std::string::npos; ++at)
    text.replace(at, text.find('}', at) - at, R"("schedule":{"height":1000,"piece":-1,"block":7,"weight":1)");
  std::ofstream(file) << text;
  EXPECT_TRUE(contains(said("compile m.kir -o m.so --tune"), "0 measured, 2 known"));
  EXPECT_EQ(shell
                .run("$keratin dump m.kir --stage loops > usual.txt; "
                     "XDG_CACHE_HOME=$PWD/caches $keratin dump m.kir --stage loops --tune > asked.txt; "
                     "cmp usual.txt asked.txt")
                .status,
            0);
}

TEST_F(TuneOption, FoldersThatCannotBeWrittenAreNoFailure) {
  shell.write("here", "a file");
  const std::string text = said("compile m.kir -o m.so --tune --tune-cache here");
  EXPECT_TRUE(contains(text, "warning: what was tuned is not kept: ")) << text;
  EXPECT_TRUE(contains(text, "2 measured, 0 known")) << text;
}

TEST_F(TuneOption, TrainersAreTunedWithAllTheirFunctions) {
  const std::string text =
      said("compile $models/digits_mlp.keras --trainer -o trainer --tune --loss categorical_crossentropy");
  EXPECT_TRUE(contains(text, " measured, 0 known; ")) << text;
  EXPECT_EQ(shell.run("./trainer --help").status, 0);
}

TEST_F(TuneOption, WrongUsesAreRefused) {
  const auto error = [&](const std::string& command) {
    const Outcome outcome = shell.run("$keratin " + command);
    EXPECT_EQ(outcome.status, 2) << command;
    return outcome.err;
  };
  const std::string compile = "compile m.kir -o m.so ";
  EXPECT_TRUE(contains(error(compile + "--tune --target aarch64-unknown-linux-gnu"),
                       "this machine does not run code for generic"));
  EXPECT_TRUE(contains(error(compile + "--tune-cache here"), "--tune-cache is for --tune"));
  EXPECT_TRUE(contains(error(compile + "--tune-threads 2"), "--tune-threads is for --tune"));
  EXPECT_TRUE(contains(error(compile + "--tune --tune-threads 0"), "--tune-threads"));
  EXPECT_TRUE(contains(error("dump m.kir --tune"), "a graph is the same however it is lowered"));
  const Outcome homeless = shell.run("env -u HOME -u XDG_CACHE_HOME $keratin compile m.kir -o m.so --tune");
  EXPECT_EQ(homeless.status, 2);
  EXPECT_TRUE(contains(homeless.err, "--tune-cache FOLDER")) << homeless.err;
}

}  // namespace
}  // namespace keratin::testing
