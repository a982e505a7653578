#include "frontend/h5_writer.h"

#include "frontend/h5_process.h"
#include "frontend/h5_stream.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

keratin_h5_type type_of(DType dtype) {
  switch (dtype) {
    case DType::boolean: return KERATIN_H5_BOOL;
    case DType::i8: return KERATIN_H5_I8;
    case DType::i16: return KERATIN_H5_I16;
    case DType::i32: return KERATIN_H5_I32;
    case DType::i64: return KERATIN_H5_I64;
    case DType::u8: return KERATIN_H5_U8;
    case DType::u16: return KERATIN_H5_U16;
    case DType::u32: return KERATIN_H5_U32;
    case DType::u64: return KERATIN_H5_U64;
    case DType::f16: return KERATIN_H5_F16;
    case DType::bf16: return KERATIN_H5_BF16;
    case DType::f32: return KERATIN_H5_F32;
    case DType::f64: return KERATIN_H5_F64;
  }
  KERATIN_CHECK(false, "no dtype");
}

/// What the helper is to write (h5_stream.h).
class Request {
 public:
  explicit Request(const H5File& file) {
    bytes_ = KERATIN_H5_MAGIC;
    number<uint32_t>(KERATIN_H5_VERSION);
    for (const auto& [path, tensor] : file.datasets) dataset(path, tensor);
    for (const auto& [path, attributes] : file.attributes)
      for (const auto& [name, values] : attributes) attribute(path, name, values);
    number<uint8_t>(KERATIN_H5_END);
    number(records_);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  template <typename T>
  void number(T value) {  // as the stream is, machines that run this are little-endian
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(const std::string& text) {
    number(static_cast<uint32_t>(text.size()));
    bytes_ += text;
  }
  void begin(keratin_h5_record kind, const std::string& path) {
    ++records_;
    number(static_cast<uint8_t>(kind));
    text(path);
  }
  void dataset(const std::string& path, const Tensor& tensor) {
    begin(KERATIN_H5_DATASET, path);
    number(static_cast<uint8_t>(type_of(tensor.dtype())));
    number(static_cast<uint8_t>(tensor.rank()));
    for (const int64_t n : tensor.shape()) number(n);
    number(tensor.bytes());
    bytes_.append(reinterpret_cast<const char*>(tensor.data()), static_cast<size_t>(tensor.bytes()));
  }
  void attribute(const std::string& path, const std::string& name, const std::vector<std::string>& values) {
    KERATIN_CHECK(values.size() == 1, cat(path, " has an attribute that is no single text: ", name));
    begin(KERATIN_H5_ATTRIBUTE, path);
    text(name);
    number(uint32_t{1});
    text(values.front());
  }

  std::string bytes_;
  uint64_t records_ = 0;
};

template <typename T>
T received(H5Process& process) {
  T value;
  process.read(&value, sizeof value);
  return value;
}

std::string received_text(H5Process& process, uint64_t length, uint64_t most) {
  if (length > most) process.fail("its maker answers out of order");
  std::string text(length, '\0');
  process.read(text.data(), length);
  return text;
}

}  // namespace

H5Image format_h5_image(const H5File& file, const std::string& where) {
  KERATIN_CHECK(file.skipped.empty(), cat("there is no data of ", file.skipped.begin()->first));
  const Request request(file);
  const uint64_t most = keratin_h5_answer_limit(request.bytes().size());
  H5Process process(request.bytes(), where, H5Process::Task::write);
  const auto expect = [&](auto value) {
    if (received<decltype(value)>(process) != value) process.fail("its maker answers out of order");
  };

  if (received_text(process, 4, 4) != KERATIN_H5_MAGIC) process.fail("its maker answers out of order");
  expect(uint32_t{KERATIN_H5_VERSION});
  const auto kind = received<uint8_t>(process);
  if (kind == KERATIN_H5_FAILURE)
    process.fail(received_text(process, received<uint32_t>(process), KERATIN_H5_MAX_PATH + 256));
  if (kind != KERATIN_H5_IMAGE) process.fail("its maker answers out of order");
  expect(uint32_t{0});  // the image's path
  H5Image image{received_text(process, received<uint64_t>(process), most), {}};
  expect(uint64_t{file.datasets.size()});
  for (const auto& [path, tensor] : file.datasets) {
    const auto offset = received<uint64_t>(process), bytes = static_cast<uint64_t>(tensor.bytes());
    if (bytes == 0) continue;
    if (offset > image.bytes.size() || bytes > image.bytes.size() - offset)
      process.fail("its maker answers out of order");
    image.offsets.emplace(path, offset);
  }
  expect(static_cast<uint8_t>(KERATIN_H5_END));
  expect(uint64_t{1});
  process.expect_end();
  return image;
}

std::string format_h5(const H5File& file, const std::string& where) {
  return format_h5_image(file, where).bytes;
}

}  // namespace keratin
