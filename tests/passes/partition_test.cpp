// Steps of ranks: every golden training run, by several ranks in the interpreter, is what Keras computed on one; what ranks cannot share
// is refused.
#include <gtest/gtest.h>

#include "ir/text.h"
#include "ir/text_format.h"
#include "passes/pass.h"
#include "tests/golden_training.h"
#include "tests/passes/thread_ranks.h"
#include "tests/random_graph.h"

namespace keratin {
namespace {

/// As the pipeline makes steps of ranks: passes/pipeline.cpp.
Module for_ranks(const Module& module) {
  Module made = clone(module);
  for (const std::string_view pass : {"differentiate", "wide_sums", "partition"})
    made = run_pass(find_pass(pass), made);
  return made;
}

void expect_runs_of(size_t ranks) {
  walk_golden_cases("training on several ranks", Suite::training,
                    [&](const GoldenCase& golden, const std::filesystem::path& file) {
                      const TrainableModule model = load_trainable(file.string());
                      const Module partitioned = for_ranks(model.module);
                      ASSERT_NE(partitioned.find_function("train_step.ranks"), nullptr);
                      ASSERT_NE(partitioned.find_function("evaluate_step.ranks"), nullptr);
                      RankedExecutable executable(partitioned, ranks);
                      expect_training_run(golden, model, executable);
                    });
}

TEST(Partition, TwoRanksTrainAsKerasDoes) { expect_runs_of(2); }
TEST(Partition, ThreeRanksTrainAsKerasDoes) { expect_runs_of(3); }  // parts that are not equally long

// Sums of floats of 16 bits are rounded once, when all terms are there. A rank's own may be greater than such floats get, which would say
// that a gradient overflows, and where gradients are all but 0, Adam makes much of each rounding.
TEST(Partition, SumsOfHalvesAreRoundedOnce) {
  const Module partitioned =
      for_ranks(parse_module("module @m {\n"
                             "  var @sum : f16[] state\n"
                             "  var @product : f16[] state\n"
                             "  var @rows : f16[2] state\n"
                             "  func @step(%x: f16[N], %i: i32[N]) -> () {\n"
                             "    %0 = reduce_sum %x {axes = [0]} : f16[]\n"
                             "    %1 = constant 1.0:f16 : f16[N]\n"
                             "    %2 = dot %x, %1 {contract = [0]x[0]} : f16[]\n"
                             "    %3 = constant 0.0:f16 : f16[2]\n"
                             "    %4 = scatter_add %3, %i, %x {axis = 0, batch_dims = 0} : f16[2]\n"
                             "    return updates @sum = %0, @product = %2, @rows = %4\n"
                             "  }\n}\n",
                             "m.kir"));
  Tensor x(DType::f16, {4}), i(DType::i32, {4});
  const double values[] = {40000, 40000, -40000, 1};
  for (int64_t at = 0; at < 4; ++at) x.set(at, values[at]);
  RankedExecutable ranks(partitioned, 2);
  ranks.call("step", std::vector<Tensor>{x, i});
  EXPECT_EQ(ranks.get_variable("sum").get(0), 40000);
  EXPECT_EQ(ranks.get_variable("product").get(0), 40000);
  EXPECT_EQ(ranks.get_variable("rows").get(0), 40000);
}

/// What is said of a step that makes %s of %x.
std::string refusal(const std::string& body) {
  const Module module =
      parse_module(cat("module @m {\n  var @w : f32[4] state\n  func @step(%x: f32[N,4]) -> () {\n", body,
                       "    return updates @w = %9\n  }\n}\n"),
                   "m.kir");
  try {
    partition(module);
  } catch (const Error& error) {
    return error.message();
  }
  return "accepted";
}

TEST(Partition, RefusesWhatMixesSamples) {
  EXPECT_EQ(
      refusal("    %0, %1 = sort %x {axis = 0} : f32[N,4], i32[N,4]\n"
              "    %9 = reduce_sum %0 {axes = [0]} : f32[4]\n"),
      "ranks cannot share the samples of a batch: sort reads or writes samples at the places of others");
  EXPECT_EQ(refusal("    %0 = dot %x, %x {contract = [1]x[1]} : f32[N,N]\n"
                    "    %1 = reduce_sum %0 {axes = [0]} : f32[N]\n"
                    "    %9 = dot %1, %x {contract = [0]x[0]} : f32[4]\n"),
            "ranks cannot share the samples of a batch: dot makes pairs of samples, f32[N,N]");
  EXPECT_EQ(
      refusal("    %0 = transpose %x {perm = [1, 0]} : f32[4,N]\n"
              "    %1 = reshape %0 : f32[N,4]\n"
              "    %9 = reduce_sum %1 {axes = [0]} : f32[4]\n"),
      "ranks cannot share the samples of a batch: a reshape from [4,N] to [N,4] puts parts of different samples "
      "together");
  EXPECT_EQ(
      refusal("    %0 = reverse %x {axes = [0]} : f32[N,4]\n"
              "    %1 = mul %0, %x : f32[N,4]\n"
              "    %9 = reduce_sum %1 {axes = [0]} : f32[4]\n"),
      "ranks cannot share the samples of a batch: reverse reads or writes samples at the places of others");
}

// Runs of samples: what was [4,N] is not what was [N,4], though both have 4N rows.
TEST(Partition, RefusesTwoOrdersOfSamples) {
  EXPECT_EQ(refusal("    %0 = transpose %x {perm = [1, 0]} : f32[4,N]\n"
                    "    %1 = reshape %0 : f32[4N]\n"
                    "    %2 = reshape %x : f32[4N]\n"
                    "    %3 = mul %1, %2 : f32[4N]\n"
                    "    %4 = reduce_sum %3 {axes = [0]} : f32[]\n"
                    "    %9 = broadcast %4 {dims = []} : f32[4]\n"),
            "ranks cannot share the samples of a batch: mul reads samples in two orders");
  EXPECT_EQ(refusal("    %0 = transpose %x {perm = [1, 0]} : f32[4,N]\n"
                    "    %1 = reshape %0 : f32[4N]\n"
                    "    %2 = mul %1, %1 : f32[4N]\n"
                    "    %3 = reshape %2 : f32[4,N]\n"
                    "    %9 = reduce_sum %3 {axes = [1]} : f32[4]\n"),
            "accepted");
}

// Named layers go by the rank's own samples: with one rank that is what the step was.
TEST(Partition, OwnStatisticsAreAveraged) {
  const TrainableModule model =
      load_trainable(cat(KERATIN_SOURCE_DIR, "/tests/golden/training/batchnorm_resnet_adamw/model.keras"));
  ASSERT_FALSE(model.signature.batch_statistics.empty());
  const OwnLayers layers(model.signature.batch_statistics.begin(), model.signature.batch_statistics.end());
  const Module whole = run_pass(find_pass("differentiate"), model.module);
  const auto reductions = [](const Module& module) {
    int count = 0;
    for (const auto& node : module.function("train_step.ranks").nodes) count += node->op == Op::all_reduce;
    return count;
  };
  const Module synchronous = partition(whole), local = partition(whole, layers);
  EXPECT_LT(reductions(local), reductions(synchronous));
  // Of one rank, its own samples are all.
  const auto trained = [&](const Module& module) {
    const auto executable = make_interpreter()->compile(module);
    const Function& step = module.function("train_step.ranks");
    std::vector<Tensor> inputs;
    for (const Node* param : step.params) {
      std::vector<int64_t> shape;
      for (const Dim dim : param->type().shape) shape.push_back(dim.is_static() ? dim.value() : 4 * dim.coef);
      Tensor& input = inputs.emplace_back(param->type().dtype, shape);
      for (int64_t i = 0; i < input.elements() && param != step.params.back(); ++i)
        input.set(i, is_float(input.dtype()) ? 0.01 * static_cast<double>(i * 7 % 101)
                                             : static_cast<double>(i % 2));
    }
    executable->call(step.name, inputs);
    std::vector<Tensor> values;
    for (const Variable& variable : module.variables)
      values.push_back(executable->get_variable(variable.name));
    return values;
  };
  const std::vector<Tensor> of_all = trained(synchronous), of_own = trained(local);
  for (size_t i = 0; i < of_all.size(); ++i)
    expect_close(of_own[i], of_all[i], 1e-6, 1e-6, local.variables[i].name);
}

// Whatever is not refused: results without samples, and variables, are what the function gives for all samples.
TEST(Partition, RandomGraphsMeanTheSame) {
  int refused = 0, compared = 0;
  for (uint64_t seed = 9000; seed < 10000; ++seed) {
    testing::RandomGraph graph =
        testing::random_graph({.seed = seed,
                               .without = {Op::fusion, Op::relayout, Op::winograd},
                               .dtypes = {DType::f64, DType::i64, DType::u32, DType::boolean}});
    const Function& f = graph.module.function("f");
    if (f.updates.empty()) continue;
    Module partitioned;
    try {
      partitioned = partition(graph.module);
    } catch (const Error&) {
      ++refused;
      continue;
    }
    const Function* shared = partitioned.find_function("f.ranks");
    if (shared == nullptr) continue;
    const auto whole = make_interpreter()->compile(graph.module);
    const std::vector<Tensor> expected = whole->call("f", graph.inputs);
    RankedExecutable ranks(partitioned, 2);
    const std::vector<Tensor> found = ranks.call("f", graph.inputs);
    const auto expect_same = [&](const Tensor& want, const Tensor& got, const std::string& what) {
      ++compared;
      EXPECT_EQ(testing::disagreement(want, got), "") << what << ", seed " << seed << "\n" << print(*shared);
    };
    for (size_t i = 0; i < expected.size(); ++i)
      if (expected[i].shape() == found[i].shape() && shared->results[i].value.type().is_static())
        expect_same(expected[i], found[i], shared->results[i].name);
    for (const Update& update : f.updates)
      expect_same(whole->get_variable(update.variable), ranks.get_variable(update.variable), update.variable);
  }
  EXPECT_GT(compared, 100) << refused << " refused";
}

}  // namespace
}  // namespace keratin
