// Messages in the wire format of protocol buffers, written field by field in the order of their numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keratin::trainer {

class Message {
 public:
  /// An integer or an enum. As in proto3, zero is what is not there, and is not written.
  Message& integer(int field, int64_t value);
  Message& number(int field, double value);
  /// A string, bytes or another message; also if it is empty.
  Message& bytes(int field, std::string_view value);
  Message& message(int field, const Message& value) { return bytes(field, value.wire()); }

  const std::string& wire() const { return wire_; }

 private:
  void varint(uint64_t value);
  std::string wire_;
};

}  // namespace keratin::trainer
