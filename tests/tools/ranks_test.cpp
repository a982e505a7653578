// Trainers as several ranks: as threads of this process, and as processes that mpirun starts where there is one. They train as Keras does.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

#include "codegen/artefact.h"
#include "codegen/jit.h"
#include "codegen/native.h"
#include "frontend/file.h"
#include "frontend/npy.h"
#include "ir/safetensors.h"
#include "ir/text.h"
#include "runtime/trainer/compiled.h"
#include "runtime/trainer/dataset.h"
#include "runtime/trainer/fit.h"
#include "runtime/trainer/json.h"
#include "tests/golden_training.h"
#include "tests/tools/cli.h"
#include "tests/tools/thread_group.h"

namespace keratin::testing {
namespace {

GoldenCase golden_case(const std::string& name) {
  for (GoldenCase& each : golden_cases())
    if (each.name == name) return each;
  throw std::runtime_error(cat("no case ", name));
}

/// What a rank ends with.
struct Trained {
  trainer::History history;
  std::map<std::string, trainer::Array> weights;
};

std::unique_ptr<LoadedTrainer> load(const GoldenCase& golden) {
  const TrainableModule model = load_trainable((golden.folder / "model.keras").string());
  std::vector<int64_t> classes;
  for (const TrainingTarget& target : model.signature.targets) classes.push_back(target.classes);
  const std::vector<int> directions(model.signature.metrics.size(), 0);
  const auto levels = compile_levels(model.module, {host_target()}, {.distributed = true});
  return std::make_unique<LoadedTrainer>(levels[0], EmitOptions{},
                                         trainer_spec(model.module, classes, directions));
}

/// The recorded run of a case, by so many ranks.
std::vector<Trained> train(const LoadedTrainer& code, const GoldenCase& golden, size_t count) {
  const ThreadGroups groups(count);
  std::vector<Trained> outcomes(count);
  const auto run = [&](size_t rank) {
    const auto trained = trainer::make_compiled(code.trainer(), 1);
    trained->join(groups.ranks(rank));
    const trainer::Dataset data = trainer::read_dataset({(golden.folder / "data.npz").string()},
                                                        trained->info(), trainer::Needs::inputs_and_targets);
    trainer::FitOptions options;
    options.epochs = golden.info["epochs"].as_int();
    options.batch_size = golden.info["batch_size"].as_int();
    options.validation_split = golden.info["validation_split"].as_double();
    options.shuffle = false;
    if (golden.info["class_weight"].is_object())
      options.class_weight = trainer::parse_class_weight(golden.info["class_weight"].dump());
    outcomes[rank].history = trainer::fit(*trained, data, options);
    for (size_t i = 0; i < trained->info().variables.size(); ++i)
      outcomes[rank].weights.emplace(trained->info().variables[i].name, trained->get_variable(i));
  };
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < count; ++rank) threads.emplace_back(run, rank);
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

std::map<std::string, std::vector<double>> by_name(const trainer::History& history) {
  std::map<std::string, std::vector<double>> values;
  for (const trainer::Logs& epoch : history.epochs)
    for (const auto& [name, value] : epoch) values[name].push_back(value);
  return values;
}

bool same_bits(const trainer::Array& a, const trainer::Array& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.data(), b.data(), static_cast<size_t>(a.bytes())) == 0;
}

class RanksInThreads : public ::testing::TestWithParam<std::pair<const char*, size_t>> {};

TEST_P(RanksInThreads, TrainAsKerasDoes) {
  const GoldenCase golden = golden_case(cat("training/", GetParam().first));
  const auto code = load(golden);
  const std::vector<Trained> outcomes = train(*code, golden, GetParam().second);
  expect_history(golden, by_name(outcomes[0].history));
  expect_final_weights(golden, [&](const std::string& name) {
    const trainer::Array& array = outcomes[0].weights.at(name);
    Tensor tensor(*parse_dtype(trainer::to_text(array.dtype())), array.shape());
    std::memcpy(tensor.data(), array.data(), static_cast<size_t>(array.bytes()));
    return tensor;
  });
  for (const Trained& other : outcomes)
    for (const auto& [name, array] : other.weights)
      EXPECT_TRUE(same_bits(array, outcomes[0].weights.at(name))) << name;
  const std::vector<Trained> again = train(*code, golden, GetParam().second);
  for (const auto& [name, array] : again[0].weights)
    EXPECT_TRUE(same_bits(array, outcomes[0].weights.at(name))) << name << " differs from run to run";
}

INSTANTIATE_TEST_SUITE_P(Golden, RanksInThreads,
                         ::testing::Values(std::pair("digits_mlp", 2), std::pair("cnn_adam", 3),
                                           std::pair("batchnorm_resnet_adamw", 2), std::pair("lstm_adam", 2),
                                           std::pair("embedding_masked", 3),
                                           std::pair("bce_rmsprop_class_weight", 2),
                                           std::pair("validation_split", 5), std::pair("mixed_float16", 2),
                                           std::pair("mixed_float16", 3), std::pair("mixed_float16", 5)),
                         [](const auto& info) { return cat(info.param.first, "_by_", info.param.second); });

// ---- processes ----

TensorStore read_weights(const Shell& shell, const std::string& file) {
  return parse_safetensors(read_all(shell / file), file);
}

void expect_near(const TensorStore& got, const TensorStore& want, double atol) {
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, tensor] : want) expect_close(*got.at(name), *tensor, atol, 0, name);
}

class MpiRun : public ::testing::Test {
 protected:
  void SetUp() override {
    if (shell_.run("command -v mpirun").status != 0 || !fs::exists(library()))
      GTEST_SKIP() << "no mpirun, or Keratin was built without MPI";
  }

  static std::string library() { return cat(KERATIN_BINARY_DIR, "/lib/keratin/libkeratin_mpi.so"); }

  void compile(const std::string& model, const std::string& options = "") const {
    const Outcome made = shell_.run(cat("$keratin compile ", KERATIN_SOURCE_DIR, "/tests/", model,
                                        "/model.keras --trainer --distributed ", options, " -o trainer"));
    ASSERT_EQ(made.status, 0) << made.err;
  }

  /// `set` and `command` of the shell; $ranks runs what follows as so many ranks.
  Outcome run(size_t ranks, const std::string& command) const {
    return shell_.run(cat("export KERATIN_MPI_LIBRARY=", library(),
                          " OMPI_MCA_btl=self,vader; ranks=\"mpirun ",
                          "--allow-run-as-root --oversubscribe --bind-to none -n ", ranks,
                          "\"; source=", KERATIN_SOURCE_DIR, "/tests; ", command));
  }

  /// Two ranks that would train for a day, the second of which gets a signal after two seconds.
  Outcome train_until(const std::string& signal) const {
    compile("data/ranks");
    shell_.write("rank.sh",
                 cat("[ $OMPI_COMM_WORLD_RANK = 1 ] && { sleep 2; kill -", signal,
                     " $$; } &\n"
                     "exec ./trainer fit --data $1/data/ranks/data.npz --epochs 100000000 --verbose 0 "
                     "--save w.safetensors\n"));
    return run(2, "timeout 30 $ranks sh rank.sh $source");
  }

  Shell shell_;
};

TEST_F(MpiRun, TrainsAsKerasDoesAndOnlyTheFirstPrints) {
  ASSERT_NO_FATAL_FAILURE(compile("golden/training/digits_mlp"));
  const std::string fit =
      "./trainer fit --data $source/golden/training/digits_mlp/data.npz --epochs 3 --no-shuffle --verbose 2";
  const Outcome first = run(2, cat("$ranks ", fit, " --history h.json --save a.safetensors"));
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(std::count(first.out.begin(), first.out.end(), '\n'), 6) << first.out;
  std::map<std::string, std::vector<double>> history;
  const Json logged = Json::parse(read_all(shell_ / "h.json"), "h.json");
  for (const auto& [name, values] : logged.members())
    for (const Json& value : values.items()) history[name].push_back(value.as_double());
  const GoldenCase golden = golden_case("training/digits_mlp");
  expect_history(golden, history);
  const TensorStore weights = read_weights(shell_, "a.safetensors");
  expect_final_weights(golden, [&](const std::string& name) { return *weights.at(name); });
  ASSERT_EQ(run(2, cat("$ranks ", fit, " --threads 3 --save b.safetensors")).status, 0);
  EXPECT_EQ(shell_.run("cmp a.safetensors b.safetensors").status, 0) << "not the same bits";
}

// Statistics of the whole batch, the same dropout, weights of samples, and regularizers once; the last batch has two samples.
TEST_F(MpiRun, GivesWhatOneProcessGives) {
  ASSERT_NO_FATAL_FAILURE(compile("data/ranks"));
  const std::string fit =
      "./trainer fit --data $source/data/ranks/data.npz --epochs 4 --batch-size 8 --verbose 0 --seed 3 "
      "--validation-split 0.2";
  ASSERT_EQ(run(1, cat(fit, " --save alone.safetensors --history alone.json")).status, 0);
  for (const size_t ranks : {2, 3}) {
    const Outcome fitted = run(ranks, cat("$ranks ", fit, " --save many.safetensors --history many.json"));
    ASSERT_EQ(fitted.status, 0) << fitted.err;
    expect_near(read_weights(shell_, "many.safetensors"), read_weights(shell_, "alone.safetensors"), 2e-6);
    const Json alone = Json::parse(read_all(shell_ / "alone.json"), "alone"),
               many = Json::parse(read_all(shell_ / "many.json"), "many");
    for (const auto& [name, values] : alone.members())
      for (size_t epoch = 0; epoch < values.size(); ++epoch)
        EXPECT_NEAR(many[name].at(epoch).as_double(), values.at(epoch).as_double(), 2e-6) << name;
  }
  const std::string evaluate =
      "./trainer evaluate --data $source/data/ranks/data.npz --weights alone.safetensors --batch-size 7";
  const Json alone = Json::parse(run(1, evaluate).out, "alone"),
             many = Json::parse(run(2, cat("$ranks ", evaluate)).out, "many");
  EXPECT_NEAR(many["loss"].as_double(), alone["loss"].as_double(), 1e-6);
}

// As Keras has it on several devices: other numbers than for the whole batch, and the same on all ranks.
TEST_F(MpiRun, NormalizesByItsOwnSamplesIfAsked) {
  ASSERT_NO_FATAL_FAILURE(compile("data/ranks", "--bn-local"));
  const std::string fit =
      "./trainer fit --data $source/data/ranks/data.npz --epochs 2 --batch-size 10 --verbose 0 --no-shuffle --seed 3";
  ASSERT_EQ(run(1, cat(fit, " --save alone.safetensors")).status, 0);
  const Outcome fitted = run(2, cat("$ranks ", fit, " --save many.safetensors"));
  ASSERT_EQ(fitted.status, 0) << fitted.err;
  const TensorStore alone = read_weights(shell_, "alone.safetensors"),
                    many = read_weights(shell_, "many.safetensors");
  // Means of halves have the mean of the whole; their variances are smaller.
  expect_close(*many.at("norm/moving_mean"), *alone.at("norm/moving_mean"), 0.05, 0, "moving_mean");
  for (int64_t i = 0; i < 4; ++i) {
    const double of_halves = many.at("norm/moving_variance")->get(i),
                 of_all = alone.at("norm/moving_variance")->get(i);
    EXPECT_TRUE(std::isfinite(of_halves));
    EXPECT_LT(of_halves, of_all);
    EXPECT_GT(of_halves, 0.5 * of_all);
  }
  // Of three, one has no sample of two, and nothing to say.
  const Outcome idle =
      run(3,
          "$ranks ./trainer fit --data $source/data/ranks/data.npz --epochs 1 --batch-size 2 "
          "--verbose 0 --save idle.safetensors");
  ASSERT_EQ(idle.status, 0) << idle.err;
  const TensorStore weights = read_weights(shell_, "idle.safetensors");
  for (const auto& [name, weight] : weights)
    for (int64_t i = 0; i < weight->elements(); ++i) ASSERT_TRUE(std::isfinite(weight->get(i))) << name;
}

TEST_F(MpiRun, DataThatDifferAreRefused) {
  ASSERT_NO_FATAL_FAILURE(compile("golden/training/digits_mlp"));
  const Outcome outcome = run(
      2,
      "$ranks sh -c './trainer fit --data "
      "$0/golden/training/digits_mlp/data.npz --epochs 1 --verbose 0 --seed $OMPI_COMM_WORLD_RANK' $source");
  EXPECT_EQ(outcome.status, 65) << outcome.err;
  EXPECT_NE(outcome.err.find("not the same for all processes"), std::string::npos) << outcome.err;
}

TEST_F(MpiRun, EndsWhenARankIsLost) {
  const Outcome ended = train_until("KILL");
  EXPECT_NE(ended.status, 0);
  EXPECT_NE(ended.status, 124) << "it went on for half a minute";
  EXPECT_FALSE(fs::exists(shell_ / "w.safetensors"));
}

// One rank learns of the signal; all stop behind the same step, and the first saves.
TEST_F(MpiRun, StopsWhenOneRankIsAsked) {
  const Outcome stopped = train_until("TERM");
  EXPECT_EQ(stopped.status, 143) << stopped.err;
  EXPECT_TRUE(fs::exists(shell_ / "w.safetensors"));
  EXPECT_NE(stopped.err.find("the weights of now are saved"), std::string::npos) << stopped.err;
}

// What is lost with a rank is what came after the last checkpoint; as many others, or one alone, go on from that.
TEST_F(MpiRun, GoesOnWithAnotherNumberOfRanks) {
  ASSERT_NO_FATAL_FAILURE(compile("data/ranks"));
  const std::string fit =
      "./trainer fit --data $source/data/ranks/data.npz --batch-size 8 --verbose 0 --seed 3 --epochs ";
  ASSERT_EQ(run(1, cat(fit, "6 --save alone.safetensors")).status, 0);
  ASSERT_EQ(run(2, cat("$ranks ", fit, "2 --checkpoint run.safetensors")).status, 0);
  ASSERT_EQ(run(3, cat("$ranks ", fit, "4 --checkpoint run.safetensors")).status, 0);
  ASSERT_EQ(run(1, cat(fit, "6 --checkpoint run.safetensors --save many.safetensors")).status, 0);
  expect_near(read_weights(shell_, "many.safetensors"), read_weights(shell_, "alone.safetensors"), 5e-6);
}

TEST_F(MpiRun, AnErrorOfOneRankEndsAll) {
  ASSERT_NO_FATAL_FAILURE(compile("data/ranks"));
  const Outcome failed =
      run(2, "timeout 60 $ranks sh -c './trainer fit --data data$OMPI_COMM_WORLD_RANK.npz'");
  EXPECT_EQ(failed.status, 66) << failed.err;
}

TEST_F(MpiRun, OneProcessTrainersSaySo) {
  ASSERT_EQ(shell_
                .run(cat("$keratin compile ", KERATIN_SOURCE_DIR,
                         "/tests/data/ranks/model.keras --trainer -o trainer"))
                .status,
            0);
  const Outcome refused = run(2, "$ranks ./trainer fit --data $source/data/ranks/data.npz");
  EXPECT_EQ(refused.status, 2) << refused.err;
  EXPECT_NE(refused.err.find("--distributed"), std::string::npos) << refused.err;
  EXPECT_EQ(run(2, "$ranks ./trainer fit --data $source/data/ranks/data.npz --no-mpi --verbose 0").status, 0);
}

}  // namespace
}  // namespace keratin::testing
