#include "tests/golden_training.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "frontend/file.h"
#include "frontend/npy.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// Rows `first` … `last` - 1.
Tensor rows(const Tensor& whole, int64_t first, int64_t last) {
  std::vector<int64_t> shape = whole.shape();
  const int64_t row = whole.shape()[0] == 0 ? 0 : whole.bytes() / whole.shape()[0];
  shape[0] = last - first;
  Tensor part(whole.dtype(), shape);
  std::memcpy(part.data(), whole.data() + first * row, static_cast<size_t>((last - first) * row));
  return part;
}

/// The data in the dtype and shape that a param has.
Tensor fitted(const Tensor& given, const Type& type) {
  std::vector<int64_t> shape{given.shape()[0]};
  for (size_t i = 1; i < type.shape.size(); ++i) shape.push_back(type.shape[i].value());
  Tensor out(type.dtype, shape);
  EXPECT_EQ(out.elements(), given.elements());
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, given.get(i));
  return out;
}

Json trajectory_of(const GoldenCase& golden) {
  const std::string file = (golden.folder / "trajectory.json").string();
  return Json::parse(read_file(file), file);
}

/// One run, with its data as the functions take it.
class Run {
 public:
  Run(const GoldenCase& golden, const TrainableModule& model, Executable& executable)
      : golden_(golden), model_(model), executable_(executable) {
    trajectory_ = trajectory_of(golden);
    const auto data = read_npz((golden.folder / "data.npz").string());
    for (const Node* param : model.module.function("train_step").params) {
      const std::string& name = param->as<NameAttrs>().name;
      if (name == "sample_weight") continue;
      const auto found = data.find(name.starts_with("y:") ? name : cat("x:", name));
      if (found == data.end()) throw std::runtime_error(cat("no array for ", name));
      arrays_.push_back(fitted(found->second, param->type()));
    }
    samples_ = arrays_[0].shape()[0];
    given_weight_ = Tensor(DType::f32, {samples_});
    for (int64_t i = 0; i < samples_; ++i)
      given_weight_.set(i, data.contains("sample_weight") ? data.at("sample_weight").get(i) : 1);
    class_weight_ = given_weight_;
    if (const Json& weights = golden.info["class_weight"]; weights.is_object())
      for (int64_t i = 0; i < samples_; ++i) {
        const Json& weight = weights[to_text(static_cast<int64_t>(arrays_.back().get(i)))];
        if (!weight.is_null()) class_weight_.set(i, class_weight_.get(i) * weight.as_double());
      }
    rtol_ = golden.info["tolerance"]["loss_rtol"].as_double();
    atol_ = golden.info["tolerance"]["loss_atol"].as_double();
  }

  void run() {
    const int64_t trained = golden_.info["train_samples"].as_int();
    expect_logs(evaluate(0, samples_), trajectory_["evaluate_before"], "evaluation before");
    const Json& losses = trajectory_["step_loss"];
    size_t step = 0;
    for (int64_t epoch = 0; epoch < golden_.info["epochs"].as_int(); ++epoch) {
      executable_.call("reset_metrics", {});
      for (int64_t first = 0; first < trained; first += batch()) {
        const double loss = call("train_step", first, std::min(first + batch(), trained), class_weight_);
        expect_near(loss, losses.at(step).as_double(), cat("loss of step ", step));
        ++step;
      }
      std::map<std::string, double> logs = metrics();
      if (trained < samples_)
        for (const auto& [name, value] : evaluate(trained, samples_)) logs[cat("val_", name)] = value;
      expect_logs(logs, trajectory_["epochs"].at(static_cast<size_t>(epoch)), cat("epoch ", epoch));
    }
    EXPECT_EQ(step, losses.size());
    if (model_.module.find_function("finish_training") != nullptr) executable_.call("finish_training", {});
    expect_logs(evaluate(0, samples_), trajectory_["evaluate_after"], "evaluation after");
    expect_final_weights(golden_, [&](const std::string& name) { return executable_.get_variable(name); });
    expect_outputs();
  }

 private:
  int64_t batch() const { return golden_.info["batch_size"].as_int(); }

  double call(std::string_view function, int64_t first, int64_t last, const Tensor& weight) {
    std::vector<Tensor> arguments;
    for (const Tensor& array : arrays_) arguments.push_back(rows(array, first, last));
    arguments.push_back(rows(weight, first, last));
    return executable_.call(function, arguments)[0].get(0);
  }

  std::map<std::string, double> metrics() {
    std::map<std::string, double> values;
    const std::vector<Tensor> found = executable_.call("metrics", {});
    for (size_t i = 0; i < found.size(); ++i) values[model_.signature.metrics[i].name] = found[i].get(0);
    return values;
  }

  std::map<std::string, double> evaluate(int64_t first, int64_t last) {
    executable_.call("reset_metrics", {});
    for (int64_t at = first; at < last; at += batch())
      call("evaluate_step", at, std::min(at + batch(), last), given_weight_);
    return metrics();
  }

  void expect_near(double got, double want, const std::string& what) const {
    EXPECT_NEAR(got, want, atol_ + rtol_ * std::abs(want)) << what;
  }

  void expect_logs(const std::map<std::string, double>& got, const Json& want,
                   const std::string& when) const {
    EXPECT_EQ(got.size(), want.size()) << when;
    for (const auto& [name, value] : want.members()) {
      ASSERT_TRUE(got.contains(name)) << when << ": " << name;
      expect_near(got.at(name), value.as_double(), cat(when, ": ", name));
    }
  }

  void expect_outputs() {
    const auto wanted = read_npz((golden_.folder / "final_outputs.npz").string());
    const Function& predict = model_.module.function("predict");
    const int64_t n = wanted.begin()->second.shape()[0];
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < predict.params.size(); ++i) inputs.push_back(rows(arrays_[i], 0, n));
    const std::vector<Tensor> outputs = executable_.call("predict", inputs);
    const double atol = golden_.info["tolerance"]["weights_atol"].as_double() * 10;
    EXPECT_EQ(wanted.size(), outputs.size());
    size_t i = 0;
    for (const auto& [name, want] : wanted) {
      const auto result = std::find_if(predict.results.begin(), predict.results.end(),
                                       [&](const Result& each) { return each.name == name; });
      const size_t at =
          result == predict.results.end() ? i : static_cast<size_t>(result - predict.results.begin());
      expect_close(outputs[at], want, atol, rtol_ * 10, name);
      ++i;
    }
  }

  const GoldenCase& golden_;
  const TrainableModule& model_;
  Executable& executable_;
  Json trajectory_;
  std::vector<Tensor> arrays_;
  Tensor given_weight_, class_weight_;
  int64_t samples_ = 0;
  double rtol_ = 0, atol_ = 0;
};

}  // namespace

void expect_training_run(const GoldenCase& golden, const TrainableModule& model, Executable& executable) {
  Run(golden, model, executable).run();
}

void expect_history(const GoldenCase& golden, const std::map<std::string, std::vector<double>>& history) {
  const Json epochs = trajectory_of(golden)["epochs"];
  const double rtol = golden.info["tolerance"]["loss_rtol"].as_double();
  const double atol = golden.info["tolerance"]["loss_atol"].as_double();
  ASSERT_GT(epochs.size(), 0u);
  EXPECT_EQ(history.size(), epochs.at(0).size());
  for (size_t epoch = 0; epoch < epochs.size(); ++epoch)
    for (const auto& [name, want] : epochs.at(epoch).members()) {
      ASSERT_TRUE(history.contains(name)) << name;
      ASSERT_EQ(history.at(name).size(), epochs.size()) << name;
      EXPECT_NEAR(history.at(name)[epoch], want.as_double(), atol + rtol * std::abs(want.as_double()))
          << name << " in epoch " << epoch;
    }
}

void expect_final_weights(const GoldenCase& golden,
                          const std::function<Tensor(const std::string& name)>& weight) {
  const double atol = golden.info["tolerance"]["weights_atol"].as_double();
  const Json& ignored = golden.info["ignore_weights"];
  for (const auto& [name, want] : read_npz((golden.folder / "final_weights.npz").string()))
    if (std::none_of(ignored.items().begin(), ignored.items().end(),
                     [&](const Json& part) { return name.find(part.as_string()) != std::string::npos; }))
      expect_close(weight(name), want, atol, 0, name);
}

}  // namespace keratin
