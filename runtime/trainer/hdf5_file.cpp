#include "runtime/trainer/hdf5_file.h"

#include <cstring>

#include "runtime/trainer/error.h"

namespace keratin::trainer {

std::string_view Hdf5Cursor::take(uint64_t count) {
  if (count > bytes_.size()) malformed();
  const std::string_view taken = bytes_.substr(0, count);
  bytes_.remove_prefix(count);
  return taken;
}

uint64_t Hdf5Cursor::number(size_t bytes) {
  if (bytes > sizeof(uint64_t)) malformed();
  uint64_t value = 0;
  std::memcpy(&value, take(bytes).data(), bytes);
  return value;
}

bool Hdf5Cursor::accept(std::string_view text) {
  if (!bytes_.starts_with(text)) return false;
  bytes_.remove_prefix(text.size());
  return true;
}

void Hdf5Cursor::expect(std::string_view text) {
  if (!accept(text)) malformed();
}

void Hdf5Cursor::malformed() const { throw Error(ErrorKind::data, "is damaged, or cut off", *path_); }

Hdf5Cursor Hdf5File::at(uint64_t address) {
  // As many visits as the file has bytes: more only go in circles.
  if (address > size() || ++visits_ > size()) cursor({}).malformed();
  return cursor(file_.bytes.substr(address));
}

}  // namespace keratin::trainer
