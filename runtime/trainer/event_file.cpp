#include "runtime/trainer/event_file.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>

#include "runtime/trainer/crc32c.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/histogram.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

// Fields of tensorflow/core/util/event.proto and tensorflow/core/framework/{summary,tensor,tensor_shape}.proto.
struct Event {
  enum { wall_time = 1, step = 2, file_version = 3, summary = 5, source_metadata = 10 };
};
struct SourceMetadata {
  enum { writer = 1 };
};
struct Summary {
  enum { value = 1 };
};
struct Value {
  enum { tag = 1, tensor = 8, metadata = 9 };
};
struct Metadata {
  enum { plugin_data = 1 };
};
struct PluginData {
  enum { plugin_name = 1 };
};
struct Tensor {
  enum { dtype = 1, tensor_shape = 2, tensor_content = 4 };
};
struct TensorShape {
  enum { dim = 2 };
};
struct Dim {
  enum { size = 1 };
};
constexpr int64_t kFloat = 1, kDouble = 2;  // DT_FLOAT, DT_DOUBLE

template <typename T>
std::string image(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// A checksum of data that may hold checksums.
uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

Message tensor(int64_t dtype, const Shape& shape, std::string_view content) {
  Message dims;
  for (const int64_t size : shape) dims.message(TensorShape::dim, Message().integer(Dim::size, size));
  return Message()
      .integer(Tensor::dtype, dtype)
      .message(Tensor::tensor_shape, dims)
      .bytes(Tensor::tensor_content, content);
}

/// A new file in a folder. Readers take those of a folder in the order of their names, and so of their times.
std::string new_path(const std::string& folder, double now) {
  make_folder(folder);
  static std::atomic<int> files = 0;
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return cat(folder, "/events.out.tfevents.", static_cast<int64_t>(now), ".", host, ".", ::getpid(), ".",
             files++, ".v2");
}

}  // namespace

EventFile::EventFile(const std::string& folder, std::function<double()> clock)
    : EventFile(folder, clock, std::floor(clock())) {}

EventFile::EventFile(const std::string& folder, std::function<double()> clock, double now)
    : clock_(std::move(clock)), file_(new_path(folder, now)) {
  const Message writer = Message().bytes(SourceMetadata::writer, "tensorflow.core.util.events_writer");
  add_record(Message()
                 .number(Event::wall_time, now)
                 .bytes(Event::file_version, "brain.Event:2")
                 .message(Event::source_metadata, writer));
  flush();
}

void EventFile::add_scalar(std::string_view tag, double value, int64_t step) {
  add_summary(tag, tensor(kFloat, {}, image(static_cast<float>(value))), "scalars", step);
}

void EventFile::add_histogram(std::string_view tag, const Array& numbers, int64_t step) {
  std::string rows;
  for (const Bucket& bucket : histogram(numbers))
    rows += image(bucket.left) + image(bucket.right) + image(bucket.count);
  add_summary(tag, tensor(kDouble, {kBuckets, 3}, rows), "histograms", step);
}

void EventFile::add_summary(std::string_view tag, const Message& tensor, std::string_view plugin,
                            int64_t step) {
  const Message metadata =
      Message().message(Metadata::plugin_data, Message().bytes(PluginData::plugin_name, plugin));
  const Message value =
      Message().bytes(Value::tag, tag).message(Value::tensor, tensor).message(Value::metadata, metadata);
  add_record(Message()
                 .number(Event::wall_time, clock_())
                 .integer(Event::step, step)
                 .message(Event::summary, Message().message(Summary::value, value)));
}

void EventFile::add_record(const Message& event) {
  const std::string length = image(static_cast<uint64_t>(event.wire().size()));
  records_ += cat(length, image(masked_crc(length)), event.wire(), image(masked_crc(event.wire())));
}

void EventFile::flush() {
  file_.append(records_);
  records_.clear();
}

}  // namespace keratin::trainer
