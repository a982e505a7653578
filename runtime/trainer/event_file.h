// TensorBoard's event files, byte for byte as TensorFlow writes them.
//
// A file is a row of records: the length of an event, the event, and a checksum of each. An event is a protocol buffer with a
// time, a step and what is to be shown. Files only grow. One that was cut off is read up to its last whole record; who goes on
// begins another in the same folder.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "runtime/trainer/array.h"
#include "runtime/trainer/growing_file.h"
#include "runtime/trainer/protobuf.h"

namespace keratin::trainer {

class EventFile {
 public:
  /// A new file in `folder`, which is made if it is missing. `clock`: seconds since 1970. Throws Error(cannot_create).
  EventFile(const std::string& folder, std::function<double()> clock);

  /// What is added is in the file after flush().
  void add_scalar(std::string_view tag, double value, int64_t step);
  void add_histogram(std::string_view tag, const Array& numbers, int64_t step);
  /// Throws Error(io).
  void flush();

  const std::string& path() const { return file_.path(); }

 private:
  EventFile(const std::string& folder, std::function<double()> clock, double now);
  void add_summary(std::string_view tag, const Message& tensor, std::string_view plugin, int64_t step);
  void add_record(const Message& event);

  std::function<double()> clock_;
  GrowingFile file_;
  std::string records_;  // not yet in the file
};

}  // namespace keratin::trainer
