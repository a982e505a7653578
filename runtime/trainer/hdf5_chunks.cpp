// Chunks are found by a B-tree of their corners (version 3 of the layout message), or by the ways of HDF5 1.10 for those whose number is
// known (version 4): a single one; one after the other; an array of their addresses, in pages if they are many.
#include "runtime/trainer/hdf5_chunks.h"

#include <algorithm>
#include <cstring>

#include "runtime/trainer/deflate.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {

/// Entries of chunks in their order.
class Hdf5Chunks::FixedArray {
 public:
  /// `header`: of the array.
  FixedArray(Hdf5File& file, Hdf5Cursor header) : file_(file), cursor_(file.cursor({})) {
    header.expect(std::string_view("FAHD\0", 5));
    is_filtered_ = header.number(1) == 1;
    entry_bytes_ = header.number(1);
    const uint64_t page_bits = header.number(1), entries = header.number(8);
    if (page_bits > 40 || entry_bytes_ < (is_filtered_ ? 13U : 8U)) header.malformed();
    cursor_ = file.at(header.address());
    cursor_.expect(std::string_view("FADB\0", 5));
    cursor_.skip(1 + 8);  // what it holds; the header's address
    const uint64_t page = uint64_t{1} << page_bits;
    if (entries > page) {
      page_ = page;
      written_ = cursor_.take(((entries + page - 1) / page + 7) / 8);
      nowhere_.assign(entry_bytes_, '\xff');
    }
  }

  bool is_filtered() const { return is_filtered_; }
  /// Of an entry that says so.
  size_t size_bytes() const { return entry_bytes_ - 12; }
  Hdf5Cursor next() { return file_.cursor(next_entry()); }

 private:
  std::string_view next_entry() {
    if (page_ == 0) return cursor_.take(entry_bytes_);
    if (left_of_page_ == 0) {
      cursor_.skip(4);  // the checksum of what came before
      left_of_page_ = page_;
      ++page_number_;
    }
    --left_of_page_;
    const std::string_view entry = cursor_.take(entry_bytes_);
    const uint64_t place = page_number_ - 1;
    const bool is_written = (static_cast<unsigned char>(written_[place / 8]) & (0x80U >> place % 8)) != 0;
    return is_written ? entry : std::string_view(nowhere_);
  }

  const Hdf5File& file_;
  Hdf5Cursor cursor_;
  uint64_t entry_bytes_ = 0;
  bool is_filtered_ = false;
  uint64_t page_ = 0, left_of_page_ = 0;  // 0: there are no pages
  std::string_view written_;  // a bit for each page that was written to, the highest of a byte first
  uint64_t page_number_ = 0;
  std::string nowhere_;  // an entry of no chunk
};

Hdf5Chunks::Hdf5Chunks(Hdf5File& file, Hdf5Cursor layout, uint64_t version,
                       std::optional<std::string_view> filters, size_t axes, int64_t element_bytes,
                       std::string where)
    : file_(file),
      layout_(layout),
      version_(version),
      axes_(axes),
      element_bytes_(element_bytes),
      where_(std::move(where)) {
  if (version_ == 3) {
    const uint64_t rank = layout_.number(1);
    tree_ = layout_.address();
    read_shape(rank, 4);
  } else {
    flags_ = layout_.number(1);
    const uint64_t rank = layout_.number(1), width = layout_.number(1);
    read_shape(rank, width);
  }
  if (filters) read_filters(file_.cursor(*filters));
  check_filters(filters_, where_);
}

void Hdf5Chunks::fail(const std::string& message, const std::string& hint) const {
  throw Error(ErrorKind::data, message, where_, hint);
}

/// `rank` counts the element's bytes as an axis.
void Hdf5Chunks::read_shape(uint64_t rank, size_t width) {
  if (rank != axes_ + 1 || axes_ == 0) fail("is damaged: its chunks have other axes");
  for (size_t axis = 0; axis < rank; ++axis) shape_.push_back(static_cast<int64_t>(layout_.number(width)));
  if (shape_.back() != element_bytes_) fail("is damaged: its chunks have other elements");
  const std::optional<int64_t> bytes = byte_count(DType::u8, shape_);
  if (!bytes || *bytes == 0 || *bytes > UINT32_MAX) fail("is damaged: its chunks have an impossible shape");
  bytes_ = static_cast<uint64_t>(*bytes);
}

void Hdf5Chunks::read_filters(Hdf5Cursor cursor) {
  constexpr uint64_t kFirstNamed = 256;  // those before have no names in version 2
  const uint64_t version = cursor.number(1), count = cursor.number(1);
  if (version < 1 || version > 2) cursor.malformed();
  if (version == 1) cursor.skip(6);
  filters_.resize(count);
  for (Hdf5Filter& filter : filters_) {
    filter.id = static_cast<uint16_t>(cursor.number(2));
    const uint64_t name = version == 1 || filter.id >= kFirstNamed ? cursor.number(2) : 0;
    cursor.skip(2);
    const uint64_t parameters = cursor.number(2);
    cursor.skip(version == 1 ? (name + 7) / 8 * 8 : name);
    for (uint64_t i = 0; i < parameters; ++i)
      filter.parameters.push_back(static_cast<uint32_t>(cursor.number(4)));
    if (version == 1 && parameters % 2 != 0) cursor.skip(4);
  }
}

void Hdf5Chunks::read_into(Array& array, bool may_grow) {
  if (version_ != 3)
    read_index(array, may_grow);
  else if (tree_ != kHdf5Nowhere)
    read_tree(tree_, {}, array);
}

void Hdf5Chunks::read_tree(uint64_t address, std::optional<uint64_t> wanted_level, Array& array) {
  Hdf5Cursor cursor = file_.at(address);
  cursor.expect(std::string_view("TREE\1", 5));
  const uint64_t level = cursor.number(1), entries = cursor.number(2);
  if (wanted_level && level != *wanted_level) cursor.malformed();
  cursor.skip(2 * 8);  // siblings
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t size = cursor.number(4);
    const auto skipped = static_cast<uint32_t>(cursor.number(4));
    Corner corner;
    for (size_t axis = 0; axis < axes_; ++axis) corner.push_back(cursor.number(8));
    cursor.skip(8);
    const uint64_t child = cursor.address();
    if (level > 0)
      read_tree(child, level - 1, array);
    else
      read_chunk(corner, child, size, skipped, array);
  }
}

bool Hdf5Chunks::advance(Corner& corner, const Shape& shape) const {
  for (size_t axis = axes_; axis-- > 0; corner[axis] = 0)
    if ((corner[axis] += static_cast<uint64_t>(shape_[axis])) < static_cast<uint64_t>(shape[axis]))
      return true;
  return false;
}

void Hdf5Chunks::read_index(Array& array, bool may_grow) {
  enum : uint64_t { kSingle = 1, kImplicit = 2, kFixedArray = 3 };
  constexpr uint64_t kEndsDiffer = 1, kSingleIsFiltered = 2;
  const uint64_t kind = layout_.number(1);
  if ((flags_ & kEndsDiffer) != 0)
    fail("has chunks at its end that are stored in another way, which is not read");
  Corner corner(axes_, 0);
  if (kind == kSingle) {
    const bool is_filtered = (flags_ & kSingleIsFiltered) != 0;
    const uint64_t size = is_filtered ? layout_.number(8) : bytes_;
    const auto skipped = static_cast<uint32_t>(is_filtered ? layout_.number(4) : 0);
    return read_chunk(corner, layout_.address(), size, skipped, array);
  }
  if (may_grow && (kind == kImplicit || kind == kFixedArray))
    fail("may grow, and its chunks are numbered for that, which is not read",
         cat("files that h5py writes without libver=\"latest\" have another index; ", kHdf5Rewrite));
  if (kind == kImplicit) {
    uint64_t address = layout_.address();
    if (address == kHdf5Nowhere) return;
    do {
      read_chunk(corner, address, bytes_, 0, array);
      address += bytes_;
    } while (advance(corner, array.shape()));
    return;
  }
  if (kind != kFixedArray)
    fail("has an index of its chunks that is not read",
         cat("files that h5py writes without libver=\"latest\" have another; ", kHdf5Rewrite));
  layout_.skip(1);
  const uint64_t header = layout_.address();
  if (header == kHdf5Nowhere) return;
  FixedArray entries(file_, file_.at(header));
  do {
    Hdf5Cursor entry = entries.next();
    const uint64_t address = entry.address();
    const uint64_t size = entries.is_filtered() ? entry.number(entries.size_bytes()) : bytes_;
    const auto skipped = static_cast<uint32_t>(entries.is_filtered() ? entry.number(4) : 0);
    read_chunk(corner, address, size, skipped, array);
  } while (advance(corner, array.shape()));
}

void Hdf5Chunks::read_chunk(const Corner& corner, uint64_t address, uint64_t size, uint32_t skipped,
                            Array& array) {
  if (address == kHdf5Nowhere) return;
  if ((filters_.empty() && size != bytes_) || !may_inflate_to(bytes_, size)) layout_.malformed();
  put(unfiltered(file_.at(address).take(size), filters_, skipped, bytes_, where_), corner, array);
}

/// Copies what of a chunk lies within the array: runs of what is in one piece on both sides.
void Hdf5Chunks::put(const std::string& bytes, const Corner& corner, Array& array) const {
  const Shape& shape = array.shape();
  std::vector<int64_t> count(axes_), index(axes_, 0);
  for (size_t axis = 0; axis < axes_; ++axis) {
    if (corner[axis] >= static_cast<uint64_t>(shape[axis])) return;
    count[axis] = std::min(shape_[axis], shape[axis] - static_cast<int64_t>(corner[axis]));
  }
  size_t outer = axes_ - 1;  // axes that are gone through
  int64_t run = count[outer] * element_bytes_;
  while (outer > 0 && shape_[outer] == shape[outer]) run *= count[--outer];
  std::byte* data = array.mutable_data();
  while (true) {
    int64_t from = 0, to = 0;
    for (size_t axis = 0; axis < axes_; ++axis) {
      from = from * shape_[axis] + index[axis];
      to = to * shape[axis] + static_cast<int64_t>(corner[axis]) + index[axis];
    }
    std::memcpy(data + to * element_bytes_, bytes.data() + from * element_bytes_, static_cast<size_t>(run));
    size_t axis = outer;
    while (axis > 0 && ++index[axis - 1] == count[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

}  // namespace keratin::trainer
