// A data set cut into batches: rows gathered, in the model's dtypes, into memory that is used again for the batch after next.
//
// While the model computes one batch, its idle threads gather the next, some rows at a time: rows in a shuffled order come from all
// over the memory, and waiting for them takes about as long as a short step.
//
// Of many ranks (ranks.h) each gathers its own part of every batch, which may be empty.
#pragma once

#include <utility>
#include <vector>

#include "runtime/trainer/dataset.h"

namespace keratin::trainer {

class Batches {
 public:
  /// Keeps references to `model` and `data`. `weights` may be empty: ones.
  Batches(Trainable& model, const Dataset& data, int64_t batch_size, SampleWeights weights);
  Batches(const Batches&) = delete;
  ~Batches() { finish(); }

  int64_t steps() const { return (data_.samples + batch_size_ - 1) / batch_size_; }

  /// Samples in this order from now on; empty for their own.
  void set_order(std::vector<int64_t> order);
  /// The last one may be short. Valid until the next call. Those that ask for one after the other get them soonest.
  const Batch& batch(int64_t step);

 private:
  /// Of the samples' inputs, targets and weights.
  struct Source {
    const Array* array;
    int64_t each;  // elements of a sample
  };
  /// Memory for a batch.
  struct Slot {
    std::vector<Array> buffers;  // by source
    SampleWeights weights;
    Batch batch;
  };

  Slot make_slot(const TrainableInfo& model) const;
  Slot& slot_of(int64_t step) { return slots_[step % 2]; }
  void start(int64_t step);
  void finish();
  /// The samples of a step, or the rank's part of them: places in the order, begin and end.
  std::pair<int64_t, int64_t> places_of_step(int64_t step) const;
  std::pair<int64_t, int64_t> places_of(size_t item) const;  ///< in the order, begin and end
  void fetch(size_t item) const;
  void gather(size_t item);
  int64_t row(int64_t place) const { return order_.empty() ? place : order_[static_cast<size_t>(place)]; }

  Trainable& model_;
  const Dataset& data_;
  int64_t batch_size_;
  std::vector<int64_t> order_;
  SampleWeights weights_;
  std::vector<Source> sources_;
  int64_t item_rows_ = 1;  // that are gathered at a time
  Slot slots_[2];
  int64_t under_way_ = -1;  // the step whose batch is being gathered
};

}  // namespace keratin::trainer
