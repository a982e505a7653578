#include "runtime/trainer/safetensors.h"

#include <algorithm>

#include "runtime/trainer/error.h"
#include "runtime/trainer/json.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr uint64_t kLongestHeader = 100'000'000;  // the format's own limit
constexpr size_t kHighestRank = 32;

}  // namespace

std::map<std::string, Array> read_safetensors(const std::string& path, Metadata* metadata) {
  const MappedFile file = map_file(path);
  const auto fail = [&](const std::string& problem) { throw Error(ErrorKind::data, problem, path); };
  if (file.bytes.size() < 8) fail("is too short for a safetensors file");
  uint64_t length = 0;
  for (size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(file.bytes[i]);
  if (length > kLongestHeader || length > file.bytes.size() - 8)
    fail("is no complete safetensors file: its header would leave it");
  const std::string_view data = file.bytes.substr(8 + length);
  std::vector<TensorEntry> entries = parse_safetensors_header(file.bytes.substr(8, length), path, metadata);
  std::sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });

  std::map<std::string, Array> arrays;
  uint64_t used = 0;
  for (const TensorEntry& entry : entries) {
    const std::string name = cat("array ", quoted(entry.name));
    if (entry.shape.size() > kHighestRank) fail(cat(name, " has more than ", kHighestRank, " axes"));
    if (entry.end < entry.begin || entry.end > data.size())
      fail(cat(name, " leaves the file, which may be cut off"));
    if (entry.begin != used) fail(cat(name, " does not start where the one before it ends"));
    const std::optional<int64_t> bytes = byte_count(entry.dtype, entry.shape);
    if (!bytes || static_cast<uint64_t>(*bytes) != entry.end - entry.begin)
      fail(cat(name, " of shape ", shape_text(entry.shape), " and type ", to_text(entry.dtype), " has ",
               entry.end - entry.begin, " bytes"));
    arrays.emplace(entry.name, Array::view(entry.dtype, entry.shape, data.data() + entry.begin, file.owner));
    used = entry.end;
  }
  if (used != data.size()) fail(cat("has ", data.size() - used, " bytes behind the last array"));
  return arrays;
}

void write_safetensors(StagedFile& file, const std::map<std::string, Array>& arrays,
                       const Metadata& metadata) {
  std::vector<TensorEntry> entries;
  uint64_t offset = 0;
  for (const auto& [name, array] : arrays) {
    const uint64_t end = offset + static_cast<uint64_t>(array.bytes());
    entries.push_back({name, array.dtype(), array.shape(), offset, end});
    offset = end;
  }
  std::string header = format_safetensors_header(entries, metadata);
  header.append((8 - header.size() % 8) % 8, ' ');  // so that the arrays are aligned
  std::string length;
  for (size_t i = 0; i < 8; ++i) length += static_cast<char>(header.size() >> (8 * i));
  file.append(length);
  file.append(header);
  for (const auto& [name, array] : arrays)
    file.append({reinterpret_cast<const char*>(array.data()), static_cast<size_t>(array.bytes())});
}

}  // namespace keratin::trainer
