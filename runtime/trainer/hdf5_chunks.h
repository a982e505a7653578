// Datasets of HDF5 files that lie in chunks, each where an index says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/trainer/array.h"
#include "runtime/trainer/hdf5_file.h"
#include "runtime/trainer/hdf5_filters.h"

namespace keratin::trainer {

/// How a dataset is cut, what is done to its chunks, and where they are.
class Hdf5Chunks {
 public:
  /// `layout`: the message of the dataset's place, behind its version, 3 or 4, and its kind. `filters`: the message of those, if there is one.
  /// `axes` and `element_bytes` are the dataset's. Throws Error(data) with `where`.
  Hdf5Chunks(Hdf5File& file, Hdf5Cursor layout, uint64_t version, std::optional<std::string_view> filters,
             size_t axes, int64_t element_bytes, std::string where);

  /// Copies the chunks that there are into the dataset, whose further axes are within elements. `may_grow`: whether that has axes that are
  /// not as long as they may get. Throws Error(data).
  void read_into(Array& array, bool may_grow);

 private:
  /// Where a chunk begins in the dataset.
  using Corner = std::vector<uint64_t>;
  class FixedArray;

  void read_shape(uint64_t rank, size_t width);
  void read_filters(Hdf5Cursor cursor);
  void read_tree(uint64_t address, std::optional<uint64_t> wanted_level, Array& array);
  void read_index(Array& array, bool may_grow);
  /// The next chunk's, in their order. False: there are no more.
  bool advance(Corner& corner, const Shape& shape) const;
  /// Unpacks the chunk of `size` bytes at `address`. `skipped`: a bit for each filter that was not applied.
  void read_chunk(const Corner& corner, uint64_t address, uint64_t size, uint32_t skipped, Array& array);
  void put(const std::string& bytes, const Corner& corner, Array& array) const;

  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const;

  Hdf5File& file_;
  Hdf5Cursor layout_;
  const uint64_t version_;
  const size_t axes_;
  const int64_t element_bytes_;
  const std::string where_;
  uint64_t tree_ = kHdf5Nowhere;  // version 3: its address
  uint64_t flags_ = 0;            // version 4
  Shape shape_;                   // of a chunk; its last axis is the element's bytes
  uint64_t bytes_ = 0;            // of a chunk
  std::vector<Hdf5Filter> filters_;
};

}  // namespace keratin::trainer
