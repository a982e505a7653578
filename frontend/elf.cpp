#include "frontend/elf.h"

#include <elf.h>
#include <link.h>

#include <cstring>

#include "frontend/file.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// One behind the last byte of `count` things of `size` bytes from `offset` on; all ones if that is too far.
uint64_t end_of(uint64_t offset, uint64_t count, uint64_t size) {
  uint64_t end;
  return __builtin_mul_overflow(count, size, &end) || __builtin_add_overflow(end, offset, &end) ? UINT64_MAX
                                                                                                : end;
}

}  // namespace

void expect_whole_elf(const std::string& path, const std::string& hint) {
  const std::string bytes = read_file(path);
  const auto expect = [&](bool holds, const char* otherwise) {
    if (!holds) throw Error(ErrorKind::data, otherwise, path, hint);
  };
  ElfW(Ehdr) header;
  expect(bytes.size() >= sizeof header && bytes.starts_with(ELFMAG), "is no shared object");
  std::memcpy(&header, bytes.data(), sizeof header);
  constexpr unsigned char kClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
  expect(header.e_ident[EI_CLASS] == kClass && header.e_phentsize == sizeof(ElfW(Phdr)),
         "is a shared object of another kind of machine");
  const char* truncated = "is truncated";
  expect(end_of(header.e_phoff, header.e_phnum, sizeof(ElfW(Phdr))) <= bytes.size(), truncated);
  expect(end_of(header.e_shoff, header.e_shnum, header.e_shentsize) <= bytes.size(), truncated);
  for (size_t i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment;
    std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    expect(end_of(segment.p_offset, 1, segment.p_filesz) <= bytes.size(), truncated);
  }
}

}  // namespace keratin
