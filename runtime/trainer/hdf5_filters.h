// What chunks of HDF5 datasets go through before they are stored, undone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keratin::trainer {

struct Hdf5Filter {
  uint16_t id = 0;
  std::vector<uint32_t> parameters;
};

/// Those that are read: deflate ("gzip"), shuffle, fletcher32 and h5py's lzf. Throws Error(data) with `where` for others.
void check_filters(const std::vector<Hdf5Filter>& filters, const std::string& where);

/// The `size` bytes of a chunk from those that are stored. `skipped`: a bit for each filter that was not applied. Throws
/// Error(data) with `where`.
std::string unfiltered(std::string_view stored, const std::vector<Hdf5Filter>& filters, uint32_t skipped,
                       size_t size, const std::string& where);

}  // namespace keratin::trainer
