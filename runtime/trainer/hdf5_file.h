// The bytes of an HDF5 file, as they are gone through. All addresses are 8 bytes from the file's begin. Every read is checked against the
// file's end; visits are counted, so cycles end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/trainer/file.h"

namespace keratin::trainer {

inline constexpr uint64_t kHdf5Nowhere = ~uint64_t{0};  ///< an address of nothing
/// What to do about files whose form is not read.
inline constexpr std::string_view kHdf5Rewrite =
    "h5repack OLD.h5 NEW.h5 writes it in the oldest form, which is read";

/// Bytes that are read in order. Whatever reads beyond them throws Error(data).
class Hdf5Cursor {
 public:
  Hdf5Cursor(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(&path) {}

  size_t left() const { return bytes_.size(); }
  std::string_view take(uint64_t count);
  /// A whole number of so many bytes, little-endian.
  uint64_t number(size_t bytes);
  uint64_t address() { return number(8); }
  void skip(uint64_t count) { take(count); }
  bool accept(std::string_view text);
  void expect(std::string_view text);
  [[noreturn]] void malformed() const;

 private:
  std::string_view bytes_;
  const std::string* path_;
};

class Hdf5File {
 public:
  /// Throws Error(no_input).
  explicit Hdf5File(std::string path) : path_(std::move(path)), file_(map_file(path_)) {}
  Hdf5File(const Hdf5File&) = delete;

  const std::string& path() const { return path_; }
  size_t size() const { return file_.bytes.size(); }
  /// Of the bytes.
  const std::shared_ptr<const void>& owner() const { return file_.owner; }

  /// Bytes of the file, as of a message in it.
  Hdf5Cursor cursor(std::string_view bytes) const { return {bytes, path_}; }
  /// What lies at an address, up to the file's end.
  Hdf5Cursor at(uint64_t address);

 private:
  std::string path_;
  MappedFile file_;
  uint64_t visits_ = 0;
};

}  // namespace keratin::trainer
