#include "frontend/string_table.h"

#include <algorithm>
#include <cstring>

namespace keratin {
namespace {

/// Appended, and filled up to a multiple of 8.
template <typename T>
void append(std::vector<std::byte>& bytes, const std::vector<T>& values) {
  const auto* data = reinterpret_cast<const std::byte*>(values.data());
  bytes.insert(bytes.end(), data, data + values.size() * sizeof(T));
  bytes.resize((bytes.size() + 7) / 8 * 8);
}

}  // namespace

std::shared_ptr<const Tensor> string_table(const StringRules& rules,
                                           const std::vector<std::pair<std::string, int64_t>>& vocabulary) {
  krt_strings header{.version = KRT_STRINGS_VERSION, .rules = rules.rules};
  header.width_count = static_cast<uint32_t>(rules.widths.size());
  header.slot_count = 2;
  while (header.slot_count < 2 * vocabulary.size()) header.slot_count *= 2;
  header.entry_count = vocabulary.size();
  header.first_unknown = rules.first_unknown;
  header.unknown_count = rules.unknown_count;
  header.padding = rules.padding;
  if (rules.key) {
    header.rules |= KRT_KEYED;
    std::copy(rules.key->begin(), rules.key->end(), header.key);
  }

  std::string strings;
  std::vector<uint32_t> slots(header.slot_count, 0);
  std::vector<krt_strings_entry> entries;
  for (const auto& [token, value] : vocabulary) {
    uint64_t state = KRT_TOKEN_HASH_BEGIN;
    for (const char c : token) state = krt_token_hash_next(state, static_cast<unsigned char>(c));
    const uint32_t hash = krt_token_hash_end(state), last = header.slot_count - 1;
    entries.push_back({strings.size(), static_cast<uint32_t>(token.size()), hash, value});
    strings += token;
    uint32_t slot = hash & last;
    while (slots[slot] != 0) slot = (slot + 1) & last;
    slots[slot] = static_cast<uint32_t>(entries.size());
  }
  header.string_bytes = strings.size();

  std::vector<std::byte> bytes;
  append(bytes, std::vector{header});
  append(bytes, rules.widths);
  append(bytes, slots);
  append(bytes, entries);
  const auto* text = reinterpret_cast<const std::byte*>(strings.data());
  bytes.insert(bytes.end(), text, text + strings.size());
  auto table = std::make_shared<Tensor>(DType::u8, std::vector<int64_t>{static_cast<int64_t>(bytes.size())});
  std::memcpy(table->data(), bytes.data(), bytes.size());
  return table;
}

}  // namespace keratin
