#include "frontend/archive.h"

#include <sys/stat.h>

#include <fstream>

#include "tests/frontend/files.h"

namespace keratin {
namespace {

void expect_refused(const std::string& zip, const std::string& part) {
  expect_error(ErrorKind::data, part, [&] { Archive::from_zip(zip, "test.zip"); });
}

/// The zip file with every `from` made into `to`, which is as long.
std::string replaced(std::string zip, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = zip.find(from, at)) != std::string::npos; at += to.size())
    zip.replace(at, from.size(), to);
  return zip;
}

TEST(Archive, RoundTrip) {
  const std::string zip =
      make_zip({{"a.txt", "hello"}, {"empty", ""}, {"folder/ü", std::string(100'000, '\0')}});
  const Archive archive = Archive::from_zip(zip, "test.zip");
  EXPECT_EQ(archive.names(), (std::vector<std::string>{"a.txt", "empty", "folder/ü"}));
  EXPECT_EQ(archive.total_bytes(), 100'005u);
  EXPECT_EQ(archive.read("a.txt", 5), "hello");
  EXPECT_EQ(archive.read("empty", 0), "");
  EXPECT_EQ(archive.read("folder/ü", 1 << 20), std::string(100'000, '\0'));
  EXPECT_FALSE(archive.has("A.TXT"));
  EXPECT_FALSE(archive.has("a"));
  expect_error(ErrorKind::data, "test.zip: has no b", [&] { archive.read("b", 1); });
  expect_error(ErrorKind::data, "test.zip:a.txt: claims 5 bytes; at most 4",
               [&] { archive.read("a.txt", 4); });
}

TEST(Archive, DeflatedMembers) {
  const Archive archive = Archive::open(golden("layers/zip_deflated/model.keras"));
  EXPECT_EQ(archive.read("metadata.json", 1000).front(), '{');
}

TEST(Archive, NamesThatLeaveTheFolder) {
  for (const char* name : {"../secret", "/etc/secret", "a/../../b", "a\\b", ".."}) {
    expect_refused(make_zip({{name, "x"}}), "zip entry with the name");
  }
  for (const char* name : {"a..b/..c", "x:input"})
    EXPECT_TRUE(Archive::from_zip(make_zip({{name, "x"}}), "test").has(name));
}

TEST(Archive, NamesThatOccurTwice) {
  expect_refused(replaced(make_zip({{"aaaa", "1"}, {"bbbb", "2"}}), "bbbb", "aaaa"), "");
}

TEST(Archive, ChecksumsAndTruncation) {
  const std::string zip = make_zip({{"a", "some bytes that are checked"}});
  const Archive damaged = Archive::from_zip(replaced(zip, "some", "sume"), "test.zip");
  expect_error(ErrorKind::data, "is damaged", [&] { damaged.read("a", 100); });
  for (size_t n = 0; n < zip.size(); ++n) {
    SCOPED_TRACE(n);
    expect_refused(zip.substr(0, n), "test.zip");
  }
}

TEST(Archive, Encrypted) {
  std::string zip = make_zip({{"a", "some bytes"}});
  zip[6] |= 1;  // general purpose flags, in the member's header and in the directory
  zip[zip.find("PK\1\2") + 8] |= 1;
  const Archive archive = Archive::from_zip(zip, "test.zip");
  expect_error(ErrorKind::data, "is encrypted", [&] { archive.read("a", 100); });
}

TEST(Archive, Folder) {
  const TempFolder folder;
  std::ofstream(folder / "config.json") << "{}";
  std::filesystem::create_symlink(folder / "config.json", folder / "link.json");
  ::mkfifo((folder / "pipe").c_str(), 0600);
  const Archive archive = Archive::open(folder.path());
  EXPECT_EQ(archive.read("config.json", 100), "{}");
  EXPECT_TRUE(archive.has("link.json"));
  expect_error(ErrorKind::data, "is a symbolic link", [&] { archive.read("link.json", 100); });
  expect_error(ErrorKind::data, "has no absent", [&] { archive.read("absent", 100); });
  expect_error(ErrorKind::no_input, "no regular file", [&] { archive.read("pipe", 100); });
}

TEST(File, WriteReplacesWholly) {
  const TempFolder folder;
  write_file(folder / "f", "old");
  write_file(folder / "f", "new content");
  EXPECT_EQ(read_file(folder / "f"), "new content");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);  // nothing left aside
  expect_error(ErrorKind::cannot_create, "cannot create", [&] { write_file(folder / "absent/f", "x"); });
  expect_error(ErrorKind::cannot_create, "cannot create", [&] { write_file(folder.path(), "x"); });
  expect_error(ErrorKind::no_input, "cannot open", [&] { read_file(folder / "absent"); });
  expect_error(ErrorKind::no_input, "no regular file", [&] { read_file(folder.path()); });
}

}  // namespace
}  // namespace keratin
