// A data set cut into batches: rows gathered, in the model's dtypes, into memory that is used again for the batch after next.
//
// While the model computes one batch, its idle threads gather the next, some rows at a time: rows in a shuffled order come from all
// over the memory, and waiting for them takes about as long as a short step.
//
// Of many ranks (ranks.h) each gathers its own part of every batch, which may be empty.
#pragma once

#include <exception>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/trainer/dataset.h"

namespace keratin::trainer {

class Batches {
 public:
  /// Keeps references to `model` and `data`. `weights` may be empty: ones.
  Batches(Trainable& model, const Dataset& data, int64_t batch_size, SampleWeights weights);
  Batches(const Batches&) = delete;
  ~Batches() { wait(); }

  int64_t steps() const { return (data_.samples + batch_size_ - 1) / batch_size_; }

  /// Samples in this order from now on; empty for their own.
  void set_order(std::vector<int64_t> order);
  /// The last one may be short. Valid until the next call. Those that ask for one after the other get them soonest. Throws the
  /// Error of a sample that cannot be read.
  const Batch& batch(int64_t step);

 private:
  /// Memory for a batch.
  struct Slot {
    std::vector<Array> buffers;  // by source
    SampleWeights weights;
    Batch batch;
  };

  Slot make_slot(const TrainableInfo& model) const;
  Slot& slot_of(int64_t step) { return slots_[step % 2]; }
  void start(int64_t step);
  void wait();
  void finish();
  /// The samples of a step, or the rank's part of them: places in the order, begin and end.
  std::pair<int64_t, int64_t> places_of_step(int64_t step) const;
  std::pair<int64_t, int64_t> places_of(size_t item) const;  ///< in the order, begin and end
  void fetch(size_t item) const;
  void gather(size_t item);
  void keep_error();
  int64_t row(int64_t place) const { return order_.empty() ? place : order_[static_cast<size_t>(place)]; }

  Trainable& model_;
  const Dataset& data_;
  int64_t batch_size_;
  std::vector<int64_t> order_;
  SampleWeights weights_;
  std::vector<Column> sources_;  // inputs, then targets
  int64_t item_rows_ = 1;        // that are gathered at a time
  Slot slots_[2];
  int64_t under_way_ = -1;  // the step whose batch is being gathered
  std::mutex error_mutex_;
  std::exception_ptr error_;  // of gathering: it crosses no thread by itself
};

}  // namespace keratin::trainer
