#include "frontend/h5_file.h"

#include <optional>
#include <utility>

#include "frontend/h5_process.h"
#include "frontend/h5_stream.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

std::optional<DType> dtype_of(uint8_t type) {
  switch (type) {
    case KERATIN_H5_BOOL: return DType::boolean;
    case KERATIN_H5_I8: return DType::i8;
    case KERATIN_H5_I16: return DType::i16;
    case KERATIN_H5_I32: return DType::i32;
    case KERATIN_H5_I64: return DType::i64;
    case KERATIN_H5_U8: return DType::u8;
    case KERATIN_H5_U16: return DType::u16;
    case KERATIN_H5_U32: return DType::u32;
    case KERATIN_H5_U64: return DType::u64;
    case KERATIN_H5_F16: return DType::f16;
    case KERATIN_H5_BF16: return DType::bf16;
    case KERATIN_H5_F32: return DType::f32;
    case KERATIN_H5_F64: return DType::f64;
    default: return {};
  }
}

/// Builds an H5File from the helper's answer, believing none of it.
class AnswerParser {
 public:
  AnswerParser(H5Process& process, uint64_t file_size)
      : process_(process), left_(keratin_h5_answer_limit(file_size)) {}

  H5File parse() {
    char magic[4];
    read(magic, sizeof magic);
    if (std::string_view(magic, sizeof magic) != KERATIN_H5_MAGIC || u32() != KERATIN_H5_VERSION) malformed();
    for (uint64_t records = 0;; ++records) {
      switch (u8()) {
        case KERATIN_H5_DATASET: dataset(); break;
        case KERATIN_H5_SKIPPED: skipped(); break;
        case KERATIN_H5_ATTRIBUTE: attribute(); break;
        case KERATIN_H5_FAILURE: process_.fail(text());
        case KERATIN_H5_END:
          if (u64() != records) malformed();
          process_.expect_end();
          return std::move(file_);
        default: malformed();
      }
      if (records > KERATIN_H5_MAX_RECORDS) malformed();
    }
  }

 private:
  [[noreturn]] void malformed() { process_.fail("it leads the HDF5 library astray"); }

  /// Accounts for bytes before they are stored: a length that the limit forbids is never allocated.
  void spend(uint64_t bytes) {
    if (bytes > left_) malformed();
    left_ -= bytes;
  }
  void read(void* to, uint64_t n) {
    spend(n);
    process_.read(to, n);
  }
  template <typename T>
  T number() {
    T value;  // as the stream is, machines that run this are little-endian
    read(&value, sizeof value);
    return value;
  }
  uint8_t u8() { return number<uint8_t>(); }
  uint32_t u32() { return number<uint32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }

  std::string text() {
    const uint32_t length = u32();
    spend(length);
    std::string text(length, '\0');
    process_.read(text.data(), length);
    return text;
  }
  std::string path() {
    std::string path = text();
    if (path.size() >= KERATIN_H5_MAX_PATH) malformed();
    return path;
  }

  void dataset() {
    const std::string at = path();
    const std::optional<DType> dtype = dtype_of(u8());
    const uint8_t rank = u8();
    if (!dtype || rank > KERATIN_H5_MAX_RANK) malformed();
    std::vector<int64_t> shape(rank);
    int64_t bytes = byte_size(*dtype);
    bool is_empty = false;
    for (int64_t& n : shape) {
      n = number<int64_t>();
      if (n < 0 || (n != 0 && __builtin_mul_overflow(bytes, n, &bytes))) malformed();
      is_empty |= n == 0;
    }
    if (is_empty) bytes = 0;
    if (u64() != static_cast<uint64_t>(bytes)) malformed();
    spend(static_cast<uint64_t>(bytes));
    Tensor tensor(*dtype, std::move(shape));
    process_.read(tensor.data(), static_cast<uint64_t>(bytes));
    if (*dtype == DType::boolean) {
      for (uint8_t& value : tensor.as<uint8_t>()) value = value != 0;
    }
    if (!file_.datasets.emplace(at, std::move(tensor)).second) malformed();
  }

  void skipped() {
    std::string at = path();
    std::string reason = text();
    if (!file_.skipped.emplace(std::move(at), std::move(reason)).second) malformed();
  }

  void attribute() {
    H5File::Attributes& attributes = file_.attributes[path()];
    std::string name = text();
    std::vector<std::string> values(0);
    const uint32_t count = u32();
    if (count > KERATIN_H5_MAX_STRINGS) malformed();
    for (uint32_t i = 0; i < count; ++i) values.push_back(text());
    if (!attributes.emplace(std::move(name), std::move(values)).second) malformed();
  }

  H5Process& process_;
  uint64_t left_;
  H5File file_;
};

}  // namespace

bool is_h5(std::string_view bytes) { return bytes.substr(0, 8) == "\x89HDF\r\n\x1a\n"; }

H5File parse_h5(std::string_view bytes, const std::string& where) {
  H5Process process(bytes, where);
  return AnswerParser(process, bytes.size()).parse();
}

const std::vector<std::string>* H5File::attribute(std::string_view path, std::string_view name) const {
  const auto it = attributes.find(path);
  if (it == attributes.end()) return nullptr;
  const auto attribute = it->second.find(name);
  return attribute == it->second.end() ? nullptr : &attribute->second;
}

const std::string* H5File::text(std::string_view path, std::string_view name) const {
  const std::vector<std::string>* values = attribute(path, name);
  return values && values->size() == 1 ? &values->front() : nullptr;
}

std::vector<std::string> H5File::names(std::string_view path, std::string_view name) const {
  if (const std::vector<std::string>* whole = attribute(path, name)) return *whole;
  std::vector<std::string> all;
  for (size_t i = 0; const std::vector<std::string>* piece = attribute(path, cat(name, i)); ++i) {
    all.insert(all.end(), piece->begin(), piece->end());
  }
  return all;
}

}  // namespace keratin
