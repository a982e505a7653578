// From the superblock to the root group; from groups, by a B-tree of names or by link messages, to object headers; from the
// messages of a dataset's header to its elements: in one piece, or in chunks (hdf5_chunks.h).
#include "runtime/trainer/hdf5.h"

#include <cstring>
#include <optional>

#include "runtime/trainer/deflate.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/hdf5_chunks.h"
#include "runtime/trainer/hdf5_file.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
constexpr size_t kMaxRank = 32, kMaxDepth = 8;
constexpr int kMaxContinuations = 1000;

struct Message {
  unsigned type;
  std::string_view body;
};
enum MessageType : unsigned {
  kDataspace = 0x01,
  kLinkInfo = 0x02,
  kDatatype = 0x03,
  kFill = 0x05,
  kLink = 0x06,
  kExternal = 0x07,
  kLayout = 0x08,
  kFilters = 0x0b,
  kContinuation = 0x10,
  kSymbolTable = 0x11,
};

struct Element {
  DType dtype = DType::f32;
  int64_t size = 0;
  bool swapped = false, is_string = false;
};

class Reader {
 public:
  Reader(const std::string& path, Strings strings) : file_(path), strings_(strings) {}

  std::map<std::string, Array> read() {
    read_group(messages_of(root()), "", 0);
    return std::move(arrays_);
  }

 private:
  [[noreturn]] static void fail(const std::string& message, const std::string& where,
                                const std::string& hint = {}) {
    throw Error(ErrorKind::data, message, where, hint);
  }

  uint64_t root() {
    Hdf5Cursor cursor = file_.at(0);
    if (!cursor.accept(kSignature)) fail("is no HDF5 file", file_.path());
    const uint64_t version = cursor.number(1);
    if (version > 3) fail(cat("has a superblock of version ", version, ", which is not read"), file_.path());
    if (version < 2) cursor.skip(4);
    const uint64_t offset_bytes = cursor.number(1), length_bytes = cursor.number(1);
    if (offset_bytes != 8 || length_bytes != 8) fail("has addresses of other than 8 bytes", file_.path());
    if (version < 2) {
      cursor.skip(version == 0 ? 9 : 13);
      cursor.skip(4 * 8 + 8);  // base, free space, end, driver; the root's name
      return cursor.address();
    }
    cursor.skip(1 + 3 * 8);  // flags; base, extension, end
    return cursor.address();
  }

  // ---- Object headers ----

  std::vector<Message> messages_of(uint64_t address) {
    std::vector<Message> messages;
    Hdf5Cursor cursor = file_.at(address);
    if (cursor.accept("OHDR")) {
      if (cursor.number(1) != 2) cursor.malformed();
      const uint64_t flags = cursor.number(1);
      if ((flags & 0x20) != 0) cursor.skip(16);  // times
      if ((flags & 0x10) != 0) cursor.skip(4);   // when links are kept how
      const uint64_t size = cursor.number(size_t{1} << (flags & 3));
      read_messages(cursor.take(size), true, (flags & 4) != 0, messages);
    } else {
      if (cursor.number(1) != 1) cursor.malformed();
      cursor.skip(7);
      const uint64_t size = cursor.number(4);
      cursor.skip(4);
      read_messages(cursor.take(size), false, false, messages);
    }
    return messages;
  }

  void read_messages(std::string_view block, bool is_new, bool has_order, std::vector<Message>& messages) {
    std::vector<std::string_view> blocks = {block};  // those that continue it come behind it
    for (size_t b = 0; b < blocks.size(); ++b) {
      Hdf5Cursor cursor = file_.cursor(blocks[b]);
      const size_t head = is_new ? (has_order ? 6 : 4) : 8;
      while (cursor.left() >= head) {
        const auto type = static_cast<unsigned>(cursor.number(is_new ? 1 : 2));
        const uint64_t size = cursor.number(2), flags = cursor.number(1);
        cursor.skip(head - (is_new ? 4 : 5));
        const std::string_view body = cursor.take(size);
        if (type == kContinuation) {
          if (blocks.size() > kMaxContinuations) cursor.malformed();
          Hdf5Cursor place = file_.cursor(body);
          const uint64_t where = place.address(), length = place.address();
          Hdf5Cursor more = file_.at(where);
          std::string_view rest = more.take(length);
          if (is_new) {
            if (!rest.starts_with("OCHK") || length < 8) cursor.malformed();
            rest = rest.substr(4, length - 8);  // a checksum ends it
          }
          blocks.push_back(rest);
          continue;
        }
        if ((flags & 2) != 0 && type == kDatatype)
          fail("has a dataset with a named type, which is not read", file_.path());
        messages.push_back({type, body});
      }
    }
  }

  static std::optional<std::string_view> find(const std::vector<Message>& messages, MessageType type) {
    for (const Message& message : messages)
      if (message.type == type) return message.body;
    return {};
  }

  // ---- Groups ----

  void read_object(const std::string& name, uint64_t address, size_t depth) {
    if (depth > kMaxDepth) fail(cat("has groups deeper than ", kMaxDepth), file_.path());
    const std::vector<Message> messages = messages_of(address);
    if (!find(messages, kDataspace)) return read_group(messages, name + ":", depth);
    const std::string where = cat(file_.path(), ": array ", quoted(name));
    if (!arrays_.emplace(name, read_dataset(messages, where)).second) fail("occurs twice", where);
  }

  void read_group(const std::vector<Message>& messages, const std::string& prefix, size_t depth) {
    for (const Message& message : messages) {
      Hdf5Cursor cursor = file_.cursor(message.body);
      if (message.type == kSymbolTable) {
        const uint64_t tree = cursor.address();
        read_name_tree(tree, names_at(cursor.address()), prefix, depth, {});
      } else if (message.type == kLink) {
        read_link(cursor, prefix, depth);
      } else if (message.type == kLinkInfo) {
        cursor.skip(1);
        if ((cursor.number(1) & 1) != 0) cursor.skip(8);
        if (cursor.address() != kHdf5Nowhere)
          fail("keeps its many names in a heap, which is not read", file_.path(), std::string(kHdf5Rewrite));
      }
    }
  }

  void read_link(Hdf5Cursor& cursor, const std::string& prefix, size_t depth) {
    if (cursor.number(1) != 1) cursor.malformed();
    const uint64_t flags = cursor.number(1), type = (flags & 8) != 0 ? cursor.number(1) : 0;
    if ((flags & 4) != 0) cursor.skip(8);     // when it was made
    if ((flags & 0x10) != 0) cursor.skip(1);  // ASCII or UTF-8
    const uint64_t length = cursor.number(size_t{1} << (flags & 3));
    const std::string name(cursor.take(length));
    if (type != 0)
      fail(cat("has a link ", quoted(name), " to another place, which is not followed"), file_.path());
    read_object(prefix + name, cursor.address(), depth + 1);
  }

  /// The names of a group of the old kind, each ended by a 0.
  std::string_view names_at(uint64_t heap) {
    Hdf5Cursor cursor = file_.at(heap);
    cursor.expect("HEAP");
    cursor.skip(4);
    const uint64_t size = cursor.number(8);
    cursor.skip(8);
    return file_.at(cursor.address()).take(size);
  }

  void read_name_tree(uint64_t address, std::string_view names, const std::string& prefix, size_t depth,
                      std::optional<uint64_t> wanted_level) {
    Hdf5Cursor cursor = file_.at(address);
    cursor.expect(std::string_view("TREE\0", 5));
    const uint64_t level = cursor.number(1), entries = cursor.number(2);
    if (wanted_level && level != *wanted_level) cursor.malformed();
    cursor.skip(2 * 8 + 8);  // siblings; the first key
    for (uint64_t i = 0; i < entries; ++i) {
      const uint64_t child = cursor.address();
      cursor.skip(8);
      if (level > 0)
        read_name_tree(child, names, prefix, depth, level - 1);
      else
        read_names(child, names, prefix, depth);
    }
  }

  void read_names(uint64_t address, std::string_view names, const std::string& prefix, size_t depth) {
    constexpr uint64_t kSoftLink = 2;
    Hdf5Cursor cursor = file_.at(address);
    cursor.expect("SNOD");
    cursor.skip(2);
    for (uint64_t left = cursor.number(2); left > 0; --left) {
      const uint64_t place = cursor.address(), header = cursor.address(), kind = cursor.number(4);
      cursor.skip(4 + 16);
      if (place > names.size()) cursor.malformed();
      const std::string name(names.substr(place, names.find('\0', place) - place));
      if (kind == kSoftLink)
        fail(cat("has a link ", quoted(name), " to another place, which is not followed"), file_.path());
      read_object(prefix + name, header, depth + 1);
    }
  }

  // ---- Datasets ----

  Array read_dataset(const std::vector<Message>& messages, const std::string& where) {
    const auto type = find(messages, kDatatype), layout = find(messages, kLayout);
    if (!type || !layout) fail("is damaged: it has no type, or no place", where);
    if (find(messages, kExternal)) fail("has its elements in other files, which are not read", where);
    const Element element = element_of(file_.cursor(*type), where);
    Shape shape = shape_of(file_.cursor(*find(messages, kDataspace)), where);
    if (element.is_string) {
      if (strings_ == Strings::refuse) fail("holds strings, where numbers are needed", where);
      shape.push_back(element.size);
    }
    const std::optional<int64_t> bytes = byte_count(element.dtype, shape);
    if (!bytes || !may_inflate_to(static_cast<uint64_t>(*bytes), file_.size()))
      fail(cat("claims the shape ", shape_text(shape), ", which the file cannot hold"), where);
    Array array = read_layout(file_.cursor(*layout), messages, element, shape, where);
    if (element.swapped) array.swap_byte_order();
    return element.is_string ? array.as_strings() : array;
  }

  Shape shape_of(Hdf5Cursor cursor, const std::string& where) {
    const uint64_t version = cursor.number(1), rank = cursor.number(1);
    constexpr uint64_t kNull = 2, kHasMost = 1;
    const bool has_most = (cursor.number(1) & kHasMost) != 0;
    const uint64_t kind = cursor.number(1);
    if (version == 1) cursor.skip(4);
    if (version < 1 || version > 2) cursor.malformed();
    if (version == 2 && kind == kNull) fail("has no elements, and no shape", where);
    if (rank > kMaxRank) fail(cat("has more than ", kMaxRank, " axes"), where);
    Shape shape;
    for (uint64_t axis = 0; axis < rank; ++axis) shape.push_back(static_cast<int64_t>(cursor.number(8)));
    may_grow_ = false;
    for (uint64_t axis = 0; axis < rank && has_most; ++axis)
      may_grow_ = may_grow_ || cursor.number(8) != static_cast<uint64_t>(shape[axis]);
    return shape;
  }

  Element element_of(Hdf5Cursor cursor, const std::string& where) {
    enum : uint64_t {
      kInteger,
      kFloat,
      kTime,
      kString,
      kBits,
      kOpaque,
      kCompound,
      kReference,
      kEnum,
      kVariable
    };
    const uint64_t kind = cursor.number(1) & 15, bits = cursor.number(3), size = cursor.number(4);
    Element element{.size = static_cast<int64_t>(size), .swapped = (bits & 1) != 0 && size > 1};
    const auto unknown = [&] {
      fail(cat("holds numbers of ", size, " bytes of a kind that is not read"), where);
    };
    if (kind == kInteger) {
      constexpr DType kSigned[] = {DType::i8, DType::i16, DType::i32, DType::i64};
      constexpr DType kUnsigned[] = {DType::u8, DType::u16, DType::u32, DType::u64};
      const uint64_t offset = cursor.number(2), precision = cursor.number(2);
      if (offset != 0 || precision != 8 * size || size > 8 || (size & (size - 1)) != 0 || size == 0)
        unknown();
      element.dtype = ((bits & 8) != 0 ? kSigned : kUnsigned)[__builtin_ctzll(size)];
    } else if (kind == kFloat) {
      cursor.skip(5);
      const uint64_t exponent = cursor.number(1);
      if (size == 2 && exponent == 5)
        element.dtype = DType::f16;
      else if (size == 2 && exponent == 8)
        element.dtype = DType::bf16;
      else if (size == 4 && exponent == 8)
        element.dtype = DType::f32;
      else if (size == 8 && exponent == 11)
        element.dtype = DType::f64;
      else
        unknown();
    } else if (kind == kEnum) {
      // Booleans, as h5py writes them: names, in one version filled up to 8 bytes, behind the type of the values.
      using namespace std::string_view_literals;
      const std::string_view body = cursor.take(cursor.left());
      const bool is_boolean =
          (bits & 0xffff) == 2 && (body.find("FALSE\0TRUE\0\0\1"sv) != std::string_view::npos ||
                                   body.find("FALSE\0\0\0TRUE\0\0\0\0\0\1"sv) != std::string_view::npos);
      element = element_of(file_.cursor(body), where);
      if (element.size == 1 && is_boolean) element.dtype = DType::boolean;
    } else if (kind == kString && size > 0) {
      element = {DType::i8, static_cast<int64_t>(size), false, true};
    } else if (kind == kVariable) {
      fail("holds strings or lists of variable length, which are not read", where,
           "strings of one width are: h5py writes them of an array of type S");
    } else {
      fail(kind == kCompound ? "holds records (a compound type), which are not read"
                             : "holds elements of a type that is not read",
           where);
    }
    return element;
  }

  Array read_layout(Hdf5Cursor cursor, const std::vector<Message>& messages, const Element& element,
                    const Shape& shape, const std::string& where) {
    enum : uint64_t { kCompact, kContiguous, kChunked };
    const uint64_t version = cursor.number(1), kind = cursor.number(1);
    if (version < 3 || version > 4 || kind > kChunked)
      fail("is stored in a way that is not read", where, std::string(kHdf5Rewrite));
    if (kind == kCompact) return piece(cursor.take(cursor.number(2)), element, shape, where);
    if (kind == kContiguous) {
      const uint64_t address = cursor.address(), size = cursor.number(8);
      if (address == kHdf5Nowhere) return filled(messages, element, shape);
      return piece(file_.at(address).take(size), element, shape, where);
    }
    const size_t axes = shape.size() - (element.is_string ? 1 : 0);
    Hdf5Chunks chunks(file_, cursor, version, find(messages, kFilters), axes, element.size, where);
    Array array = filled(messages, element, shape);
    if (array.bytes() > 0) chunks.read_into(array, may_grow_);
    return array;
  }

  Array piece(std::string_view bytes, const Element& element, const Shape& shape, const std::string& where) {
    if (bytes.size() < static_cast<uint64_t>(*byte_count(element.dtype, shape)))
      fail(cat("has ", bytes.size(), " bytes, too few for its shape ", shape_text(shape)), where);
    return Array::view(element.dtype, shape, bytes.data(), file_.owner());
  }

  /// All elements as those that were never written to.
  Array filled(const std::vector<Message>& messages, const Element& element, const Shape& shape) {
    Array array(element.dtype, shape);
    const auto message = find(messages, kFill);
    if (!message) return array;
    Hdf5Cursor cursor = file_.cursor(*message);
    const uint64_t version = cursor.number(1);
    bool is_defined = (cursor.number(1) & 0x20) != 0;
    if (version < 3) {
      cursor.skip(1);
      is_defined = cursor.number(1) != 0;
    }
    if (!is_defined || cursor.left() < 4 || cursor.number(4) != static_cast<uint64_t>(element.size))
      return array;
    const std::string_view value = cursor.take(static_cast<uint64_t>(element.size));
    if (value.find_first_not_of('\0') == std::string_view::npos) return array;
    std::byte* data = array.mutable_data();
    for (int64_t at = 0; at < array.bytes(); at += element.size)
      std::memcpy(data + at, value.data(), value.size());
    return array;
  }

  Hdf5File file_;
  bool may_grow_ = false;  // the array whose shape was read last
  Strings strings_;
  std::map<std::string, Array> arrays_;
};

}  // namespace

std::map<std::string, Array> read_hdf5(const std::string& path, Strings strings) {
  return Reader(path, strings).read();
}

}  // namespace keratin::trainer
