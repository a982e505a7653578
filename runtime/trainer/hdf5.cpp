// From the superblock to the root group; from groups, by a B-tree of names or by link messages, to object headers; from the
// messages of a dataset's header to its elements: in one piece, or in chunks that an index finds. All addresses are 8 bytes
// from the file's begin. Every read is checked against the file's end; nodes are counted, so cycles end.
#include "runtime/trainer/hdf5.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>

#include "runtime/trainer/deflate.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/hdf5_filters.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
constexpr uint64_t kNowhere = ~uint64_t{0};
constexpr size_t kMaxRank = 32, kMaxDepth = 8;
constexpr int kMaxContinuations = 1000;
constexpr std::string_view kRewrite = "h5repack OLD.h5 NEW.h5 writes it in the oldest form, which is read";

/// Bytes that are read in order.
class Cursor {
 public:
  Cursor(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(&path) {}

  size_t left() const { return bytes_.size(); }
  std::string_view take(uint64_t count) {
    if (count > bytes_.size()) malformed();
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  /// A whole number of so many bytes, little-endian.
  uint64_t number(size_t bytes) {
    if (bytes > sizeof(uint64_t)) malformed();
    uint64_t value = 0;
    std::memcpy(&value, take(bytes).data(), bytes);
    return value;
  }
  uint64_t address() { return number(8); }
  void skip(uint64_t count) { take(count); }
  bool accept(std::string_view text) {
    if (!bytes_.starts_with(text)) return false;
    bytes_.remove_prefix(text.size());
    return true;
  }
  void expect(std::string_view text) {
    if (!accept(text)) malformed();
  }
  [[noreturn]] void malformed() const { throw Error(ErrorKind::data, "is damaged, or cut off", *path_); }

 private:
  std::string_view bytes_;
  const std::string* path_;
};

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

/// How a dataset in chunks is cut, and what is done to them.
struct Chunks {
  Shape shape;  // of a chunk
  std::vector<Hdf5Filter> filters;
  int64_t bytes = 0;  // of a chunk
};

class Reader {
 public:
  Reader(const MappedFile& file, const std::string& path, Strings strings)
      : file_(file), path_(path), strings_(strings) {}

  std::map<std::string, Array> read() {
    read_group(messages_of(root()), "", 0);
    return std::move(arrays_);
  }

 private:
  [[noreturn]] static void fail(const std::string& message, const std::string& where,
                                const std::string& hint = {}) {
    throw Error(ErrorKind::data, message, where, hint);
  }

  /// What lies at an address, up to the file's end.
  Cursor at(uint64_t address) {
    // As many visits as the file has bytes: more only go in circles.
    if (address > file_.bytes.size() || ++visits_ > file_.bytes.size()) Cursor({}, path_).malformed();
    return {file_.bytes.substr(address), path_};
  }

  uint64_t root() {
    Cursor cursor = at(0);
    if (!cursor.accept(kSignature)) fail("is no HDF5 file", path_);
    const uint64_t version = cursor.number(1);
    if (version > 3) fail(cat("has a superblock of version ", version, ", which is not read"), path_);
    if (version < 2) cursor.skip(4);
    const uint64_t offset_bytes = cursor.number(1), length_bytes = cursor.number(1);
    if (offset_bytes != 8 || length_bytes != 8) fail("has addresses of other than 8 bytes", path_);
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
    Cursor cursor = at(address);
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
      Cursor cursor(blocks[b], path_);
      const size_t head = is_new ? (has_order ? 6 : 4) : 8;
      while (cursor.left() >= head) {
        const auto type = static_cast<unsigned>(cursor.number(is_new ? 1 : 2));
        const uint64_t size = cursor.number(2), flags = cursor.number(1);
        cursor.skip(head - (is_new ? 4 : 5));
        const std::string_view body = cursor.take(size);
        if (type == kContinuation) {
          if (blocks.size() > kMaxContinuations) cursor.malformed();
          Cursor place(body, path_);
          const uint64_t where = place.address(), length = place.address();
          Cursor more = at(where);
          std::string_view rest = more.take(length);
          if (is_new) {
            if (!rest.starts_with("OCHK") || length < 8) cursor.malformed();
            rest = rest.substr(4, length - 8);  // a checksum ends it
          }
          blocks.push_back(rest);
          continue;
        }
        if ((flags & 2) != 0 && type == kDatatype)
          fail("has a dataset with a named type, which is not read", path_);
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
    if (depth > kMaxDepth) fail(cat("has groups deeper than ", kMaxDepth), path_);
    const std::vector<Message> messages = messages_of(address);
    if (!find(messages, kDataspace)) return read_group(messages, name + ":", depth);
    const std::string where = cat(path_, ": array ", quoted(name));
    if (!arrays_.emplace(name, read_dataset(messages, where)).second) fail("occurs twice", where);
  }

  void read_group(const std::vector<Message>& messages, const std::string& prefix, size_t depth) {
    for (const Message& message : messages) {
      Cursor cursor(message.body, path_);
      if (message.type == kSymbolTable) {
        const uint64_t tree = cursor.address();
        read_name_tree(tree, names_at(cursor.address()), prefix, depth, {});
      } else if (message.type == kLink) {
        read_link(cursor, prefix, depth);
      } else if (message.type == kLinkInfo) {
        cursor.skip(1);
        if ((cursor.number(1) & 1) != 0) cursor.skip(8);
        if (cursor.address() != kNowhere)
          fail("keeps its many names in a heap, which is not read", path_, std::string(kRewrite));
      }
    }
  }

  void read_link(Cursor& cursor, const std::string& prefix, size_t depth) {
    if (cursor.number(1) != 1) cursor.malformed();
    const uint64_t flags = cursor.number(1), type = (flags & 8) != 0 ? cursor.number(1) : 0;
    if ((flags & 4) != 0) cursor.skip(8);     // when it was made
    if ((flags & 0x10) != 0) cursor.skip(1);  // ASCII or UTF-8
    const uint64_t length = cursor.number(size_t{1} << (flags & 3));
    const std::string name(cursor.take(length));
    if (type != 0) fail(cat("has a link ", quoted(name), " to another place, which is not followed"), path_);
    read_object(prefix + name, cursor.address(), depth + 1);
  }

  /// The names of a group of the old kind, each ended by a 0.
  std::string_view names_at(uint64_t heap) {
    Cursor cursor = at(heap);
    cursor.expect("HEAP");
    cursor.skip(4);
    const uint64_t size = cursor.number(8);
    cursor.skip(8);
    return at(cursor.address()).take(size);
  }

  void read_name_tree(uint64_t address, std::string_view names, const std::string& prefix, size_t depth,
                      std::optional<uint64_t> wanted_level) {
    Cursor cursor = at(address);
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
    Cursor cursor = at(address);
    cursor.expect("SNOD");
    cursor.skip(2);
    for (uint64_t left = cursor.number(2); left > 0; --left) {
      const uint64_t place = cursor.address(), header = cursor.address(), kind = cursor.number(4);
      cursor.skip(4 + 16);
      if (place > names.size()) cursor.malformed();
      const std::string name(names.substr(place, names.find('\0', place) - place));
      if (kind == kSoftLink)
        fail(cat("has a link ", quoted(name), " to another place, which is not followed"), path_);
      read_object(prefix + name, header, depth + 1);
    }
  }

  // ---- Datasets ----

  Array read_dataset(const std::vector<Message>& messages, const std::string& where) {
    const auto type = find(messages, kDatatype), layout = find(messages, kLayout);
    if (!type || !layout) fail("is damaged: it has no type, or no place", where);
    if (find(messages, kExternal)) fail("has its elements in other files, which are not read", where);
    const Element element = element_of(Cursor(*type, path_), where);
    Shape shape = shape_of(Cursor(*find(messages, kDataspace), path_), where);
    if (element.is_string) {
      if (strings_ == Strings::refuse) fail("holds strings, where numbers are needed", where);
      shape.push_back(element.size);
    }
    const std::optional<int64_t> bytes = byte_count(element.dtype, shape);
    if (!bytes || !may_inflate_to(static_cast<uint64_t>(*bytes), file_.bytes.size()))
      fail(cat("claims the shape ", shape_text(shape), ", which the file cannot hold"), where);
    Array array = read_layout(Cursor(*layout, path_), messages, element, shape, where);
    if (element.swapped) array.swap_byte_order();
    return element.is_string ? array.as_strings() : array;
  }

  Shape shape_of(Cursor cursor, const std::string& where) {
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

  Element element_of(Cursor cursor, const std::string& where) {
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
      element = element_of(Cursor(body, path_), where);
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

  Array read_layout(Cursor cursor, const std::vector<Message>& messages, const Element& element,
                    const Shape& shape, const std::string& where) {
    enum : uint64_t { kCompact, kContiguous, kChunked };
    const uint64_t version = cursor.number(1), kind = cursor.number(1);
    if (version < 3 || version > 4 || kind > kChunked)
      fail("is stored in a way that is not read", where, std::string(kRewrite));
    if (kind == kCompact) return piece(cursor.take(cursor.number(2)), element, shape, where);
    if (kind == kContiguous) {
      const uint64_t address = cursor.address(), size = cursor.number(8);
      if (address == kNowhere) return filled(messages, element, shape);
      return piece(at(address).take(size), element, shape, where);
    }
    Chunks chunks;
    uint64_t tree = 0, flags = 0;
    if (version == 3) {
      const uint64_t rank = cursor.number(1);
      tree = cursor.address();
      read_chunk_shape(cursor, rank, 4, element, shape, chunks, where);
    } else {
      flags = cursor.number(1);
      const uint64_t rank = cursor.number(1), width = cursor.number(1);
      read_chunk_shape(cursor, rank, width, element, shape, chunks, where);
    }
    if (const auto filters = find(messages, kFilters)) chunks.filters = filters_of(Cursor(*filters, path_));
    check_filters(chunks.filters, where);
    Array array = filled(messages, element, shape);
    if (array.bytes() == 0) return array;
    const auto put = [&](const std::vector<uint64_t>& corner, uint64_t address, uint64_t size,
                         uint32_t skipped) {
      if (address == kNowhere) return;
      if (chunks.filters.empty() && size != static_cast<uint64_t>(chunks.bytes)) cursor.malformed();
      if (!may_inflate_to(static_cast<uint64_t>(chunks.bytes), size)) cursor.malformed();
      put_chunk(chunks,
                unfiltered(at(address).take(size), chunks.filters, skipped, static_cast<size_t>(chunks.bytes),
                           where),
                corner, element, array);
    };
    if (version == 3) {
      if (tree != kNowhere) read_chunk_tree(tree, shape.size() - (element.is_string ? 1 : 0), {}, put);
    } else {
      read_chunk_index(cursor, flags, chunks, shape, put, where);
    }
    return array;
  }

  using Put = std::function<void(const std::vector<uint64_t>& corner, uint64_t address, uint64_t size,
                                 uint32_t skipped)>;

  Array piece(std::string_view bytes, const Element& element, const Shape& shape, const std::string& where) {
    if (bytes.size() < static_cast<uint64_t>(*byte_count(element.dtype, shape)))
      fail(cat("has ", bytes.size(), " bytes, too few for its shape ", shape_text(shape)), where);
    return Array::view(element.dtype, shape, bytes.data(), file_.owner);
  }

  /// All elements as those that were never written to.
  Array filled(const std::vector<Message>& messages, const Element& element, const Shape& shape) {
    Array array(element.dtype, shape);
    const auto message = find(messages, kFill);
    if (!message) return array;
    Cursor cursor(*message, path_);
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

  // ---- Chunks ----

  /// `rank` counts the element's bytes as an axis.
  static void read_chunk_shape(Cursor& cursor, uint64_t rank, size_t width, const Element& element,
                               const Shape& shape, Chunks& chunks, const std::string& where) {
    const size_t axes = shape.size() - (element.is_string ? 1 : 0);
    if (rank != axes + 1 || axes == 0) fail("is damaged: its chunks have other axes", where);
    for (size_t axis = 0; axis < rank; ++axis)
      chunks.shape.push_back(static_cast<int64_t>(cursor.number(width)));
    if (chunks.shape.back() != element.size) fail("is damaged: its chunks have other elements", where);
    const std::optional<int64_t> bytes = byte_count(DType::u8, chunks.shape);
    if (!bytes || *bytes == 0 || *bytes > UINT32_MAX)
      fail("is damaged: its chunks have an impossible shape", where);
    chunks.bytes = *bytes;
  }

  std::vector<Hdf5Filter> filters_of(Cursor cursor) {
    constexpr uint64_t kFirstNamed = 256;  // those before have no names in version 2
    const uint64_t version = cursor.number(1), count = cursor.number(1);
    if (version < 1 || version > 2) cursor.malformed();
    if (version == 1) cursor.skip(6);
    std::vector<Hdf5Filter> filters(count);
    for (Hdf5Filter& filter : filters) {
      filter.id = static_cast<uint16_t>(cursor.number(2));
      const uint64_t name = version == 1 || filter.id >= kFirstNamed ? cursor.number(2) : 0;
      cursor.skip(2);
      const uint64_t parameters = cursor.number(2);
      cursor.skip(version == 1 ? (name + 7) / 8 * 8 : name);
      for (uint64_t i = 0; i < parameters; ++i)
        filter.parameters.push_back(static_cast<uint32_t>(cursor.number(4)));
      if (version == 1 && parameters % 2 != 0) cursor.skip(4);
    }
    return filters;
  }

  void read_chunk_tree(uint64_t address, size_t axes, std::optional<uint64_t> wanted_level, const Put& put) {
    Cursor cursor = at(address);
    cursor.expect(std::string_view("TREE\1", 5));
    const uint64_t level = cursor.number(1), entries = cursor.number(2);
    if (wanted_level && level != *wanted_level) cursor.malformed();
    cursor.skip(2 * 8);  // siblings
    for (uint64_t i = 0; i < entries; ++i) {
      const uint64_t size = cursor.number(4);
      const auto skipped = static_cast<uint32_t>(cursor.number(4));
      std::vector<uint64_t> corner;
      for (size_t axis = 0; axis < axes; ++axis) corner.push_back(cursor.number(8));
      cursor.skip(8);
      const uint64_t child = cursor.address();
      if (level > 0)
        read_chunk_tree(child, axes, level - 1, put);
      else
        put(corner, child, size, skipped);
    }
  }

  /// The ways of HDF5 1.10 to find chunks whose number is known.
  void read_chunk_index(Cursor& cursor, uint64_t flags, const Chunks& chunks, const Shape& shape,
                        const Put& put, const std::string& where) {
    enum : uint64_t { kSingle = 1, kImplicit = 2, kFixedArray = 3 };
    const size_t axes = chunks.shape.size() - 1;
    const auto bytes = static_cast<uint64_t>(chunks.bytes);
    const uint64_t kind = cursor.number(1);
    if ((flags & 1) != 0)
      fail("has chunks at its end that are stored in another way, which is not read", where);
    std::vector<uint64_t> corner(axes, 0);
    const auto next = [&] {
      for (size_t axis = axes; axis-- > 0; corner[axis] = 0)
        if ((corner[axis] += static_cast<uint64_t>(chunks.shape[axis])) < static_cast<uint64_t>(shape[axis]))
          return true;
      return false;
    };
    if (kind == kSingle) {
      const bool is_filtered = (flags & 2) != 0;
      const uint64_t size = is_filtered ? cursor.number(8) : bytes;
      const auto skipped = static_cast<uint32_t>(is_filtered ? cursor.number(4) : 0);
      return put(corner, cursor.address(), size, skipped);
    }
    if (may_grow_ && (kind == kImplicit || kind == kFixedArray))
      fail("may grow, and its chunks are numbered for that, which is not read", where,
           cat("files that h5py writes without libver=\"latest\" have another index; ", kRewrite));
    if (kind == kImplicit) {
      uint64_t address = cursor.address();
      if (address == kNowhere) return;
      do {
        put(corner, address, bytes, 0);
        address += bytes;
      } while (next());
      return;
    }
    if (kind != kFixedArray)
      fail("has an index of its chunks that is not read", where,
           cat("files that h5py writes without libver=\"latest\" have another; ", kRewrite));
    cursor.skip(1);
    const uint64_t header = cursor.address();
    if (header == kNowhere) return;
    FixedArray array = fixed_array(header);
    do {
      Cursor entry(array.next(), path_);
      const uint64_t address = entry.address();
      const uint64_t size = array.is_filtered ? entry.number(array.entry_bytes - 12) : bytes;
      put(corner, address, size, static_cast<uint32_t>(array.is_filtered ? entry.number(4) : 0));
    } while (next());
  }

  /// Entries of chunks in their order, in pages if they are many.
  struct FixedArray {
    Cursor cursor;
    uint64_t entry_bytes = 0;
    bool is_filtered = false;
    uint64_t page = 0, left_of_page = 0;  // 0: there are no pages
    std::string_view written;  // a bit for each page that was written to, the highest of a byte first
    uint64_t page_number = 0;
    std::string nowhere;  // an entry of no chunk

    std::string_view next() {
      if (page == 0) return cursor.take(entry_bytes);
      if (left_of_page == 0) {
        cursor.skip(4);  // the checksum of what came before
        left_of_page = page;
        ++page_number;
      }
      --left_of_page;
      const std::string_view entry = cursor.take(entry_bytes);
      const uint64_t place = page_number - 1;
      const bool is_written = (static_cast<unsigned char>(written[place / 8]) & (0x80U >> place % 8)) != 0;
      return is_written ? entry : std::string_view(nowhere);
    }
  };

  FixedArray fixed_array(uint64_t header) {
    Cursor cursor = at(header);
    cursor.expect(std::string_view("FAHD\0", 5));
    FixedArray array{.cursor = Cursor({}, path_)};
    array.is_filtered = cursor.number(1) == 1;
    array.entry_bytes = cursor.number(1);
    const uint64_t page_bits = cursor.number(1), entries = cursor.number(8);
    if (page_bits > 40 || array.entry_bytes < (array.is_filtered ? 13U : 8U)) cursor.malformed();
    array.cursor = at(cursor.address());
    array.cursor.expect(std::string_view("FADB\0", 5));
    array.cursor.skip(1 + 8);  // what it holds; the header's address
    const uint64_t page = uint64_t{1} << page_bits;
    if (entries > page) {
      array.page = page;
      array.written = array.cursor.take(((entries + page - 1) / page + 7) / 8);
      array.nowhere.assign(array.entry_bytes, '\xff');
    }
    return array;
  }

  /// Copies what of a chunk lies within the array: runs of what is in one piece on both sides.
  static void put_chunk(const Chunks& chunks, const std::string& bytes, const std::vector<uint64_t>& corner,
                        const Element& element, Array& array) {
    const size_t axes = corner.size();
    const Shape& shape = array.shape();
    std::vector<int64_t> count(axes), index(axes, 0);
    for (size_t axis = 0; axis < axes; ++axis) {
      if (corner[axis] >= static_cast<uint64_t>(shape[axis])) return;
      count[axis] = std::min(chunks.shape[axis], shape[axis] - static_cast<int64_t>(corner[axis]));
    }
    size_t outer = axes - 1;  // axes that are gone through
    int64_t run = count[outer] * element.size;
    while (outer > 0 && chunks.shape[outer] == shape[outer]) run *= count[--outer];
    std::byte* data = array.mutable_data();
    while (true) {
      int64_t from = 0, to = 0;
      for (size_t axis = 0; axis < axes; ++axis) {
        from = from * chunks.shape[axis] + index[axis];
        to = to * shape[axis] + static_cast<int64_t>(corner[axis]) + index[axis];
      }
      std::memcpy(data + to * element.size, bytes.data() + from * element.size, static_cast<size_t>(run));
      size_t axis = outer;
      while (axis > 0 && ++index[axis - 1] == count[axis - 1]) index[--axis] = 0;
      if (axis == 0) return;
    }
  }

  const MappedFile& file_;
  const std::string& path_;
  bool may_grow_ = false;  // the array whose shape was read last
  Strings strings_;
  uint64_t visits_ = 0;
  std::map<std::string, Array> arrays_;
};

}  // namespace

std::map<std::string, Array> read_hdf5(const std::string& path, Strings strings) {
  const MappedFile file = map_file(path);
  return Reader(file, path, strings).read();
}

}  // namespace keratin::trainer
