// What Keras 2 wrote differently. Whole models are golden cases.
#include "frontend/legacy.h"

#include <gtest/gtest.h>

#include "frontend/dtype_policy.h"
#include "frontend/legacy_compile.h"
#include "frontend/legacy_functions.h"
#include "frontend/operation.h"
#include "ir/error.h"

namespace keratin {
namespace {

Json json(std::string_view text) { return Json::parse(text, "test"); }

TEST(Legacy, MomentsComeInPairs) {
  const std::vector<std::string> names = {"Adam/iter:0",       "Adam/a/kernel/m:0", "Adam/a/bias/m:0",
                                          "Adam/a/kernel/v:0", "Adam/a/bias/v:0",   "Adam/a/kernel/vhat:0",
                                          "Adam/a/bias/vhat:0"};
  EXPECT_EQ(optimizer_order(names), (std::vector<size_t>{0, 1, 3, 2, 4, 5, 6}));
  EXPECT_EQ(optimizer_order({"iteration:0", "Adam/m/a/kernel:0", "Adam/v/a/kernel:0", "Adam/m/a/bias:0"}),
            (std::vector<size_t>{0, 1, 2, 3}));
}

TEST(Legacy, AnOptimizersDecayIsASchedule) {
  const Json adapted = adapt_optimizer(
      json(R"({"class_name": "Custom>SGD", "config": {"lr": 0.5, "decay": 0.25, "jit_compile": true}})"),
      "m.h5");
  EXPECT_EQ(adapted.dump(),
            R"({"class_name":"SGD","config":{"learning_rate":{"class_name":"InverseTimeDecay","config":)"
            R"({"initial_learning_rate":0.5,"decay_steps":1,"decay_rate":0.25}}}})");
  EXPECT_THROW(adapt_optimizer(json(R"({"class_name": "Nadam", "config": {"decay": 0.004}})"), "m.h5"),
               Error);
}

TEST(Legacy, MetricsThatWrapAFunctionAreItsName) {
  const Json metrics = json(R"([[{"class_name": "MeanMetricWrapper", "config": {"name": "mae", "fn": "x"}}],
                                {"a": "mse"}, {"class_name": "AUC", "config": {}}])");
  EXPECT_EQ(adapt_metrics(metrics).dump(), R"([["mae"],{"a":"mse"},{"class_name":"AUC","config":{}}])");
}

TEST(Legacy, SlicesAndSizesOfPartsInTheFormOfKeras3) {
  EXPECT_EQ(
      adapt_value("slice_spec", json(R"([{"start": 1, "stop": null, "step": 2}, "...", null, 0])")).dump(),
      R"([{"class_name":"__slice__","config":{"start":1,"stop":null,"step":2}},)"
      R"({"class_name":"__ellipsis__","config":{}},null,0])");
  EXPECT_EQ(adapt_value("num_or_size_splits", json("[1, 2, 3]")).dump(), "[1,3]");
  EXPECT_EQ(adapt_value("padding", json(R"("VALID")")).dump(), R"("valid")");
}

TEST(Legacy, WordsOfAFunction) {
  const OldFunction& gather = *find_old_function("compat.v1.gather");
  EXPECT_EQ(word_of(gather, "-", "batch_dims"), "0");
  EXPECT_EQ(word_of(gather, "", "axis"), "");
  EXPECT_EQ(given_arguments(gather).dump(), R"({"axis":0})");
  EXPECT_EQ(find_old_function("raw_ops.Foo"), nullptr);
}

TEST(Legacy, OldClassesAndWhatTheyMeant) {
  EXPECT_EQ(class_of_keras3("CuDNNGRU"), "GRU");
  EXPECT_EQ(adapt_config("ThresholdedReLU", json(R"({"theta": 2})"), true)->dump(), R"({"threshold":2})");
  EXPECT_EQ(adapt_config("GRU", json(R"({"units": 2, "recurrent_activation": "tanh"})"), true)->dump(),
            R"({"units":2,"recurrent_activation":"tanh","reset_after":false})");
  EXPECT_FALSE(adapt_config("GRU", json(R"({"units": 2})"), false));
}

TEST(DTypePolicies, NamesObjectsAndMaps) {
  const auto read = [](std::string_view text, std::string_view path = "") {
    return read_dtype_policy(json(text), path, "layer");
  };
  EXPECT_EQ(read(R"("mixed_float16")").compute, DType::f16);
  EXPECT_EQ(read(R"("mixed_float16")").variable, DType::f32);
  EXPECT_EQ(read(R"({"config": {"name": "bfloat16"}})").variable, DType::bf16);
  const DTypePolicy gptq = read(R"({"config": {"mode": "gptq/4/128", "source_name": "mixed_bfloat16"}})");
  EXPECT_EQ(gptq.quantization, Quantization::gptq);
  EXPECT_EQ(gptq.weight_bits, 4);
  EXPECT_EQ(gptq.group_size, 128);
  EXPECT_EQ(gptq.compute, DType::bf16);
  const std::string_view map = R"({"config": {"default_policy": "float32", "policy_map":
      {"a/query": "float16", "a/.*e.*": "bfloat16", "b/ke?y+": "float64"}}})";
  EXPECT_EQ(read(map, "a/query").compute, DType::f16);
  EXPECT_EQ(read(map, "a/key").compute, DType::bf16);
  EXPECT_EQ(read(map, "b/kyy").compute, DType::f64);
  EXPECT_EQ(read(map, "b/k").compute, DType::f32);
  EXPECT_EQ(read(map, "xa/query").compute, DType::f32);
  EXPECT_THROW(read(R"({"config": {"mode": "awq/8/128", "source_name": "float32"}})"), Error);
}

}  // namespace
}  // namespace keratin
