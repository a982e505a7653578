// A data set cut into batches: rows gathered, in the model's dtypes, into memory that is used again for the next batch.
#pragma once

#include <span>
#include <vector>

#include "runtime/trainer/dataset.h"

namespace keratin::trainer {

class Batches {
 public:
  /// Keeps a reference to `data`. `weights`: one per sample; empty for ones.
  Batches(const TrainableInfo& model, const Dataset& data, int64_t batch_size, std::vector<float> weights);

  int64_t steps() const { return (data_.samples + batch_size_ - 1) / batch_size_; }

  /// Samples in this order from now on; empty for their own.
  void set_order(std::vector<int64_t> order) { order_ = std::move(order); }
  /// The last one may be short. Valid until the next call.
  const Batch& batch(int64_t step);

 private:
  struct Source {
    const Array* array;
    int64_t each;  // elements of a sample
    Array buffer;
  };
  static std::vector<Source> sources(const std::vector<Signature>& signatures,
                                     const std::vector<Array>& arrays, int64_t batch_size);
  void gather(std::vector<Source>& sources, std::vector<const void*>& pointers, int64_t begin, int64_t n);
  int64_t row(int64_t place) const { return order_.empty() ? place : order_[static_cast<size_t>(place)]; }

  const Dataset& data_;
  int64_t batch_size_;
  std::vector<int64_t> order_;
  std::vector<float> weights_, batch_weights_;
  std::vector<Source> inputs_, targets_;
  Batch batch_;
};

}  // namespace keratin::trainer
