#include "tests/trainer/fixtures.h"

#include <minizip/zip.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

namespace keratin::trainer {

LinearModel::LinearModel(int64_t features, float learning_rate) : rate_(learning_rate) {
  info_.name = "line";
  info_.inputs = {{"features", DType::f32, {features}, 0}};
  info_.targets = {{"price", DType::f32, {1}, 0}};
  info_.outputs = {{"price", DType::f32, {1}, 0}};
  info_.metrics = {{"loss", -1}, {"error", 0}};
  info_.variables = {{"line/kernel", DType::f32, {features, 1}, VariableRole::weight},
                     {"line/bias", DType::f32, {1}, VariableRole::weight},
                     {"optimizer/iteration", DType::i64, {}, VariableRole::state},
                     {"optimizer/learning_rate", DType::f32, {}, VariableRole::state},
                     {"metrics/sums", DType::f64, {3}, VariableRole::metric}};
  info_.learning_rates = {{"learning_rate", 3}};
  kernel_.assign(static_cast<size_t>(features), 0.0F);
}

float LinearModel::apply(const float* x) const {
  float sum = bias_[0];
  for (size_t k = 0; k < kernel_.size(); ++k) sum += x[k] * kernel_[k];
  return sum;
}

double LinearModel::judge(const Batch& batch) {
  const auto* x = static_cast<const float*>(batch.inputs[0]);
  const auto* y = static_cast<const float*>(batch.targets[0]);
  double loss = 0;
  for (int64_t i = 0; i < batch.n; ++i) {
    const double difference = apply(x + i * static_cast<int64_t>(kernel_.size())) - y[i];
    const float weight = batch.sample_weights[0][i];
    loss += weight * difference * difference;
    sums_[1] += weight * std::fabs(difference);
    sums_[2] += weight;
  }
  sums_[0] += loss;
  return loss / static_cast<double>(batch.n);
}

double LinearModel::train_step(const Batch& batch) {
  ++steps_;
  const double loss = judge(batch);
  const auto* x = static_cast<const float*>(batch.inputs[0]);
  const auto* y = static_cast<const float*>(batch.targets[0]);
  std::vector<float> gradient(kernel_.size() + 1, 0.0F);
  seen_.emplace_back();
  for (int64_t i = 0; i < batch.n; ++i) {
    const float* row = x + i * static_cast<int64_t>(kernel_.size());
    seen_.back().push_back(row[0]);
    const float weight = batch.sample_weights[0][i];
    seen_weights_.push_back(weight);
    const float slope = 2 * weight * (apply(row) - y[i]) / static_cast<float>(batch.n);
    for (size_t k = 0; k < kernel_.size(); ++k) gradient[k] += slope * row[k];
    gradient.back() += slope;
  }
  for (size_t k = 0; k < kernel_.size(); ++k) kernel_[k] -= rate_ * gradient[k];
  bias_[0] -= rate_ * gradient.back();
  return spoil_ ? std::numeric_limits<double>::quiet_NaN() : loss;
}

void LinearModel::evaluate_step(const Batch& batch) { judge(batch); }

void LinearModel::predict(int64_t n, std::span<const void* const> inputs, std::span<void* const> outputs) {
  const auto* x = static_cast<const float*>(inputs[0]);
  auto* y = static_cast<float*>(outputs[0]);
  for (int64_t i = 0; i < n; ++i) y[i] = apply(x + i * static_cast<int64_t>(kernel_.size()));
}

void LinearModel::reset_metrics() { std::fill(std::begin(sums_), std::end(sums_), 0); }

std::vector<double> LinearModel::metrics() {
  const double loss = spoil_ ? std::numeric_limits<double>::quiet_NaN() : sums_[0] / sums_[2];
  return {loss, sums_[1] / sums_[2]};
}

/// Where a variable is.
void* LinearModel::at(size_t index) const {
  const void* const places[] = {kernel_.data(), bias_.data(), &steps_, &rate_, sums_};
  return const_cast<void*>(places[index]);
}

Array LinearModel::get_variable(size_t index) const {
  const VariableInfo& variable = info_.variables[index];
  Array array(variable.dtype, variable.shape);
  std::memcpy(array.mutable_data(), at(index), static_cast<size_t>(array.bytes()));
  return array;
}

void LinearModel::set_variable(size_t index, const Array& value) {
  std::memcpy(at(index), value.data(), static_cast<size_t>(value.bytes()));
}

void LinearModel::initialize(uint64_t seed) {
  kernel_.assign(kernel_.size(), static_cast<float>(seed));
  bias_[0] = 0;
}

void SomeTraining::end_epoch(Callback& callback, Logs logs) {
  callback.on_epoch_end(*this, history_.first_epoch + static_cast<int64_t>(history_.epochs.size()), logs);
  history_.epochs.push_back(std::move(logs));
}

Array array(Shape shape, const std::vector<float>& values) {
  Array result(DType::f32, std::move(shape));
  if (!values.empty()) std::memcpy(result.mutable_data(), values.data(), static_cast<size_t>(result.bytes()));
  return result;
}

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "keratin_trainer_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

Folder::~Folder() { std::filesystem::remove_all(path_); }

std::string Folder::file(const std::string& name, const std::string& bytes) const {
  std::ofstream(*this / name, std::ios::binary) << bytes;
  return *this / name;
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string zip_of(const std::vector<std::pair<std::string, std::string>>& members, bool deflated) {
  const Folder folder;
  zipFile zip = zipOpen64((folder / "made.zip").c_str(), APPEND_STATUS_CREATE);
  for (const auto& [name, bytes] : members) {
    const zip_fileinfo info{};
    zipOpenNewFileInZip64(zip, name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr,
                          deflated ? Z_DEFLATED : 0, Z_DEFAULT_COMPRESSION, 0);
    zipWriteInFileInZip(zip, bytes.data(), static_cast<unsigned>(bytes.size()));
    zipCloseFileInZip(zip);
  }
  zipClose(zip, nullptr);
  return read_bytes(folder / "made.zip");
}

std::string npy(const std::string& descr, const std::string& shape, const std::string& elements,
                bool fortran_order) {
  const std::string header = "{'descr': '" + descr +
                             "', 'fortran_order': " + (fortran_order ? "True" : "False") +
                             ", 'shape': " + shape + ", }\n";
  std::string bytes("\x93NUMPY\1\0", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + elements;
}

}  // namespace keratin::trainer
