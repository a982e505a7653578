#include "runtime/trainer/batches.h"

#include <algorithm>
#include <utility>

#include "runtime/trainer/convert.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

namespace {

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

Batches::Batches(const TrainableInfo& model, const Dataset& data, int64_t batch_size,
                 std::vector<float> weights)
    : data_(data),
      batch_size_(batch_for(model, data, batch_size)),
      weights_(std::move(weights)),
      batch_weights_(static_cast<size_t>(batch_size_), 1.0F),
      inputs_(sources(model.inputs, data.inputs, batch_size_)),
      targets_(sources(model.targets, data.targets, batch_size_)) {}

std::vector<Batches::Source> Batches::sources(const std::vector<Signature>& signatures,
                                              const std::vector<Array>& arrays, int64_t batch_size) {
  std::vector<Source> sources;
  for (size_t i = 0; i < arrays.size(); ++i) {
    Shape shape = arrays[i].shape();
    shape[0] = batch_size;
    Array buffer(signatures[i].dtype, shape);
    const int64_t each = buffer.elements() / batch_size;
    sources.push_back({&arrays[i], each, std::move(buffer)});
  }
  return sources;
}

void Batches::gather(std::vector<Source>& sources, std::vector<const void*>& pointers, int64_t begin,
                     int64_t n) {
  pointers.clear();
  for (Source& source : sources) {
    const DType from = source.array->dtype(), to = source.buffer.dtype();
    const int64_t in_size = source.each * byte_size(from), out_size = source.each * byte_size(to);
    std::byte* out = source.buffer.mutable_data();
    for (int64_t i = 0; i < n; ++i)
      convert(from, source.array->data() + row(begin + i) * in_size, to, out + i * out_size, source.each);
    pointers.push_back(out);
  }
}

const Batch& Batches::batch(int64_t step) {
  const int64_t begin = step * batch_size_, n = std::min(batch_size_, data_.samples - begin);
  gather(inputs_, batch_.inputs, begin, n);
  gather(targets_, batch_.targets, begin, n);
  for (int64_t i = 0; i < n && !weights_.empty(); ++i)
    batch_weights_[static_cast<size_t>(i)] = weights_[static_cast<size_t>(row(begin + i))];
  batch_.n = n;
  batch_.sample_weight = batch_weights_.data();
  return batch_;
}

}  // namespace keratin::trainer
