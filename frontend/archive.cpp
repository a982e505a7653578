#include "frontend/archive.h"

#include <sys/stat.h>
#include <zip.h>

#include <algorithm>
#include <filesystem>

#include "frontend/file.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {

namespace {

[[noreturn]] void fail(const std::string& message, const std::string& where) {
  throw Error(ErrorKind::data, message, where);
}

/// Such a name would leave the folder, or mean another file on another system.
bool leaves_folder(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\\') != std::string_view::npos) return true;
  for (size_t start = 0; start <= name.size();) {
    const size_t end = std::min(name.find('/', start), name.size());
    if (name.substr(start, end - start) == "..") return true;
    start = end + 1;
  }
  return false;
}

/// libzip's own words for an error.
class ZipError {
 public:
  ZipError() { zip_error_init(&error_); }
  ZipError(const ZipError&) = delete;
  ~ZipError() { zip_error_fini(&error_); }
  zip_error_t* get() { return &error_; }
  bool is(int code) const { return zip_error_code_zip(&error_) == code; }
  std::string text() { return zip_error_strerror(&error_); }

 private:
  zip_error_t error_;
};

zip_stat_t status_of(zip* archive, uint64_t index, const std::string& where) {
  zip_stat_t status;
  zip_stat_init(&status);
  constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat_index(archive, index, 0, &status) != 0 || (status.valid & needed) != needed) {
    fail("malformed zip entry", where);
  }
  return status;
}

}  // namespace

void Archive::Close::operator()(zip* archive) const { zip_discard(archive); }

bool Archive::is_zip(std::string_view bytes) { return bytes.substr(0, 2) == "PK"; }

Archive Archive::open(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    Archive archive;
    archive.where_ = path;
    archive.is_folder_ = true;
    return archive;
  }
  return from_zip(read_file(path), path);
}

Archive Archive::from_zip(std::string bytes, const std::string& where) {
  Archive archive;
  archive.where_ = where;
  archive.bytes_ = std::make_unique<const std::string>(std::move(bytes));
  if (archive.bytes_->empty()) fail("is empty", where);  // libzip takes it for an archive without members
  ZipError error;
  zip_source_t* source =
      zip_source_buffer_create(archive.bytes_->data(), archive.bytes_->size(), 0, error.get());
  if (!source) fail(cat("cannot be read (", error.text(), ")"), where);
  archive.zip_.reset(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, error.get()));
  if (!archive.zip_) {
    zip_source_free(source);
    if (error.is(ZIP_ER_EXISTS)) fail("a zip entry occurs twice", where);
    fail(cat("not a complete zip file (", error.text(), ")"), where);
  }

  const zip_int64_t entries = zip_get_num_entries(archive.zip_.get(), 0);
  for (zip_int64_t i = 0; i < entries; ++i) {
    const char* name = zip_get_name(archive.zip_.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
    if (!name) fail("malformed zip entry", where);
    if (leaves_folder(name)) fail(cat("zip entry with the name ", keratin::quoted(name)), where);
    if (!archive.index_.emplace(name, i).second)
      fail(cat("zip entry ", keratin::quoted(name), " occurs twice"), where);
  }
  return archive;
}

bool Archive::has(const std::string& name) const {
  if (!is_folder_) return index_.count(name) != 0;
  struct stat status;
  return ::lstat(cat(where_, "/", name).c_str(), &status) == 0;
}

std::vector<std::string> Archive::names() const {
  std::vector<std::string> names;
  for (const auto& [name, index] : index_) names.push_back(name);
  return names;
}

std::vector<std::string> Archive::assets() const {
  constexpr std::string_view kFolder = "assets";
  std::vector<std::string> found;
  for (const auto& [name, index] : index_)
    if (name.starts_with(cat(kFolder, "/")) && !name.ends_with('/')) found.push_back(name);
  namespace fs = std::filesystem;
  if (is_folder_ && has(std::string(kFolder)))
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(fs::path(where_) / kFolder))
      if (!entry.is_directory()) found.push_back(entry.path().lexically_relative(where_).generic_string());
  std::sort(found.begin(), found.end());
  return found;
}

uint64_t Archive::total_bytes() const {
  uint64_t total = 0;
  for (const auto& [name, index] : index_) {
    if (__builtin_add_overflow(total, status_of(zip_.get(), index, where(name)).size, &total))
      return UINT64_MAX;
  }
  return total;
}

uint64_t Archive::max_member_bytes() const {
  return is_folder_ ? UINT64_MAX : (uint64_t{64} << 20) + 4 * uint64_t{bytes_->size()};
}

std::string Archive::where(const std::string& name) const {
  return cat(where_, is_folder_ ? "/" : ":", name);
}

std::string Archive::read(const std::string& name, uint64_t max_bytes) const {
  if (!has(name)) fail(cat("has no ", name), where_);
  const std::string here = where(name);
  if (is_folder_) {
    std::string bytes = read_file_in(where_, name);
    if (bytes.size() > max_bytes)
      fail(cat("has ", bytes.size(), " bytes; at most ", max_bytes, " are read"), here);
    return bytes;
  }

  const uint64_t index = index_.at(name);
  const zip_stat_t status = status_of(zip_.get(), index, here);
  if (status.encryption_method != ZIP_EM_NONE) fail("is encrypted", here);
  if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
    fail(cat("is compressed by method ", status.comp_method, "; stored and deflated members are read"), here);
  }
  if (status.size > max_bytes)
    fail(cat("claims ", status.size, " bytes; at most ", max_bytes, " are read"), here);

  struct CloseMember {
    void operator()(zip_file_t* member) const { zip_fclose(member); }
  };
  const std::unique_ptr<zip_file_t, CloseMember> member(zip_fopen_index(zip_.get(), index, 0));
  if (!member) fail(cat("cannot be read (", zip_strerror(zip_.get()), ")"), here);
  std::string bytes(status.size, '\0');
  for (size_t done = 0;;) {
    // The read that meets the end is the one that compares the checksum: one more byte is asked for.
    char beyond;
    const bool full = done == bytes.size();
    const zip_int64_t n =
        zip_fread(member.get(), full ? &beyond : bytes.data() + done, full ? 1 : bytes.size() - done);
    if (n < 0) fail(cat("is damaged (", zip_file_strerror(member.get()), ")"), here);
    if (n == 0 && full) return bytes;
    if (n == 0 || full) fail("is not as long as the zip directory says", here);
    done += static_cast<size_t>(n);
  }
}

std::string make_zip(const std::vector<std::pair<std::string, std::string>>& members) {
  if (members.empty()) return std::string("PK\5\6", 4) + std::string(18, '\0');  // libzip writes no file then
  ZipError error;
  const auto check = [&](bool ok) {
    if (!ok) throw Error(ErrorKind::io, cat("cannot make a zip file (", error.text(), ")"));
  };
  zip_source_t* buffer = zip_source_buffer_create(nullptr, 0, 0, error.get());
  check(buffer);
  zip_source_keep(buffer);  // closing the archive releases one reference; the bytes are read afterwards
  struct Free {
    void operator()(zip_source_t* source) const { zip_source_free(source); }
  };
  const std::unique_ptr<zip_source_t, Free> owned(buffer);
  zip* archive = zip_open_from_source(buffer, ZIP_TRUNCATE, error.get());
  if (!archive) zip_source_free(buffer);
  check(archive);
  std::unique_ptr<zip, void (*)(zip*)> guard(archive, [](zip* a) { zip_discard(a); });
  const auto check_archive = [&](bool ok) {
    if (!ok) throw Error(ErrorKind::io, cat("cannot make a zip file (", zip_strerror(archive), ")"));
  };
  constexpr zip_uint16_t first_day = (1 << 5) | 1;  // 1980-01-01, the earliest date that zip can hold
  for (const auto& [name, bytes] : members) {
    zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    check_archive(source);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) zip_source_free(source);
    check_archive(index >= 0);
    const auto at = static_cast<zip_uint64_t>(index);
    check_archive(zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) == 0);
    check_archive(zip_file_set_dostime(archive, at, 0, first_day, 0) == 0);
  }
  check_archive(zip_close(archive) == 0);
  guard.release();

  zip_stat_t status;
  zip_stat_init(&status);
  check(zip_source_stat(buffer, &status) == 0 && zip_source_open(buffer) == 0);
  std::string bytes(status.size, '\0');
  const zip_int64_t n = zip_source_read(buffer, bytes.data(), bytes.size());
  zip_source_close(buffer);
  check(n == static_cast<zip_int64_t>(bytes.size()));
  return bytes;
}

ZipMember last_member(std::string_view zip, const std::vector<std::pair<std::string, std::string>>& members) {
  const auto number = [&](uint64_t at) {  // two bytes
    return static_cast<unsigned char>(zip[at]) | static_cast<unsigned char>(zip[at + 1]) << 8;
  };
  const auto expect = [&](uint64_t at, std::string_view signature) {
    KERATIN_CHECK(zip.substr(at, 4) == signature, cat("no zip record at ", at));
  };
  ZipMember last{};
  uint64_t at = 0;
  for (const auto& [name, bytes] : members) {
    expect(at, "PK\3\4");
    KERATIN_CHECK((number(at + 6) & 8) == 0, "the checksum is behind the bytes");
    last.checksums[0] = at + 14;
    last.offset = at + 30 + static_cast<uint64_t>(number(at + 26) + number(at + 28));
    last.bytes = bytes.size();
    at = last.offset + last.bytes;
  }
  for (size_t i = 0; i < members.size(); ++i) {
    expect(at, "PK\1\2");
    last.checksums[1] = at + 16;
    at += 46 + static_cast<uint64_t>(number(at + 28) + number(at + 30) + number(at + 32));
  }
  KERATIN_CHECK(zip.substr(last.checksums[0], 4) == zip.substr(last.checksums[1], 4), "two checksums");
  return last;
}

}  // namespace keratin
