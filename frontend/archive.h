// A read-only view of a zip file, in memory, or of a folder with the same members as plain files.
//
// Members are read whole, by exact name; nothing is extracted. Refused: truncated or inconsistent files, checksums that
// do not match, encryption, methods other than stored and deflated, names that occur twice or leave the folder, and
// members that claim more than a bound.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct zip;

namespace keratin {

class Archive {
 public:
  /// Opens what is at `path`: a folder, else a zip file. Throws Error(no_input) or Error(data).
  static Archive open(const std::string& path);
  /// A zip file's bytes; `where` is its name in errors.
  static Archive from_zip(std::string bytes, const std::string& where);
  static bool is_zip(std::string_view bytes);  ///< begins like one

  bool has(const std::string& name) const;
  std::vector<std::string> names() const;  ///< a zip's members, sorted; of a folder none
  std::vector<std::string> assets()
      const;  ///< the files in the folder "assets", sorted, with their paths: "assets/…"
  /// Throws Error(data) if there is no such member or it is malformed or longer than `max_bytes`.
  std::string read(const std::string& name, uint64_t max_bytes) const;
  uint64_t total_bytes() const;  ///< the sum of the lengths that a zip's members claim
  /// A bound for read() that no honest model exceeds: 64 MiB and four times the zip file; for a folder none.
  uint64_t max_member_bytes() const;

  /// "model.keras:config.json"
  std::string where(const std::string& name) const;

 private:
  struct Close {
    void operator()(zip* archive) const;
  };

  std::string where_;
  bool is_folder_ = false;
  std::unique_ptr<const std::string> bytes_;  // libzip reads from here: at a fixed address
  std::unique_ptr<zip, Close> zip_;
  std::map<std::string, uint64_t> index_;  // member → its number
};

/// A zip file of stored (not compressed) members. Equal members give equal bytes.
std::string make_zip(const std::vector<std::pair<std::string, std::string>>& members);

/// Where in such a file the last member is, and the two places of its CRC-32.
struct ZipMember {
  uint64_t offset, bytes;
  uint64_t checksums[2];
};
/// Requires: `zip` is what make_zip() made of `members`.
ZipMember last_member(std::string_view zip, const std::vector<std::pair<std::string, std::string>>& members);

}  // namespace keratin
