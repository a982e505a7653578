// A .npy file: "\x93NUMPY", two version bytes, the header's length (2 bytes, from version 2 on 4), the header, which is a
// Python dictionary such as
//
//     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
//
// filled up with blanks and a newline, then the elements.
#include "runtime/trainer/npy.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>
#include <optional>
#include <utility>

#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"
#include "runtime/utf8.h"

namespace keratin::trainer {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxHeader = size_t{1} << 16;
constexpr size_t kMaxRank = 32;
constexpr int64_t kMaxWidth = int64_t{1} << 32;  // of strings

[[noreturn]] void fail(const std::string& message, const std::string& where) {
  throw Error(ErrorKind::data, message, where);
}

struct Header {
  DType dtype;
  bool swapped = false;
  bool fortran_order = false;
  Shape shape;
  char string_kind = 0;  ///< S or U; then `dtype` is that of bytes
  int64_t string_width = 0;
};

struct TypeName {
  std::string_view code;
  DType dtype;
};
constexpr TypeName kTypes[] = {
    {"b1", DType::boolean}, {"i1", DType::i8},  {"i2", DType::i16}, {"i4", DType::i32}, {"i8", DType::i64},
    {"u1", DType::u8},      {"u2", DType::u16}, {"u4", DType::u32}, {"u8", DType::u64}, {"f2", DType::f16},
    {"f4", DType::f32},     {"f8", DType::f64}, {"V2", DType::bf16}};

void set_type(std::string_view descr, Header& header, const std::string& where) {
  std::string_view code = descr;
  if (!code.empty() && std::string_view("<>|=").find(code.front()) != std::string_view::npos) {
    header.swapped = code.front() == '>';
    code.remove_prefix(1);
  }
  const auto* type =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& t) { return t.code == code; });
  if (type != std::end(kTypes)) {
    header.dtype = type->dtype;
    return;
  }
  const char kind = code.empty() ? ' ' : code.front();
  const std::string found = quoted(descr.substr(0, 40));
  if (kind == 'O') fail("holds Python objects (pickled), which are never loaded", where);
  if (kind == 'c') fail(cat("holds complex numbers (", found, ")"), where);
  const std::optional<int64_t> width = parse_integer(code.empty() ? code : code.substr(1));
  if ((kind == 'S' || kind == 'U') && width && *width >= 1 && *width < kMaxWidth) {
    header.dtype = DType::i8;  // u8 are numbers, such as those of characters
    header.string_kind = kind;
    header.string_width = *width;
    return;
  }
  if (kind == 'S' || kind == 'U' || kind == 'T')
    fail(cat("holds strings (", found, "), which are not read"), where);
  fail(cat("holds elements of type ", found, ", which is not read"), where);
}

/// Scans the dictionary of the header.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Header parse() {
    Header header;
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !std::exchange(has_type, true)) {
        if (peek() == '[') fail("holds records (a structured type), which are not read", where_);
        set_type(string(), header, where_);
      } else if (key == "fortran_order" && !std::exchange(has_order, true)) {
        header.fortran_order = boolean();
      } else if (key == "shape" && !std::exchange(has_shape, true)) {
        header.shape = shape();
      } else {
        malformed();
      }
      if (!accept(',') && peek() != '}') malformed();
    }
    if (!has_type || !has_order || !has_shape || peek() != '\0') malformed();
    return header;
  }

 private:
  [[noreturn]] void malformed() const { fail("malformed .npy header", where_); }

  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) malformed();
  }

  std::string_view string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') malformed();
    const size_t start = ++at_;
    at_ = text_.find(quote, start);
    if (at_ == std::string_view::npos) malformed();
    return text_.substr(start, at_++ - start);
  }

  bool boolean() {
    peek();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {"False", false}}) {
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return value;
    }
    malformed();
  }

  Shape shape() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      shape.push_back(dimension());
      if (shape.size() > kMaxRank) fail(cat("has more than ", kMaxRank, " axes"), where_);
      if (!accept(',') && (peek() != ')' || shape.size() == 1)) malformed();  // "(3)" is no tuple
    }
    return shape;
  }

  int64_t dimension() {
    int64_t value = 0;
    if (!std::isdigit(static_cast<unsigned char>(peek()))) malformed();
    for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])); ++at_) {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text_[at_] - '0', &value)) {
        fail("has an axis of 2^63 or more elements", where_);
      }
    }
    accept('L');  // Python 2 wrote long integers so
    return value;
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
};

/// Copies column-major elements to row-major ones.
void copy_transposed(const char* from, const Array& shaped, std::byte* out) {
  const Shape& shape = shaped.shape();
  const auto size = static_cast<size_t>(byte_size(shaped.dtype()));
  std::vector<size_t> stride(shape.size()), index(shape.size(), 0);
  size_t step = size;
  for (size_t d = 0; d < shape.size(); ++d) {
    stride[d] = step;
    step *= static_cast<size_t>(shape[d]);
  }
  size_t offset = 0;
  for (int64_t i = 0; i < shaped.elements(); ++i, out += size) {
    std::memcpy(out, from + offset, size);
    for (size_t d = shape.size(); d-- > 0;) {
      offset += stride[d];
      if (++index[d] < static_cast<size_t>(shape[d])) break;
      offset -= stride[d] * index[d];
      index[d] = 0;
    }
  }
}

/// Code points of 4 bytes along the last axis, in a file's bytes, as UTF-8.
Array as_utf8(std::string_view codes, Shape shape, bool swapped, const std::string& where) {
  const size_t width = static_cast<size_t>(shape.back()) / 4;
  std::vector<std::string> rows(width == 0 ? 0 : codes.size() / (4 * width));
  size_t longest = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t at = 0; at < width; ++at) {
      uint32_t code = 0;
      std::memcpy(&code, codes.data() + 4 * (i * width + at), sizeof code);
      if (swapped) code = __builtin_bswap32(code);
      unsigned char character[4];
      const size_t size = krt_utf8(code, character);
      if (size == 0) fail(cat("has a string with ", code, ", which is no character"), where);
      rows[i].append(reinterpret_cast<const char*>(character), size);
    }
    while (!rows[i].empty() && rows[i].back() == '\0') rows[i].pop_back();
    longest = std::max(longest, rows[i].size());
  }
  shape.back() = static_cast<int64_t>(longest);
  Array array(DType::i8, std::move(shape));
  std::byte* out = array.mutable_data();
  for (size_t i = 0; i < rows.size(); ++i) std::memcpy(out + i * longest, rows[i].data(), rows[i].size());
  return array.as_strings();
}

}  // namespace

StringRows::StringRows(const std::byte* bytes, size_t count, size_t width) {
  const char* const first = width > 0 ? reinterpret_cast<const char*>(bytes) : "";
  for (size_t i = 0; i < count; ++i) {
    starts.push_back(first + i * width);
    size_t size = width;
    while (size > 0 && starts.back()[size - 1] == '\0') --size;
    sizes.push_back(size);
  }
}

Array parse_npy(std::string_view bytes, std::shared_ptr<const void> owner, const std::string& where,
                Strings strings) {
  if (bytes.substr(0, kMagic.size()) != kMagic) fail("is no .npy array", where);
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes[i])); };
  constexpr size_t version_at = kMagic.size(), length_at = version_at + 2;
  if (bytes.size() < length_at + 4) fail("ends within the .npy header", where);
  const size_t version = byte(version_at);
  if (version < 1 || version > 3) fail(cat(".npy version ", version, " is not read"), where);
  const size_t length_bytes = version == 1 ? 2 : 4;
  size_t length = 0;
  for (size_t i = length_bytes; i-- > 0;) length = length << 8 | byte(length_at + i);
  const size_t start = length_at + length_bytes;
  if (length > kMaxHeader)
    fail(cat(".npy header of ", length, " bytes; at most ", kMaxHeader, " are read"), where);
  if (length > bytes.size() - start) fail("ends within the .npy header", where);

  Header header = HeaderParser(bytes.substr(start, length), where).parse();
  if (header.string_kind != 0) {
    if (strings == Strings::refuse) fail("holds strings, where numbers are needed", where);
    if (header.fortran_order && header.shape.size() > 1) fail("holds strings in column-major order", where);
    header.fortran_order = false;
    header.shape.push_back(header.string_width * (header.string_kind == 'U' ? 4 : 1));
  }
  const std::string_view data = bytes.substr(start + length);
  const std::optional<int64_t> expected = byte_count(header.dtype, header.shape);
  if (!expected) fail(cat("has the impossible shape ", shape_text(header.shape)), where);
  if (static_cast<uint64_t>(*expected) != data.size()) {
    fail(cat("shape ", shape_text(header.shape), " of ", to_text(header.dtype), " takes ", *expected,
             " bytes, found ", data.size()),
         where);
  }

  if (header.string_kind == 'U') return as_utf8(data, header.shape, header.swapped, where);
  if (header.string_kind == 'S')
    return Array::view(header.dtype, header.shape, data.data(), std::move(owner)).as_strings();
  const bool transposed = header.fortran_order && header.shape.size() > 1;
  const bool swapped = header.swapped && byte_size(header.dtype) > 1;
  if (!transposed && !swapped) return Array::view(header.dtype, header.shape, data.data(), std::move(owner));
  Array array(header.dtype, header.shape);
  std::byte* out = array.mutable_data();
  if (transposed)
    copy_transposed(data.data(), array, out);
  else
    std::memcpy(out, data.data(), data.size());
  if (swapped) array.swap_byte_order();
  return array;
}

std::string npy_header(DType dtype, const Shape& shape) {
  const auto* type =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& t) { return t.dtype == dtype; });
  const bool no_order = byte_size(dtype) == 1 || dtype == DType::bf16;
  std::string header = cat("{'descr': '", no_order ? "|" : "<", type->code,
                           "', 'fortran_order': False, 'shape': ", shape_text(shape), ", }");
  const size_t before = kMagic.size() + 4;
  header.append(63 - (before + header.size()) % 64, ' ');  // the data begin at a multiple of 64
  header += '\n';
  return cat(kMagic, '\1', '\0', static_cast<char>(header.size() & 0xff),
             static_cast<char>(header.size() >> 8), header);
}

}  // namespace keratin::trainer
