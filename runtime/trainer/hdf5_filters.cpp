#include "runtime/trainer/hdf5_filters.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr uint16_t kDeflate = 1, kShuffle = 2, kFletcher32 = 3, kLzf = 32000;
constexpr size_t kChecksumBytes = 4;

struct Damaged {};

/// Up to `most` bytes.
std::string inflated(std::string_view stored, size_t most) {
  std::string out(most, '\0');
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(stored.data()));
  stream.avail_in = static_cast<uInt>(stored.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(most);
  const int status = inflate(&stream, Z_FINISH);
  out.resize(most - stream.avail_out);
  inflateEnd(&stream);
  if (status != Z_STREAM_END) throw Damaged();
  return out;
}

/// Runs of new bytes, and of bytes that came before: LibLZF's format.
std::string expanded(std::string_view stored, size_t most) {
  std::string out;
  size_t at = 0;
  const auto next = [&] {
    if (at == stored.size()) throw Damaged();
    return static_cast<size_t>(static_cast<unsigned char>(stored[at++]));
  };
  while (at < stored.size()) {
    const size_t code = next();
    if (code < 32) {
      const size_t count = code + 1;
      if (count > stored.size() - at) throw Damaged();
      out.append(stored.substr(at, count));
      at += count;
    } else {
      const size_t high = code >> 5, count = (high == 7 ? high + next() : high) + 2;
      const size_t back = ((code & 31) << 8 | next()) + 1;
      if (back > out.size()) throw Damaged();
      for (size_t i = 0; i < count; ++i) out += out[out.size() - back];
    }
    if (out.size() > most) throw Damaged();
  }
  return out;
}

/// First bytes of all elements came first, then their second bytes, …; what is left over stayed behind them.
std::string unshuffled(const std::string& bytes, size_t element) {
  if (element < 2 || element > bytes.size()) return bytes;
  const size_t count = bytes.size() / element;
  std::string out = bytes;
  for (size_t b = 0; b < element; ++b)
    for (size_t i = 0; i < count; ++i) out[i * element + b] = bytes[b * count + i];
  return out;
}

/// Of words of 16 bits, big-endian, an odd last byte being the higher one.
uint32_t fletcher32(std::string_view bytes) {
  constexpr uint32_t kModulus = 0xffff;
  uint64_t low = 0, high = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const unsigned first = static_cast<unsigned char>(bytes[i]);
    const unsigned second = i + 1 < bytes.size() ? static_cast<unsigned char>(bytes[i + 1]) : 0;
    low = (low + (first << 8 | second)) % kModulus;
    high = (high + low) % kModulus;
  }
  return static_cast<uint32_t>(high << 16 | low);
}

std::string checked(std::string bytes) {
  if (bytes.size() < kChecksumBytes) throw Damaged();
  uint32_t stored = 0;
  std::memcpy(&stored, bytes.data() + bytes.size() - kChecksumBytes, kChecksumBytes);
  bytes.resize(bytes.size() - kChecksumBytes);
  // A sum of words that is a multiple of the modulus may be stored as that or as 0.
  const auto reduced = [](uint32_t sum) { return (sum >> 16) % 0xffff << 16 | (sum & 0xffff) % 0xffff; };
  if (reduced(stored) != fletcher32(bytes)) throw Damaged();
  return bytes;
}

}  // namespace

void check_filters(const std::vector<Hdf5Filter>& filters, const std::string& where) {
  for (const Hdf5Filter& filter : filters)
    if (filter.id != kDeflate && filter.id != kShuffle && filter.id != kFletcher32 && filter.id != kLzf)
      throw Error(ErrorKind::data, cat("is stored through filter ", filter.id, " of HDF5, which is not read"),
                  where, "gzip, lzf, shuffle and fletcher32 are: h5repack -f GZIP=4 OLD.h5 NEW.h5");
}

std::string unfiltered(std::string_view stored, const std::vector<Hdf5Filter>& filters, uint32_t skipped,
                       size_t size, const std::string& where) {
  const size_t most = size + kChecksumBytes * filters.size();
  std::string bytes(stored);
  try {
    for (size_t i = filters.size(); i-- > 0;) {
      if (i < 32 && (skipped >> i & 1) != 0) continue;
      const Hdf5Filter& filter = filters[i];
      if (filter.id == kDeflate) bytes = inflated(bytes, most);
      if (filter.id == kLzf) bytes = expanded(bytes, most);
      if (filter.id == kShuffle)
        bytes = unshuffled(bytes, filter.parameters.empty() ? 1 : filter.parameters[0]);
      if (filter.id == kFletcher32) bytes = checked(std::move(bytes));
    }
    if (bytes.size() != size) throw Damaged();
  } catch (const Damaged&) {
    throw Error(ErrorKind::data, "is damaged: a chunk cannot be unpacked", where);
  }
  return bytes;
}

}  // namespace keratin::trainer
