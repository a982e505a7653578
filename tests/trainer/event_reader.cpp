#include "tests/trainer/event_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

namespace keratin::trainer {
namespace {

template <typename T>
T at(const std::string& bytes, size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Bit by bit.
uint32_t checksum(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool differs = ((crc ^ (static_cast<unsigned char>(c) >> bit)) & 1) != 0;
      crc = (crc >> 1) ^ (differs ? 0x82f63b78 : 0);
    }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

/// A message: the values of each field, numbers as the bytes of 64 bits.
using Fields = std::multimap<int, std::string>;

Fields parse(const std::string& wire) {
  Fields fields;
  size_t offset = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(wire.at(offset++));
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (offset < wire.size()) {
    const uint64_t key = varint();
    const int field = static_cast<int>(key >> 3);
    if ((key & 7) == 0) {
      const uint64_t value = varint();
      fields.emplace(field, std::string(reinterpret_cast<const char*>(&value), sizeof value));
    } else {
      const size_t size = (key & 7) == 1 ? 8 : varint();
      EXPECT_TRUE((key & 7) == 1 || (key & 7) == 2) << "field " << field << " of kind " << (key & 7);
      if (size > wire.size() - offset) {
        ADD_FAILURE() << "field " << field << " is longer than its message";
        return fields;
      }
      fields.emplace(field, wire.substr(offset, size));
      offset += size;
    }
  }
  return fields;
}

std::string bytes_of_field(const Fields& fields, int field) {
  const auto found = fields.find(field);
  return found == fields.end() ? std::string() : found->second;
}
int64_t integer(const Fields& fields, int field) {
  const std::string bytes = bytes_of_field(fields, field);
  return bytes.empty() ? 0 : at<int64_t>(bytes, 0);
}
Fields message(const Fields& fields, int field) { return parse(bytes_of_field(fields, field)); }

Event event_of(const Fields& fields) {
  Event event;
  event.time = at<double>(bytes_of_field(fields, 1), 0);
  event.step = integer(fields, 2);
  event.version = bytes_of_field(fields, 3);
  const Fields value = message(message(fields, 5), 1), tensor = message(value, 8);
  event.tag = bytes_of_field(value, 1);
  event.plugin = bytes_of_field(message(message(value, 9), 1), 1);
  const Fields shape = message(tensor, 2);
  for (auto [dim, end] = shape.equal_range(2); dim != end; ++dim)
    event.shape.push_back(integer(parse(dim->second), 1));
  const bool is_double = integer(tensor, 1) == 2;
  const std::string content = bytes_of_field(tensor, 4);
  for (size_t i = 0; i < content.size(); i += is_double ? 8 : 4)
    event.values.push_back(is_double ? at<double>(content, i) : static_cast<double>(at<float>(content, i)));
  return event;
}

}  // namespace

std::vector<Event> read_events(const std::string& bytes, std::string* rest) {
  std::vector<Event> events;
  size_t offset = 0;
  while (bytes.size() - offset >= 12) {
    const auto size = at<uint64_t>(bytes, offset);
    if (bytes.size() - offset < 16 + size) break;
    const std::string wire = bytes.substr(offset + 12, size);
    EXPECT_EQ(at<uint32_t>(bytes, offset + 8), checksum(bytes.substr(offset, 8))) << "at " << offset;
    EXPECT_EQ(at<uint32_t>(bytes, offset + 12 + size), checksum(wire)) << "at " << offset;
    events.push_back(event_of(parse(wire)));
    offset += 16 + size;
  }
  if (rest != nullptr) *rest = bytes.substr(offset);
  return events;
}

}  // namespace keratin::trainer
