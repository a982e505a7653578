#include "runtime/trainer/batches.h"

#include <algorithm>
#include <utility>

#include "runtime/trainer/convert.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

namespace {

constexpr int64_t kItemBytes =
    4 << 10;  // gathered at a time: a job that threads wait for begins soon after it

/// The batch to use, which need not be longer than the data; a model may take one number of samples only.
int64_t batch_for(const TrainableInfo& model, const Dataset& data, int64_t wanted) {
  if (model.inputs.empty() || model.inputs[0].is_per_sample) return std::min(wanted, data.samples);
  const int64_t fixed = model.inputs[0].rows;
  if (data.samples % fixed != 0)
    throw Error(ErrorKind::data,
                cat("has ", counted(data.samples, "sample"), ", and the model takes ", fixed, " at a time"),
                data.where, cat("leave out ", data.samples % fixed, " of them"));
  return fixed;
}

}  // namespace

Batches::Batches(Trainable& model, const Dataset& data, int64_t batch_size, SampleWeights weights)
    : model_(model),
      data_(data),
      batch_size_(batch_for(model.info(), data, batch_size)),
      weights_(std::move(weights)) {
  sources_ = data.inputs;
  sources_.insert(sources_.end(), data.targets.begin(), data.targets.end());
  int64_t row_bytes = 0;
  for (const Column& source : sources_) row_bytes += source.row_elements() * byte_size(source.dtype());
  item_rows_ = std::max<int64_t>(1, kItemBytes / std::max<int64_t>(1, row_bytes));
  for (Slot& slot : slots_) slot = make_slot(model.info());
}

Batches::Slot Batches::make_slot(const TrainableInfo& model) const {
  Slot slot;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const size_t inputs = data_.inputs.size();
    Shape shape = sources_[i].shape();
    shape[0] = batch_size_;
    Array& buffer = slot.buffers.emplace_back(
        i < inputs ? model.inputs[i].dtype : model.targets[i - inputs].dtype, std::move(shape));
    (i < inputs ? slot.batch.inputs : slot.batch.targets).push_back(buffer.data());
  }
  for (const Signature& weights : model.weights) {
    int64_t each = 1;
    for (const int64_t extent : weights.shape) each *= extent;
    slot.weights.emplace_back(static_cast<size_t>(batch_size_ * each), 1.0F);
  }
  for (const std::vector<float>& weights : slot.weights) slot.batch.sample_weights.push_back(weights.data());
  return slot;
}

void Batches::set_order(std::vector<int64_t> order) {
  finish();
  order_ = std::move(order);
}

void Batches::start(int64_t step) {
  Slot& slot = slot_of(step);
  const auto [begin, end] = places_of_step(step);
  slot.batch.n = end - begin;
  slot.batch.first = begin - step * batch_size_;
  under_way_ = step;
  const int64_t items = (slot.batch.n + item_rows_ - 1) / item_rows_;
  model_.start_errand(
      static_cast<size_t>(items),
      [](void* pointer, size_t item) {
        auto* self = static_cast<Batches*>(pointer);
        try {
          self->gather(item);
        } catch (...) {
          self->keep_error();
        }
      },
      this);
}

std::pair<int64_t, int64_t> Batches::places_of_step(int64_t step) const {
  const int64_t first = step * batch_size_, n = std::min(batch_size_, data_.samples - first);
  if (model_.ranks() == nullptr) return {first, first + n};
  const auto [begin, end] = model_.ranks()->share(n);
  return {first + begin, first + end};
}

std::pair<int64_t, int64_t> Batches::places_of(size_t item) const {
  const auto [first, last] = places_of_step(under_way_);
  const int64_t begin = first + static_cast<int64_t>(item) * item_rows_;
  return {begin, std::min(begin + item_rows_, last)};
}

void Batches::wait() {
  if (under_way_ >= 0) model_.finish_errand();
  under_way_ = -1;
}

void Batches::finish() {
  wait();
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

/// Asks for all that an item reads at once.
void Batches::fetch(size_t item) const {
  const auto [begin, end] = places_of(item);
  for (const Column& source : sources_)
    for (int64_t i = begin; i < end; ++i) source.fetch(row(i), kItemBytes);
}

void Batches::gather(size_t item) {
  if (item > 0) fetch(item - 1);  // which is often the one that this thread gathers next
  Slot& slot = slot_of(under_way_);
  const auto [begin, end] = places_of(item);
  const int64_t first = places_of_step(under_way_).first;
  for (size_t s = 0; s < sources_.size(); ++s) {
    Array& buffer = slot.buffers[s];
    const int64_t bytes = sources_[s].row_elements() * byte_size(buffer.dtype());
    std::byte* out = buffer.mutable_data();
    for (int64_t i = begin; i < end; ++i) sources_[s].read(row(i), buffer.dtype(), out + (i - first) * bytes);
  }
  for (size_t w = 0; w < weights_.size(); ++w) {
    if (weights_[w].empty()) continue;
    const auto each = static_cast<int64_t>(weights_[w].size()) / data_.samples;
    for (int64_t i = begin; i < end; ++i)
      std::copy_n(weights_[w].begin() + row(i) * each, each, slot.weights[w].begin() + (i - first) * each);
  }
}

/// The first that is caught is kept.
void Batches::keep_error() {
  const std::scoped_lock lock(error_mutex_);
  if (!error_) error_ = std::current_exception();
}

const Batch& Batches::batch(int64_t step) {
  if (under_way_ != step) {
    finish();
    start(step);
  }
  finish();
  if (step + 1 < steps()) start(step + 1);
  return slot_of(step).batch;
}

}  // namespace keratin::trainer
