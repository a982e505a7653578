#include "runtime/trainer/memory.h"

namespace keratin::trainer {
namespace {

/// Of one sample.
int64_t sample_bytes(const std::vector<Signature>& signatures) {
  int64_t bytes = 0;
  for (const Signature& signature : signatures)
    bytes += byte_count(signature.dtype, signature.shape).value_or(0);
  return bytes;
}

}  // namespace

FitMemory memory_of_fit(const Trainable& model, int64_t batch_size) {
  const TrainableInfo& info = model.info();
  FitMemory memory;
  memory.batch_size = info.inputs.empty() || info.inputs[0].is_per_sample ? batch_size : info.inputs[0].rows;
  for (const VariableInfo& variable : info.variables)
    memory.variables += byte_count(variable.dtype, variable.shape).value_or(0);
  memory.workspace = model.workspace_bytes(memory.batch_size);
  constexpr int64_t kBatches = 2;
  memory.batches = kBatches * memory.batch_size *
                   (sample_bytes(info.inputs) + sample_bytes(info.targets) + sample_bytes(info.weights));
  return memory;
}

}  // namespace keratin::trainer
