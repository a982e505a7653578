// minizip walks the directory and inflates. It works on the mapped file through the functions below, which know the file's
// end, so no offset of a malformed file leads outside. Stored members are not read through it: only their place is asked for.
#include "runtime/trainer/npz.h"

#include <minizip/unzip.h>
#include <minizip/zip.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "runtime/trainer/deflate.h"
#include "runtime/trainer/error.h"
#include "runtime/trainer/file.h"
#include "runtime/trainer/npy.h"
#include "runtime/trainer/text.h"

namespace keratin::trainer {
namespace {

[[noreturn]] void fail(const std::string& message, const std::string& where) {
  throw Error(ErrorKind::data, message, where);
}

/// Bytes as a file for minizip.
struct Reader {
  std::string_view bytes;
  uint64_t at = 0;
};

zlib_filefunc64_def reading(Reader& reader) {
  zlib_filefunc64_def functions;
  functions.opaque = &reader;
  functions.zopen64_file = [](voidpf opaque, const void*, int) { return opaque; };
  functions.zread_file = [](voidpf, voidpf stream, void* out, uLong size) {
    auto& from = *static_cast<Reader*>(stream);
    const std::string_view rest = from.bytes.substr(std::min<size_t>(from.at, from.bytes.size()), size);
    if (!rest.empty()) std::memcpy(out, rest.data(), rest.size());
    from.at += rest.size();
    return uLong{rest.size()};
  };
  functions.zwrite_file = [](voidpf, voidpf, const void*, uLong) { return uLong{0}; };
  functions.ztell64_file = [](voidpf, voidpf stream) -> ZPOS64_T { return static_cast<Reader*>(stream)->at; };
  functions.zseek64_file = [](voidpf, voidpf stream, ZPOS64_T offset, int origin) -> long {
    auto& from = *static_cast<Reader*>(stream);
    const uint64_t base = origin == ZLIB_FILEFUNC_SEEK_CUR   ? from.at
                          : origin == ZLIB_FILEFUNC_SEEK_END ? from.bytes.size()
                                                             : 0;
    if (base + offset > from.bytes.size() || base + offset < base) return -1;
    from.at = base + offset;
    return 0;
  };
  functions.zclose_file = [](voidpf, voidpf) { return 0; };
  functions.zerror_file = [](voidpf, voidpf) { return 0; };
  return functions;
}

struct Member {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};

Member inflated(unzFile zip, uint64_t size, uint64_t compressed_size, const std::string& where) {
  if (!may_inflate_to(size, compressed_size))
    fail(cat("claims ", size, " bytes in ", compressed_size, " compressed ones"), where);
  const auto array = std::make_shared<Array>(DType::u8, Shape{static_cast<int64_t>(size) + 1});
  auto* bytes = reinterpret_cast<char*>(array->mutable_data());
  for (uint64_t done = 0;;) {
    // One byte more than there should be is asked for, to see the end.
    const auto wanted = static_cast<unsigned>(std::min<uint64_t>(size + 1 - done, 1u << 30));
    const int n = wanted == 0 ? 1 : unzReadCurrentFile(zip, bytes + done, wanted);
    if (n < 0) fail("is damaged: it cannot be inflated", where);
    if (n == 0 && done == size) return {{bytes, size}, array};
    if (n == 0 || (done += static_cast<uint64_t>(n)) > size)
      fail("is damaged: it is not as long as the zip directory says", where);
  }
}

Member read_member(unzFile zip, const MappedFile& file, const std::string& where) {
  unz_file_info64 info;
  if (unzGetCurrentFileInfo64(zip, &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK)
    fail("malformed zip entry", where);
  if ((info.flag & 1) != 0) fail("is encrypted", where);
  if (info.compression_method != 0 && info.compression_method != Z_DEFLATED)
    fail(cat("is compressed by method ", info.compression_method, "; stored and deflated members are read"),
         where);
  if (info.compressed_size > file.bytes.size()) fail("is damaged: it leaves the file", where);
  if (unzOpenCurrentFile(zip) != UNZ_OK) fail("malformed zip entry", where);
  if (info.compression_method == Z_DEFLATED) {
    const Member member = inflated(zip, info.uncompressed_size, info.compressed_size, where);
    if (unzCloseCurrentFile(zip) != UNZ_OK) fail("is damaged: its checksum is wrong", where);
    return member;
  }
  const uint64_t start = unzGetCurrentFileZStreamPos64(zip);
  unzCloseCurrentFile(zip);
  if (info.compressed_size != info.uncompressed_size || start > file.bytes.size() ||
      info.compressed_size > file.bytes.size() - start)
    fail("is damaged: it leaves the file", where);
  const std::string_view bytes = file.bytes.substr(start, info.compressed_size);
  if (crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) != info.crc)
    fail("is damaged: its checksum is wrong", where);
  return {bytes, file.owner};
}

std::string member_name(unzFile zip, const std::string& where) {
  unz_file_info64 info;
  char name[1 << 16];  // lengths are 16 bits
  if (unzGetCurrentFileInfo64(zip, &info, name, sizeof name - 1, nullptr, 0, nullptr, 0) != UNZ_OK)
    fail("malformed zip entry", where);
  return {name, std::min<size_t>(info.size_filename, sizeof name - 1)};
}

}  // namespace

std::map<std::string, Array> read_npz(const std::string& path, Strings strings) {
  const MappedFile file = map_file(path);
  if (file.bytes.empty()) fail("is empty", path);
  Reader reader{file.bytes};
  zlib_filefunc64_def functions = reading(reader);
  const std::unique_ptr<void, decltype(&unzClose)> zip(unzOpen2_64(path.c_str(), &functions), &unzClose);
  if (!zip) fail("is no complete .npz file (a zip of arrays)", path);

  std::map<std::string, Array> arrays;
  int status = unzGoToFirstFile(zip.get());
  for (; status == UNZ_OK; status = unzGoToNextFile(zip.get())) {
    const std::string member = member_name(zip.get(), path);
    constexpr std::string_view suffix = ".npy";
    if (!member.ends_with(suffix)) fail(cat("holds ", quoted(member), ", which is no .npy array"), path);
    const std::string name = member.substr(0, member.size() - suffix.size());
    const std::string where = cat(path, ": array ", quoted(name));
    const Member content = read_member(zip.get(), file, where);
    if (!arrays.emplace(name, parse_npy(content.bytes, content.owner, where, strings)).second)
      fail("occurs twice", where);
  }
  if (status != UNZ_END_OF_LIST_OF_FILE) fail("is damaged: its zip directory cannot be read", path);
  return arrays;
}

namespace {

int descriptor_of(voidpf stream) { return static_cast<StagedFile*>(stream)->descriptor(); }

/// A staged file for minizip, which goes back to fill in sizes and checksums.
zlib_filefunc64_def writing(StagedFile& file) {
  zlib_filefunc64_def functions;
  functions.opaque = &file;
  functions.zopen64_file = [](voidpf opaque, const void*, int) { return opaque; };
  functions.zread_file = [](voidpf, voidpf stream, void* out, uLong size) {
    const ssize_t n = ::read(descriptor_of(stream), out, size);
    return n < 0 ? uLong{0} : static_cast<uLong>(n);
  };
  functions.zwrite_file = [](voidpf, voidpf stream, const void* bytes, uLong size) {
    try {
      static_cast<StagedFile*>(stream)->append({static_cast<const char*>(bytes), size});
      return size;
    } catch (const Error&) {  // minizip is C; it reports the short write
      return uLong{0};
    }
  };
  functions.ztell64_file = [](voidpf, voidpf stream) {
    return static_cast<ZPOS64_T>(::lseek(descriptor_of(stream), 0, SEEK_CUR));
  };
  functions.zseek64_file = [](voidpf, voidpf stream, ZPOS64_T offset, int origin) -> long {
    const int whence = origin == ZLIB_FILEFUNC_SEEK_CUR   ? SEEK_CUR
                       : origin == ZLIB_FILEFUNC_SEEK_END ? SEEK_END
                                                          : SEEK_SET;
    const auto distance = static_cast<off_t>(offset);
    return ::lseek(descriptor_of(stream), distance, whence) < 0 ? -1 : 0;
  };
  functions.zclose_file = [](voidpf, voidpf) { return 0; };
  functions.zerror_file = [](voidpf, voidpf) { return 0; };
  return functions;
}

}  // namespace

void write_npz(const std::string& path, const std::map<std::string, Array>& arrays) {
  StagedFile file(path);
  const auto check = [&](bool ok) {
    if (!ok) throw Error(ErrorKind::io, "cannot write", path);
  };
  zlib_filefunc64_def functions = writing(file);
  zipFile zip = zipOpen2_64(path.c_str(), APPEND_STATUS_CREATE, nullptr, &functions);
  check(zip != nullptr);
  std::unique_ptr<void, void (*)(void*)> guard(zip, [](void* open) { zipClose(open, nullptr); });
  zip_fileinfo info{};
  info.dosDate = (1 << 5 | 1) << 16;  // 1980-01-01, the earliest that zip can hold
  for (const auto& [name, array] : arrays) {
    const std::string header = npy_header(array.dtype(), array.shape());
    const uint64_t bytes = header.size() + static_cast<uint64_t>(array.bytes());
    constexpr uLong kUtf8Names = 1 << 11;
    check(zipOpenNewFileInZip4_64(zip, (name + ".npy").c_str(), &info, nullptr, 0, nullptr, 0, nullptr, 0, 0,
                                  0, -MAX_WBITS, DEF_MEM_LEVEL, Z_DEFAULT_STRATEGY, nullptr, 0, 0, kUtf8Names,
                                  bytes >= 0xffffffff) == ZIP_OK);
    check(zipWriteInFileInZip(zip, header.data(), static_cast<unsigned>(header.size())) == ZIP_OK);
    for (int64_t done = 0; done < array.bytes();) {
      const int64_t piece = std::min(array.bytes() - done, int64_t{1} << 26);
      check(zipWriteInFileInZip(zip, array.data() + done, static_cast<unsigned>(piece)) == ZIP_OK);
      done += piece;
    }
    check(zipCloseFileInZip(zip) == ZIP_OK);
  }
  guard.release();
  check(zipClose(zip, nullptr) == ZIP_OK);
  file.commit();
}

}  // namespace keratin::trainer
