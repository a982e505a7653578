// Sums of what ranks have sent, in the order of the ranks: whichever arrives first, and whoever adds, the bits are the same.
#pragma once

#include <cstddef>
#include <cstdint>

namespace keratin::mpi {

/// total[i] = total[i] joined with more[i], by a krt_reduction, for `count` elements of a krt_dtype.
void reduce_into(uint32_t reduction, uint32_t dtype, std::byte* total, const std::byte* more, size_t count);

/// Bytes of an element of a krt_dtype.
size_t element_bytes(uint32_t dtype);

}  // namespace keratin::mpi
