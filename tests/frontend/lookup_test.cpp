// Vocabularies that lie in a model file beside its weights, and what hashing layers give for integers of all lengths.
#include <gtest/gtest.h>

#include <limits>

#include "frontend/archive.h"
#include "frontend/h5_writer.h"
#include "frontend/load.h"
#include "ir/executor.h"
#include "tests/frontend/files.h"

namespace keratin {
namespace {

/// The bytes of a `.keras` file with one layer, called on three 64-bit integers per sample.
std::string model_file(const std::string& class_name, const std::string& arguments,
                       const std::string& vocabulary, const H5File& weights = {}) {
  const std::string config =
      cat(R"({"class_name": "Sequential", "config": {"name": "m", "layers": [{"class_name": "InputLayer", )",
          R"("config": {"name": "x", "batch_shape": [null, 3], "dtype": "int64"}}, {"class_name": ")",
          class_name, R"(", "config": {"name": "layer", )", arguments, "}}]}}");
  std::vector<std::pair<std::string, std::string>> members = {
      {"config.json", config}, {"model.weights.h5", format_h5(weights, "test")}};
  if (!vocabulary.empty()) members.emplace_back("assets/layers/integer_lookup/vocabulary.txt", vocabulary);
  return make_zip(members);
}

std::vector<double> run(const std::string& bytes, const std::vector<int64_t>& numbers) {
  const TempFolder folder;
  const std::string path = folder / "model.keras";
  write_file(path, bytes);
  Tensor x(DType::i64, {static_cast<int64_t>(numbers.size()) / 3, 3});
  for (size_t i = 0; i < numbers.size(); ++i) x.set_integer(static_cast<int64_t>(i), numbers[i]);
  const Tensor y = make_interpreter()->compile(load_model(path))->call("predict", std::vector<Tensor>{x})[0];
  std::vector<double> out;
  for (int64_t i = 0; i < y.elements(); ++i) out.push_back(y.get(i));
  return out;
}

TEST(Lookup, VocabularyOfALayerThatWasAdapted) {
  // Keras writes the numbers for what is masked and unknown, too.
  EXPECT_EQ(run(model_file("IntegerLookup", R"("mask_token": 0)", "0\n-1\n5\n6\n7\n"), {5, 7, 0, 6, 8, -1}),
            (std::vector<double>{2, 4, 0, 3, 1, 1}));
  EXPECT_EQ(run(model_file("IntegerLookup", R"("output_mode": "count")", "-1\n5\n6"), {5, 5, 9}),
            (std::vector<double>{1, 2, 0}));
  expect_error(ErrorKind::data, "has no vocabulary",
               [] { run(model_file("IntegerLookup", R"("invert": false)", ""), {1, 2, 3}); });
  expect_error(ErrorKind::data, "which is no integer",
               [] { run(model_file("IntegerLookup", R"("invert": false)", "-1\nred"), {1, 2, 3}); });
}

TEST(Lookup, WeightsOfALayerThatWasAdapted) {
  Tensor weights(DType::f32, {3});
  for (int64_t i = 0; i < 3; ++i) weights.set(i, 0.5 * static_cast<double>(i + 1));
  H5File stored;
  stored.datasets.emplace("layers/integer_lookup/vars/idf_weights", weights);
  const std::string file = model_file("IntegerLookup", R"("output_mode": "tf_idf")", "-1\n5\n6", stored);
  EXPECT_EQ(run(file, {5, 5, 6}), (std::vector<double>{0, 2, 1.5}));
  const auto with_vocabulary = [&](const std::string& arguments, const std::string& vocabulary) {
    return model_file("IntegerLookup", cat(R"("output_mode": "tf_idf")", arguments), vocabulary, stored);
  };
  expect_error(ErrorKind::data, "has 3 weights for 4 tokens",
               [&] { run(with_vocabulary("", "-1\n5\n6\n7"), {5, 5, 6}); });
  expect_error(ErrorKind::data, "has 3 weights for 2 tokens", [&] {
    run(with_vocabulary(R"(, "pad_to_max_tokens": true, "max_tokens": 4)", "-1\n5"), {5, 5, 6});
  });
  // Keras pads weights of layers that were adapted, too.
  EXPECT_EQ(run(with_vocabulary(R"(, "pad_to_max_tokens": true, "max_tokens": 3)", "-1\n5"), {5, 5, 6}),
            (std::vector<double>{0.5, 2, 0}));
}

TEST(Lookup, BinarySearchFindsAllOfATable) {
  std::string vocabulary;
  std::vector<int64_t> numbers;
  std::vector<double> places;
  for (int64_t i = 0; i < 33; ++i) {
    const int64_t token = (i % 2 == 0 ? -1 : 1) * i * 1'000'000'007'000;
    vocabulary += cat(i == 0 ? "" : ", ", token);
    numbers.push_back(token);
    places.push_back(static_cast<double>(i + 1));
  }
  EXPECT_EQ(run(model_file("IntegerLookup", cat(R"("vocabulary": [)", vocabulary, "]"), ""), numbers),
            places);
}

TEST(Hashing, IntegersOfAllLengths) {
  // Computed by TensorFlow.
  const std::vector<int64_t> numbers = {0,
                                        7,
                                        -3,
                                        -27,
                                        682,
                                        -2033,
                                        43432,
                                        -223646,
                                        9312021,
                                        -70329669,
                                        607069464,
                                        -8093537819,
                                        39157344790,
                                        -632979068556,
                                        7858357388210,
                                        -95488887779974,
                                        963742672030085,
                                        -7267504050177446,
                                        48382277801338157,
                                        -781553500597922097,
                                        1942879118058144418,
                                        9223372036854775807,
                                        std::numeric_limits<int64_t>::min(),
                                        -10,
                                        99,
                                        1000000000000000000,
                                        -1000000000000000000};
  EXPECT_EQ(run(model_file("Hashing", R"("num_bins": 1000003)", ""), numbers),
            (std::vector<double>{537292, 929154, 705258, 63446,  759631, 777040, 571725, 529527, 533429,
                                 99299,  793542, 226548, 62930,  96597,  766003, 303053, 643888, 311954,
                                 490288, 500458, 321496, 121738, 400334, 506090, 133131, 160392, 513150}));
  EXPECT_EQ(run(model_file("Hashing", R"("num_bins": 1000003, "salt": [7, 12345678901])", ""), numbers),
            (std::vector<double>{803453, 231380, 275159, 639259, 92232,  849790, 6019,   958240, 391901,
                                 447935, 399568, 572228, 963276, 330223, 47276,  379014, 816581, 428868,
                                 938274, 762719, 807814, 783524, 489963, 673993, 706972, 342869, 759618}));
}

}  // namespace
}  // namespace keratin
