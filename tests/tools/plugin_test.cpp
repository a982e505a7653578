// Plug-ins, as users make and load them: the example's classes give what they give in Keras, and what is no plug-in is refused.
#include <gtest/gtest.h>

#include "tests/tools/fit.h"

namespace keratin::testing {
namespace {

class Plugin : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shell_ = std::make_unique<Shell>();
    const Outcome made = shell_->run(
        "c++ -std=c++20 -Wall -Wextra -Werror -shared -fPIC -I$examples/.. "
        "$examples/plugin/mine.cpp -o mine.so");
    ASSERT_EQ(made.status, 0) << made.err;
  }
  static void TearDownTestSuite() { shell_.reset(); }

  static Outcome run(const std::string& command) {
    return shell_->run(cat("case=", KERATIN_SOURCE_DIR, "/tests/data/plugin; ", command));
  }
  /// Compiles `text` after the includes of plug-ins, loads it, and reads a model with a layer mine>Snake.
  static Outcome load(const std::string& name, const std::string& text) {
    shell_->write(name + ".cpp", "#include \"frontend/plugin.h\"\nusing namespace keratin;\n" + text);
    shell_->write("snake.json", R"({"class_name": "Sequential", "config": {"name": "waves", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 6], "dtype": "float32", "name": "x"}},
        {"module": "mine", "class_name": "Snake", "config": {"name": "snake", "squared": true}, "registered_name": "mine>Snake"}]}})");
    return run(cat("c++ -std=c++20 -shared -fPIC -I$examples/.. ", name, ".cpp -o ", name,
                   ".so && $keratin dump snake.json --plugin ", name, ".so"));
  }
  static void expect_refusal(const Outcome& outcome, int status, const std::string& message) {
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }

  static std::unique_ptr<Shell> shell_;
};
std::unique_ptr<Shell> Plugin::shell_;

TEST_F(Plugin, ALayerGivesWhatItGivesInKeras) {
  const std::string compare = " --input $case/inputs.npz --expect $case/outputs.npz --rtol 1e-5 --atol 1e-6";
  for (const char* how : {"", " --interpret", " --interpret-kernels"}) {
    const Outcome same = run(cat("$keratin run $case/model.keras --plugin ./mine.so", compare, how));
    EXPECT_EQ(same.status, 0) << how << same.err;
  }
  ASSERT_EQ(run("$keratin compile $case/model.keras --plugin mine.so -o m.so").status, 0);
  const Outcome same = run("$keratin run m.so" + compare);
  EXPECT_EQ(same.status, 0) << same.err;
}

TEST_F(Plugin, AllOfThemTrainAsInKeras) {
  const Outcome made = run("$keratin compile $case/model.keras --trainer --plugin mine.so -o trainer");
  ASSERT_EQ(made.status, 0) << made.err;
  expect_fit(*shell_, fs::path(KERATIN_SOURCE_DIR) / "tests" / "data" / "plugin");

  const Outcome exported =
      run("$keratin export $case/model.keras --plugin mine.so --weights w.safetensors -o trained.keras && "
          "$keratin summary trained.keras --plugin mine.so");
  EXPECT_EQ(exported.status, 0) << exported.err;
  EXPECT_NE(exported.out.find("snake (Snake)"), std::string::npos) << exported.out;
}

TEST_F(Plugin, ItsInitializersStartWeights) {
  const Outcome dumped = run("$keratin dump $case/model.keras --plugin mine.so --func initialize");
  EXPECT_EQ(dumped.status, 0) << dumped.err;
  EXPECT_NE(dumped.out.find("  %8 = iota : i32[5]\n"
                            "  %9 = cast %8 : f32[5]\n"
                            "  %10 = mul %9, 0.625 : f32[5]\n"
                            "  %11 = add %10, -0.5 : f32[5]\n"),
            std::string::npos)
      << dumped.out;
}

TEST_F(Plugin, ClassesAreFoundByTheirNamesOnTheCommandLine) {
  const Outcome dumped =
      run("$keratin dump $case/model.keras --plugin mine.so --func metrics --loss 'mine>TiltedError' "
          "--metrics 'mine>MeanBias' --optimizer 'mine>Signum'");
  EXPECT_EQ(dumped.status, 0) << dumped.err;
  EXPECT_NE(dumped.out.find("%MeanBias: f32[]"), std::string::npos) << dumped.out;
}

TEST_F(Plugin, WithoutItTheModelIsRefused) {
  const Outcome layer = run("$keratin dump $case/model.keras");
  expect_refusal(layer, 69, "layer \"snake\" (Snake): class mine>Snake is not part of Keras");
  EXPECT_NE(layer.err.find("--plugin FILE.so"), std::string::npos) << layer.err;
  expect_refusal(run(cat("$keratin dump ", KERATIN_SOURCE_DIR,
                         "/tests/golden/training/mse_sgd/model.keras --func train_step --loss 'mine>Loss'")),
                 69, "the loss mine>Loss is not part of Keras");
}

TEST_F(Plugin, WhatIsNoPluginIsRefused) {
  const std::string with = "$keratin dump $case/model.keras --plugin ";
  expect_refusal(run(with + "none.so"), 66, "none.so");
  expect_refusal(run(with + "$case/model.keras"), 65, "is no shared object");
  ASSERT_EQ(run("$keratin compile $models/digits_mlp.keras -o digits.so").status, 0);
  expect_refusal(run(with + "digits.so"), 65, "digits.so: this shared object is no plug-in");
  expect_refusal(run(with + "mine.so --plugin mine.so"), 2,
                 "mine.so: a name of its layer mine>Snake is taken by mine>Snake");
  run("head -c 3000 mine.so > half.so");
  expect_refusal(run(with + "half.so"), 65, "is truncated");
}

TEST_F(Plugin, AnotherVersionIsRefused) {
  expect_refusal(load("old",
                      "extern \"C\" uint64_t keratin_plugin_abi() { return plugin_abi() + 1; }\n"
                      "extern \"C\" void keratin_plugin_register(PluginTables&) {}\n"),
                 65, "old.so: this plug-in was compiled for another version of Keratin");
  expect_refusal(load("gone",
                      "namespace keratin { Expr gone(const Expr&); }\n"
                      "Outputs f(Call& call) { return gone(call.input()); }\n"
                      "constexpr LayerDef kLayers[] = {{\"mine>Gone\", {}, Masks::pass, f}};\n"
                      "KERATIN_PLUGIN(.layers = kLayers)\n"),
                 66, "undefined symbol");
}

TEST_F(Plugin, ANameIsTakenOnce) {
  expect_refusal(load("dense",
                      "Outputs f(Call& call) { return call.input(); }\n"
                      "constexpr LayerDef kLayers[] = {{\"Dense\", {}, Masks::pass, f}};\n"
                      "KERATIN_PLUGIN(.layers = kLayers)\n"),
                 2, "dense.so: a name of its layer Dense is taken by Dense");
  expect_refusal(
      load("mse",
           "LossValues f(const LossCall& call) { return call.target; }\n"
           "constexpr LossDef kLosses[] = {{{\"mine>Error\", \"mse\", {}}, LossTarget::values, f}};\n"
           "KERATIN_PLUGIN(.losses = kLosses)\n"),
      2, "mse.so: a name of its loss mine>Error is taken by MeanSquaredError");
}

TEST_F(Plugin, WhatItsFunctionsThrowIsAnError) {
  expect_refusal(load("early",
                      "std::span<const LayerDef> f() { throw std::runtime_error(\"not today\"); }\n"
                      "KERATIN_PLUGIN(.layers = f())\n"),
                 65, "early.so: the plug-in threw \"not today\"");
  const std::string layer =
      "constexpr Arg kArgs[] = {{\"squared\", ArgKind::boolean, \"true\"}};\n"
      "constexpr LayerDef kLayers[] = {{\"mine>Snake\", kArgs, Masks::pass, f}};\n"
      "KERATIN_PLUGIN(.layers = kLayers)\n";
  expect_refusal(load("late", "Outputs f(Call&) { throw std::runtime_error(\"not today\"); }\n" + layer), 65,
                 "layer \"snake\" (Snake): its plug-in's function threw \"not today\"");
  expect_refusal(load("refuses", "Outputs f(Call& call) { call.fail(\"wants more\"); }\n" + layer), 69,
                 "layer \"snake\" (Snake): wants more");
}

}  // namespace
}  // namespace keratin::testing
