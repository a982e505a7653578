#include "runtime/trainer/protobuf.h"

#include <cstring>

namespace keratin::trainer {
namespace {

/// How a field's value is written, in the low bits of the number before it.
enum Kind : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2 };

uint64_t key(int field, Kind kind) { return static_cast<uint64_t>(field) << 3 | kind; }

}  // namespace

void Message::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) wire_ += static_cast<char>(0x80 | (value & 0x7f));
  wire_ += static_cast<char>(value);
}

Message& Message::integer(int field, int64_t value) {
  if (value == 0) return *this;
  varint(key(field, kVarint));
  varint(static_cast<uint64_t>(value));
  return *this;
}

Message& Message::number(int field, double value) {
  char image[sizeof value];
  std::memcpy(image, &value, sizeof value);
  varint(key(field, kFixed64));
  wire_.append(image, sizeof value);
  return *this;
}

Message& Message::bytes(int field, std::string_view value) {
  varint(key(field, kBytes));
  varint(value.size());
  wire_ += value;
  return *this;
}

}  // namespace keratin::trainer
