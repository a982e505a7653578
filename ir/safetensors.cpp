#include "ir/safetensors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

constexpr size_t kLongestHeader = 100'000'000;  // the format's own limit
constexpr size_t kHighestRank = 32;

struct Name {
  std::string_view text;
  DType dtype;
};

constexpr std::array<Name, kDTypeCount> kNames{{{"BOOL", DType::boolean},
                                                {"I8", DType::i8},
                                                {"I16", DType::i16},
                                                {"I32", DType::i32},
                                                {"I64", DType::i64},
                                                {"U8", DType::u8},
                                                {"U16", DType::u16},
                                                {"U32", DType::u32},
                                                {"U64", DType::u64},
                                                {"F16", DType::f16},
                                                {"BF16", DType::bf16},
                                                {"F32", DType::f32},
                                                {"F64", DType::f64}}};

struct Entry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;
};

/// The JSON that a header may be: one object of arrays' descriptions, and strings under "__metadata__".
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  std::vector<Entry> read() {
    std::vector<Entry> entries;
    members([&](std::string name) {
      if (name == "__metadata__") {
        members([&](const std::string&) { string(); });
      } else {
        entries.push_back(entry(std::move(name)));
      }
    });
    skip_space();
    if (at_ != text_.size()) fail("expected the end");
    return entries;
  }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(ErrorKind::data, cat("header, byte ", 8 + at_, ": ", problem), where_);
  }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  bool accept(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) fail(cat("expected '", c, "'"));
  }

  template <typename Item>
  void list(char open, char close, Item item) {
    expect(open);
    if (accept(close)) return;
    do item();
    while (accept(','));
    expect(close);
  }

  template <typename Member>
  void members(Member member) {
    list('{', '}', [&] {
      std::string name = string();
      expect(':');
      member(std::move(name));
    });
  }

  uint64_t number() {
    skip_space();
    uint64_t value = 0;
    const char* first = text_.data() + at_;
    const auto [last, error] = std::from_chars(first, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("expected a whole number of at most 64 bits");
    at_ += static_cast<size_t>(last - first);
    return value;
  }

  std::string string() {
    expect('"');
    std::string out;
    while (true) {
      if (at_ == text_.size()) fail("a string does not end");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
      if (c == '\\')
        escape(out);
      else
        out += c;
    }
  }

  void escape(std::string& out) {
    constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const char c = at_ < text_.size() ? text_[at_++] : '\0';
    if (c == 'u') {
      uint32_t code = four_digits();
      if (code >= 0xdc00 && code < 0xe000) fail("half a surrogate pair");
      if (code >= 0xd800 && code < 0xdc00) {
        if (text_.substr(at_, 2) != "\\u") fail("half a surrogate pair");
        at_ += 2;
        const uint32_t low = four_digits();
        if (low < 0xdc00 || low >= 0xe000) fail("half a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      }
      append_utf8(out, code);
    } else {
      const size_t place = kEscapes.find(c);
      if (c == '\0' || place == std::string_view::npos) fail("an unknown escape");
      out += kMeanings[place];
    }
  }

  uint32_t four_digits() {
    uint32_t code = 0;
    if (text_.size() - at_ < 4) fail("a string does not end");
    const char* first = text_.data() + at_;
    const auto [last, error] = std::from_chars(first, first + 4, code, 16);
    if (error != std::errc() || last != first + 4) fail("expected four hexadecimal digits");
    at_ += 4;
    return code;
  }

  static void append_utf8(std::string& out, uint32_t code) {
    if (code < 0x80) {
      out += static_cast<char>(code);
      return;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr std::array<uint32_t, 4> kLead{0, 0xc0, 0xe0, 0xf0};
    out += static_cast<char>(kLead[static_cast<size_t>(more)] | code >> (6 * more));
    for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (code >> (6 * i) & 0x3f));
  }

  Entry entry(std::string name) {
    Entry entry;
    entry.name = std::move(name);
    bool has_dtype = false, has_shape = false, has_offsets = false;
    const auto once = [&](bool& seen) {
      if (seen) fail("a key stands twice");
      seen = true;
    };
    members([&](const std::string& key) {
      if (key == "dtype") {
        once(has_dtype);
        const std::string text = string();
        const auto* found = std::find_if(kNames.begin(), kNames.end(),
                                         [&](const Name& candidate) { return candidate.text == text; });
        if (found == kNames.end()) fail(cat("dtype ", quoted(text), " is not supported"));
        entry.dtype = found->dtype;
      } else if (key == "shape") {
        once(has_shape);
        list('[', ']', [&] { entry.shape.push_back(dimension()); });
        if (entry.shape.size() > kHighestRank) fail("too many dimensions");
      } else if (key == "data_offsets") {
        once(has_offsets);
        expect('[');
        entry.begin = number();
        expect(',');
        entry.end = number();
        expect(']');
      } else {
        fail(cat("unknown key ", quoted(key)));
      }
    });
    if (!has_dtype || !has_shape || !has_offsets) fail("dtype, shape or data_offsets is missing");
    return entry;
  }

  int64_t dimension() {
    const uint64_t value = number();
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) fail("a dimension is too large");
    return static_cast<int64_t>(value);
  }

  std::string_view text_;
  size_t at_ = 0;
  const std::string& where_;
};

std::optional<uint64_t> byte_count(const Entry& entry) {
  auto bytes = static_cast<uint64_t>(byte_size(entry.dtype));
  for (const int64_t n : entry.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(n), &bytes)) return std::nullopt;
  }
  return bytes;
}

uint64_t read_length(std::string_view bytes) {
  uint64_t length = 0;
  for (size_t i = 0; i < 8; ++i)
    length |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return length;
}

}  // namespace

TensorStore parse_safetensors(std::string_view bytes, const std::string& where) {
  const auto fail = [&](std::string problem) { throw Error(ErrorKind::data, std::move(problem), where); };
  if (bytes.size() < 8) fail("too short for a safetensors file");
  const uint64_t length = read_length(bytes);
  if (length > kLongestHeader || length > bytes.size() - 8) {
    fail(cat("the header is said to have ", length, " bytes, the file has ", bytes.size()));
  }
  const std::string_view data = bytes.substr(8 + static_cast<size_t>(length));
  std::vector<Entry> entries = HeaderReader(bytes.substr(8, static_cast<size_t>(length)), where).read();
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });

  TensorStore tensors;
  uint64_t used = 0;
  for (Entry& entry : entries) {
    if (entry.begin != used || entry.end < entry.begin || entry.end > data.size()) {
      fail(cat("array ", quoted(entry.name),
               " does not start where the one before it ends, or leaves the file"));
    }
    if (byte_count(entry) != entry.end - entry.begin) {
      fail(cat("array ", quoted(entry.name), " has ", entry.end - entry.begin,
               " bytes, not those of its shape"));
    }
    auto tensor = std::make_shared<Tensor>(entry.dtype, entry.shape);
    std::memcpy(tensor->data(), data.data() + entry.begin, static_cast<size_t>(tensor->bytes()));
    used = entry.end;
    if (!tensors.emplace(entry.name, std::move(tensor)).second) fail(cat("two arrays ", quoted(entry.name)));
  }
  if (used != data.size()) fail(cat(data.size() - used, " bytes behind the last array"));
  return tensors;
}

namespace {

std::string json_string(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += cat("\\u00", kHex[byte >> 4], kHex[byte & 15]);
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

std::string format_safetensors(const TensorStore& tensors) {
  std::string header = "{";
  int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const int64_t end = offset + tensor->bytes();
    header += cat(header.size() > 1 ? "," : "", json_string(name), ":{\"dtype\":\"",
                  kNames[static_cast<size_t>(tensor->dtype())].text, "\",\"shape\":[",
                  join(tensor->shape(), ","), "],\"data_offsets\":[", offset, ",", end, "]}");
    offset = end;
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');  // so that the arrays are aligned

  std::string out;
  for (size_t i = 0; i < 8; ++i) out += static_cast<char>(header.size() >> (8 * i));
  out += header;
  out.reserve(out.size() + static_cast<size_t>(offset));
  for (const auto& [name, tensor] : tensors) {
    out.append(reinterpret_cast<const char*>(tensor->data()), static_cast<size_t>(tensor->bytes()));
  }
  return out;
}

}  // namespace keratin
