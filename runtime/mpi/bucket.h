// What is on its way together: the arrays that a step began to reduce one after the other, packed into one message.
//
// A rank's bucket is cut into a chunk for each rank, at multiples of 64 bytes, which no element crosses. Rank r joins the chunks
// of number r of all ranks, and all get all joined chunks. Of a small bucket each rank gets the whole from every rank, and
// joins it itself. Either way an element is joined in the order of the ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace keratin::mpi {

class Bucket {
 public:
  /// Of how many ranks.
  explicit Bucket(size_t ranks) : ranks_(ranks) {}

  void add(uint32_t reduction, uint32_t dtype, void* elements, size_t count);
  bool has(const void* elements) const;
  /// Copies what all ranks have made of the array back to where it came from, and forgets it.
  void take(const void* elements);
  bool is_empty() const { return segments_.empty(); }
  size_t bytes() const { return packed_.size(); }

  /// Nothing more is added; makes room for what the ranks send.
  void close();
  bool is_sent_whole() const { return is_whole_; }
  size_t chunk_bytes() const { return chunk_; }
  std::byte* packed() { return packed_.data(); }
  std::byte* received() { return received_.data(); }

  /// What was received from all ranks, this rank's chunk or the whole, becomes one, in packed().
  void join(size_t rank);

 private:
  struct Segment {
    uint32_t reduction, dtype;
    void* elements;
    size_t begin, bytes;  // in the bucket
    bool is_taken;
  };

  const size_t ranks_;
  std::vector<Segment> segments_;
  std::vector<std::byte> packed_, received_;
  size_t chunk_ = 0;
  bool is_whole_ = false;
};

}  // namespace keratin::mpi
