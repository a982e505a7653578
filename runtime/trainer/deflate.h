// What is known of deflate, which members of .npz files, chunks of HDF5 files and PNG images are packed with.
#pragma once

#include <cstdint>

namespace keratin::trainer {

/// Whether so many bytes may come out of `stored` ones: deflate makes at most 1032 of one. What claims more is not worth an allocation.
inline bool may_inflate_to(uint64_t bytes, uint64_t stored) {
  constexpr uint64_t kMostOfOneByte = 1032;
  return bytes / kMostOfOneByte <= stored;
}

}  // namespace keratin::trainer
