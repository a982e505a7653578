// What the trainer's tests share: a model that is trained, folders that vanish, files made byte by byte.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/trainer/callback.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/trainable.h"

namespace keratin::trainer {

/// y = x · kernel + bias, by gradient descent on the squared error; in f32, one target.
class LinearModel : public Trainable {
 public:
  explicit LinearModel(int64_t features, float learning_rate = 0.05F);

  const TrainableInfo& info() const override { return info_; }
  double train_step(const Batch& batch) override;
  void evaluate_step(const Batch& batch) override;
  void predict(int64_t n, std::span<const void* const> inputs, std::span<void* const> outputs) override;
  void reset_metrics() override;
  std::vector<double> metrics() override;
  Array get_variable(size_t index) const override;
  void set_variable(size_t index, const Array& value) override;
  void set_seed(uint64_t seed) override { seed_ = seed; }
  void initialize(uint64_t seed) override;
  std::vector<double> learning_rates() override { return {rate_}; }
  void set_threads(unsigned threads) override { threads_ = threads; }

  TrainableInfo info_;
  uint64_t seed_ = 0;
  int64_t steps_ = 0;
  unsigned threads_ = 0;  ///< that it was told to compute on
  std::vector<float> kernel_, bias_ = {0.0F};
  std::vector<std::vector<float>> seen_;  ///< first feature of each sample, by training step
  std::vector<float> seen_weights_;       ///< of each sample trained on
  float rate_;                            ///< of learning
  bool spoil_ = false;                    ///< answers with a loss that is NaN

 private:
  float apply(const float* x) const;
  double judge(const Batch& batch);

  void* at(size_t index) const;

  double sums_[3] = {};  // of losses, errors, weights
};

/// What callbacks are given where no fit is.
class SomeTraining : public Training {
 public:
  Trainable& model() override { return model_; }
  int64_t epochs() const override { return epochs_; }
  int64_t steps() const override { return steps_; }
  bool validates() const override { return validates_; }
  bool may_be_logged(const std::string&) const override { return false; }
  const History& history() const override { return history_; }
  void stop() override { stopped_ = true; }
  void say(const std::string& text) override { said_.push_back(text); }
  void warn(const std::string& text) override { said_.push_back(text); }

  /// The next epoch does.
  void end_epoch(Callback& callback, Logs logs);

  LinearModel model_{1};
  int64_t epochs_ = 1, steps_ = 1;
  bool validates_ = true, stopped_ = false;
  History history_;
  std::vector<std::string> said_;
};

/// An array of f32.
Array array(Shape shape, const std::vector<float>& values);

/// A folder that is removed with what is in it.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  ~Folder();
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  /// Writes a file and returns its path.
  std::string file(const std::string& name, const std::string& bytes) const;
  std::vector<std::string> names() const;

 private:
  std::string path_;
};

std::string read_bytes(const std::string& path);

/// A zip of these members, deflated or stored.
std::string zip_of(const std::vector<std::pair<std::string, std::string>>& members, bool deflated);
/// A .npy file of version 1 with this type and shape.
std::string npy(const std::string& descr, const std::string& shape, const std::string& elements,
                bool fortran_order = false);
/// The bytes of numbers as they lie in memory.
template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// Expects an Error of this kind whose text has each of `parts`.
template <typename Action>
void expect_error(ErrorKind kind, const std::vector<std::string>& parts, Action action) {
  try {
    action();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.kind()), static_cast<int>(kind)) << error.what();
    for (const std::string& part : parts)
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << error.what() << "\nlacks: " << part;
  }
}

}  // namespace keratin::trainer
