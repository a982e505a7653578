#include "runtime/trainer/data_checksum.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

namespace keratin::trainer {
namespace {

// Of rows that are made, such as images that have to be decoded, as many are read as of rows that are long.
constexpr int64_t kFewRows = 32, kManyRows = 1000, kBytes = int64_t{1} << 24;

struct Source {
  Column column;
  DType dtype;  // the model's

  int64_t row_bytes() const { return column.row_elements() * byte_size(dtype); }
};

std::vector<Source> sources_of(const TrainableInfo& model, const Dataset& data) {
  std::vector<Source> sources;
  for (size_t i = 0; i < data.inputs.size(); ++i) sources.push_back({data.inputs[i], model.inputs[i].dtype});
  for (size_t i = 0; i < data.targets.size(); ++i)
    sources.push_back({data.targets[i], model.targets[i].dtype});
  return sources;
}

/// How many rows are read.
int64_t row_count(const std::vector<Source>& sources, int64_t samples) {
  int64_t bytes = 1;
  bool are_made = false;
  for (const Source& source : sources) {
    bytes += source.row_bytes();
    are_made = are_made || source.column.array() == nullptr;
  }
  return std::min(samples, are_made ? kFewRows : std::clamp(kBytes / bytes, kFewRows, kManyRows));
}

}  // namespace

uint32_t data_checksum(const TrainableInfo& model, const Dataset& data) {
  const std::vector<Source> sources = sources_of(model, data);
  const int64_t rows = row_count(sources, data.samples);
  uLong sum = 0;
  const auto add = [&sum](const void* bytes, size_t size) {
    sum = crc32_z(sum, static_cast<const Bytef*>(bytes), size);
  };
  std::vector<std::byte> buffer;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = rows == 1 ? 0 : i * (data.samples - 1) / (rows - 1);
    for (const Source& source : sources) {
      buffer.resize(static_cast<size_t>(source.row_bytes()));
      source.column.read(row, source.dtype, buffer.data());
      add(buffer.data(), buffer.size());
    }
    for (const std::vector<float>& weights : data.weights) {
      const size_t each = weights.size() / static_cast<size_t>(data.samples);
      if (each > 0) add(weights.data() + static_cast<size_t>(row) * each, each * sizeof(float));
    }
  }
  return static_cast<uint32_t>(sum);
}

}  // namespace keratin::trainer
