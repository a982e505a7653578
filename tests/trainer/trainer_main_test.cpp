#include "runtime/trainer/trainer_main.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <tuple>

#include "runtime/mpi/group.h"
#include "runtime/trainer/checkpoint.h"
#include "runtime/trainer/npz.h"
#include "runtime/trainer/safetensors.h"
#include "tests/trainer/event_reader.h"
#include "tests/trainer/fixtures.h"

namespace keratin::trainer {
namespace {

struct Result {
  int status;
  std::string out, errors;
};

Result run(Trainable& model, std::vector<std::string> words) {
  words.insert(words.begin(), "line");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int status = trainer_main(model, static_cast<int>(arguments.size()), arguments.data());
  std::string out = ::testing::internal::GetCapturedStdout();
  return {status, std::move(out), ::testing::internal::GetCapturedStderr()};
}

/// Tag, step and value of each scalar in a folder's event files.
std::set<std::tuple<std::string, int64_t, double>> scalars(const std::string& folder) {
  std::set<std::tuple<std::string, int64_t, double>> scalars;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    for (const Event& event : read_events(read_bytes(entry.path())))
      if (event.plugin == "scalars") scalars.emplace(event.tag, event.step, event.values.at(0));
  return scalars;
}

/// Four samples of y = 2x + 1 in a folder.
class TrainerMain : public ::testing::Test {
 protected:
  TrainerMain() { write_npz(data_, {{"x", array({4, 1}, {0, 1, 2, 3})}, {"y", array({4}, {1, 3, 5, 7})}}); }

  void expect_refused(const std::vector<std::string>& words, int status, const std::string& part) {
    const Result result = run(model_, words);
    EXPECT_EQ(result.status, status) << result.errors;
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.errors.starts_with("error: ")) << result.errors;
    EXPECT_NE(result.errors.find(part), std::string::npos) << result.errors << "\nlacks: " << part;
  }

  Folder folder_;
  std::string data_ = folder_ / "d.npz";
  LinearModel model_{1};
};

TEST_F(TrainerMain, FitEvaluatePredict) {
  const std::string weights = folder_ / "w.safetensors", history = folder_ / "h.json";
  const Result fitted = run(model_, {"fit", "--data", data_, "--epochs", "2000", "--batch-size=2", "--save",
                                     weights, "--history", history, "--verbose", "2", "--seed", "3"});
  EXPECT_EQ(fitted.status, 0) << fitted.errors;
  EXPECT_EQ(fitted.errors, "");
  EXPECT_TRUE(fitted.out.starts_with("Epoch 1/2000\n2/2 - 0s - ")) << fitted.out.substr(0, 80);
  EXPECT_TRUE(read_bytes(history).starts_with("{\"error\": ["));
  EXPECT_EQ(model_.seed_, 3u);

  LinearModel other(1);
  const Result judged = run(other, {"evaluate", "--data", data_, "--weights", weights});
  EXPECT_EQ(judged.status, 0) << judged.errors;
  EXPECT_TRUE(judged.out.starts_with("{\"error\": ")) << judged.out;
  EXPECT_TRUE(judged.out.ends_with("}\n"));

  LinearModel third(1);
  const std::string predictions = folder_ / "p.npz";
  EXPECT_EQ(run(third, {"predict", "--data", data_, "--output", predictions, "--weights", weights}).status,
            0);
  const Array prices = read_npz(predictions).at("price");
  EXPECT_EQ(prices.shape(), (Shape{4, 1}));
  EXPECT_NEAR(prices.number(3), 7, 1e-2);
  EXPECT_EQ(folder_.names(), (std::vector<std::string>{"d.npz", "h.json", "p.npz", "w.safetensors"}));
}

TEST_F(TrainerMain, EqualSeedsGiveEqualFiles) {
  for (const char* name : {"a", "b"}) {
    LinearModel model(1);
    EXPECT_EQ(
        run(model, {"fit", "--data", data_, "--epochs", "3", "--batch-size", "1", "--save", folder_ / name})
            .status,
        0);
  }
  EXPECT_EQ(read_bytes(folder_ / "a"), read_bytes(folder_ / "b"));
}

TEST_F(TrainerMain, FreshAndGivenWeights) {
  model_.kernel_ = {5};
  const auto fit = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"fit", "--data", data_, "--verbose", "0", "--save", folder_ / "w"};
    words.insert(words.end(), more.begin(), more.end());
    LinearModel model(1, 0);
    model.kernel_ = {5};
    EXPECT_EQ(run(model, words).status, 0);
    return model.kernel_[0];
  };
  EXPECT_EQ(fit({}), 5);
  EXPECT_EQ(fit({"--reinitialize", "--seed", "9"}), 9);
  EXPECT_EQ(fit({"--weights", folder_ / "w"}), 9);
}

TEST_F(TrainerMain, FilesOfArrays) {
  const std::string x = "x=" + folder_.file("x.npy", npy("<f4", "(4, 1)", bytes_of<float>({0, 1, 2, 3}))),
                    y = "y=" + folder_.file("y.npy", npy("<f4", "(4,)", bytes_of<float>({1, 3, 5, 7})));
  const auto fit = [](std::vector<std::string> data) {
    LinearModel model(1);
    std::vector<std::string> words = {"fit", "--seed", "1"};
    words.insert(words.end(), data.begin(), data.end());
    EXPECT_EQ(run(model, words).status, 0);
    return model.kernel_[0];
  };
  const float kernel = fit({"--data", data_});
  EXPECT_EQ(fit({"--data", x, y}), kernel);
  EXPECT_EQ(fit({"--data", x, "--data=" + y}), kernel);
  EXPECT_EQ(run(model_, {"evaluate", "--data", x, y, "--batch-size", "2"}).status, 0);
  EXPECT_EQ(run(model_, {"predict", "--data", x, "--output", folder_ / "p.npz"}).status, 0);
  const Result validated = run(model_, {"fit", "--data", data_, "--validation-data", x, y});
  EXPECT_NE(validated.out.find(" - val_loss: "), std::string::npos) << validated.out;
  expect_refused({"fit", "--data", x}, 65, "no array \"y\"");
  expect_refused({"fit", "--data", folder_ / "x.npy"}, 2, "as in x=" + (folder_ / "x.npy"));
}

TEST_F(TrainerMain, Csv) {
  const std::string table = folder_.file("t.csv", "area,price\n1,3\n2,5\n");
  expect_refused({"fit", "--data", table}, 2, "--label");
  EXPECT_EQ(run(model_, {"fit", "--data", table, "--label", "price"}).status, 0);
  EXPECT_EQ(
      run(model_, {"predict", "--data", table, "--label", "price", "--output", folder_ / "p.npz"}).status, 0);
}

TEST_F(TrainerMain, Validation) {
  const Result split = run(model_, {"fit", "--data", data_, "--validation-split", "0.5"});
  EXPECT_NE(split.out.find(" - val_error: "), std::string::npos) << split.out;
  const Result other = run(model_, {"fit", "--data", data_, "--validation-data", data_});
  EXPECT_NE(other.out.find(" - val_loss: "), std::string::npos) << other.out;
}

TEST_F(TrainerMain, FilesThatCannotBeWritten) {
  expect_refused({"fit", "--data", data_, "--csv-logger", folder_ / "a", "--plot", folder_ / "a"}, 2,
                 "--plot: is the file of --csv-logger too");
  expect_refused({"fit", "--data", data_, "--csv-logger", folder_ / "no/such"}, 73, "cannot create");
  expect_refused({"fit", "--data", data_, "--plot", folder_ / "."}, 73, "is a folder");
  expect_refused({"fit", "--data", data_, "--verbose", "0", "--tensorboard", "log_dir=" + data_}, 73,
                 "cannot create the folder");
  expect_refused({"fit", "--data", data_, "--tensorboard", "logdir=x"}, 2, "did you mean log_dir?");
  expect_refused({"fit", "--data", data_, "--tensorboard", "update_freq=0"}, 2,
                 "epoch, batch or a number of steps");
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"d.npz"});
}

/// Gets a signal in its third step.
struct Interrupted : LinearModel {
  explicit Interrupted(int number) : LinearModel(1), signal(number) {}
  double train_step(const Batch& batch) override {
    if (steps_ == 2) std::raise(signal);
    return LinearModel::train_step(batch);
  }
  int signal;
};

TEST_F(TrainerMain, SignalsStopAndSave) {
  for (const auto& [signal, status] : {std::pair{SIGINT, 130}, {SIGTERM, 143}}) {
    Interrupted model(signal);
    const Result result = run(model, {"fit", "--data", data_, "--batch-size", "2", "--epochs", "9", "--save",
                                      folder_ / "w", "--history", folder_ / "h"});
    EXPECT_EQ(result.status, status);
    EXPECT_EQ(model.steps_, 3);
    EXPECT_NE(result.errors.find("stopped after 1 of 9 epochs; the weights of now are saved"),
              std::string::npos);
    EXPECT_EQ(read_safetensors(folder_ / "w").at("line/kernel").number(0), model.kernel_[0]);
  }
}

/// The first rank beside another one, which is asked for a checkpoint in the third step.
struct BesideAnother : keratin_group {
  BesideAnother() : keratin_group() {
    count = 1;  // it takes all samples
    ranks.start = [](krt_ranks*, uint32_t, uint32_t, void*, int64_t) {};
    ranks.finish = [](krt_ranks* self, void* elements) {
      auto* value = static_cast<int64_t*>(elements);
      if (static_cast<BesideAnother*>(reinterpret_cast<keratin_group*>(self))->step == 3)
        *value = std::max<int64_t>(*value, 1);
    };
    abort = [](keratin_group*, int) {};
    close = [](keratin_group*) {};
  }
  int step = 0;
};

TEST_F(TrainerMain, SaveRequestsReachAllRanks) {
  struct FailsInTheFourth : LinearModel {
    explicit FailsInTheFourth(BesideAnother& with) : LinearModel(1), group(with) {
      join(std::make_unique<Ranks>(group));
    }
    double train_step(const Batch& batch) override {
      if (++group.step == 4) throw std::runtime_error("out of order");
      return LinearModel::train_step(batch);
    }
    BesideAnother& group;
  };
  BesideAnother group;
  FailsInTheFourth model(group);
  const Result result =
      run(model, {"fit", "--data", data_, "--batch-size", "1", "--checkpoint", folder_ / "c"});
  EXPECT_EQ(result.status, 70) << result.errors;
  EXPECT_EQ(read_checkpoint(folder_ / "c").step, 3);
}

TEST_F(TrainerMain, LogsOfTrainingThatWentOnAreThoseOfTheWhole) {
  const auto fit = [&](LinearModel&& model, const std::string& name, const std::string& epochs) {
    const std::string file = folder_ / name;
    return run(model, {"fit", "--data", data_, "--validation-data", data_, "--batch-size", "2", "--epochs",
                       epochs, "--checkpoint", file + ".checkpoint", "--csv-logger", file + ".csv", "--plot",
                       file + ".svg", "--tensorboard", "log_dir=" + file, "update_freq=batch"})
        .status;
  };
  EXPECT_EQ(fit(LinearModel(1), "whole", "3"), 0);
  EXPECT_TRUE(read_bytes(folder_ / "whole.csv").starts_with("epoch,error,loss,val_error,val_loss\r\n0,"));
  EXPECT_EQ(scalars(folder_ / "whole/train").size(), 3u * 3u + 6u * 2u);  // of epochs and of batches
  EXPECT_EQ(fit(LinearModel(1), "between", "2"), 0);
  EXPECT_EQ(fit(Interrupted(SIGTERM), "within", "3"), 143);  // the second epoch
  for (const std::string name : {"between", "within"}) {
    EXPECT_NE(read_bytes(folder_ / (name + ".csv")), read_bytes(folder_ / "whole.csv"));
    EXPECT_EQ(fit(LinearModel(1), name, "3"), 0);
    for (const std::string end : {".csv", ".svg"})
      EXPECT_EQ(read_bytes(folder_ / (name + end)), read_bytes(folder_ / ("whole" + end))) << name;
    for (const std::string part : {"/train", "/validation"})
      EXPECT_EQ(scalars(folder_ / (name + part)), scalars(folder_ / ("whole" + part))) << name;
  }
}

TEST_F(TrainerMain, ThreadsOfEachCommand) {
  const std::vector<std::vector<std::string>> commands = {
      {"fit", "--data", data_, "--verbose", "0"},
      {"evaluate", "--data", data_},
      {"predict", "--data", data_, "--output", folder_ / "p.npz"},
      {"summary"},
  };
  for (std::vector<std::string> words : commands) {
    LinearModel model(1);
    EXPECT_EQ(run(model, words).status, 0);
    EXPECT_EQ(model.threads_, 0U) << words[0] << " leaves it to the model";
    words.insert(words.end(), {"--threads", "3"});
    EXPECT_EQ(run(model, words).status, 0);
    EXPECT_EQ(model.threads_, 3U) << words[0];
    for (const char* bad : {"0", "-1", "1025", "1.5", "many", ""}) {
      words.back() = bad;
      expect_refused(words, 2, "is no whole number of at least 1 and at most 1024");
    }
  }
  EXPECT_EQ(model_.threads_, 0U);
  EXPECT_EQ(model_.steps_, 0);
}

TEST_F(TrainerMain, WrongUsage) {
  expect_refused({"fitt"}, 2, "did you mean fit?");
  expect_refused({"fit"}, 2, "--data is required");
  expect_refused({"fit", "--data", data_, "--epoch", "3"}, 2, "did you mean --epochs?");
  expect_refused({"fit", "--data", data_, "--epochs", "0"}, 2,
                 "--epochs: \"0\" is no whole number of at least 1");
  expect_refused({"fit", "--data", data_, "--verbose", "3"}, 2, "at most 2");
  expect_refused({"fit", "--data", data_, "--validation-split", "1"}, 2, "from 0 to below 1");
  expect_refused({"fit", "--data", data_, "--validation-split", "0.5", "--validation-data", data_}, 2,
                 "excludes");
  expect_refused({"fit", "--data", data_, "--reinitialize", "--weights", data_}, 2, "excludes");
  expect_refused({"fit", "--data", data_, "--class-weight", "1"}, 2, "JSON object");
  expect_refused({"fit", "--data", data_, "extra"}, 2, "extra");
  expect_refused({"predict", "--data", data_}, 2, "--output is required");
  EXPECT_EQ(run(model_, {}).status, 2);
}

TEST_F(TrainerMain, Failures) {
  expect_refused({"fit", "--data", folder_ / "no.npz"}, 66, "no.npz: cannot open");
  expect_refused({"evaluate", "--data", data_, "--weights", data_}, 65, "no complete safetensors file");
  expect_refused({"fit", "--data", data_, "--save", folder_ / "no/w"}, 73, "cannot create");
  expect_refused({"fit", "--data", data_, "--history", folder_ / "."}, 73, "is a folder");
  expect_refused({"fit", "--data", data_, "--save", folder_ / "w", "--history", folder_ / "w"}, 2,
                 "the file of --save");
  EXPECT_EQ(model_.steps_, 0);  // all known before training
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"d.npz"});
}

TEST_F(TrainerMain, Faults) {
  struct Broken : LinearModel {
    Broken() : LinearModel(1) {}
    double train_step(const Batch&) override { throw std::runtime_error("out of order"); }
  } model;
  const Result result = run(model, {"fit", "--data", data_, "--save", folder_ / "w"});
  EXPECT_EQ(result.status, 70);
  EXPECT_EQ(result.errors, "error: out of order\n");
  EXPECT_EQ(folder_.names(), std::vector<std::string>{"d.npz"});
}

TEST_F(TrainerMain, Help) {
  const Result overview = run(model_, {"--help"});
  EXPECT_EQ(overview.status, 0);
  EXPECT_NE(overview.out.find("line fit --data train.npz"), std::string::npos) << overview.out;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"fit", "--help"}, {"help", "fit"}}) {
    const Result help = run(model_, words);
    EXPECT_EQ(help.status, 0);
    EXPECT_LT(help.out.find("line fit --data train.npz"), help.out.find("--validation-split F")) << help.out;
  }
}

TEST_F(TrainerMain, Summary) {
  EXPECT_EQ(run(model_, {"summary"}).out,
            "Model: \"line\"\n"
            "Inputs:\n  features                 f32[N, 1]\n"
            "Targets:\n  price                    f32[N, 1]\n"
            "Outputs:\n  price                    f32[N, 1]\n"
            "Variables:\n"
            "  line/kernel              f32[1, 1]  1\n"
            "  line/bias                f32[1]     1\n"
            "  optimizer/iteration      i64[]      1 (optimizer and counters)\n"
            "  optimizer/learning_rate  f32[]      1 (optimizer and counters)\n"
            "Parameters: 2 in weights, 2 beside them, 20 bytes\n"
            "Metrics: loss, error\n"
            "Memory of fit, 32 samples at a time: 812 bytes (variables 44, workspace 0, two batches 768)\n");
}

}  // namespace
}  // namespace keratin::trainer
