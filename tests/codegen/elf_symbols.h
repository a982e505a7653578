// The symbol table of an ELF file, as much of it as tests ask for.
#pragma once

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace keratin {

struct ElfSymbols {
  std::set<std::string> undefined, global;  ///< global: defined, not hidden

  /// `type`: SHT_SYMTAB or SHT_DYNSYM.
  ElfSymbols(const std::string& path, uint32_t type) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto at = [&]<typename T>(size_t offset, T) {
      T value;
      EXPECT_LE(offset + sizeof value, bytes.size());
      std::memcpy(&value, bytes.data() + offset, sizeof value);
      return value;
    };
    const auto header = at(0, Elf64_Ehdr{});
    for (size_t s = 0; s < header.e_shnum; ++s) {
      const auto section = at(header.e_shoff + s * sizeof(Elf64_Shdr), Elf64_Shdr{});
      if (section.sh_type != type) continue;
      const auto names = at(header.e_shoff + section.sh_link * sizeof(Elf64_Shdr), Elf64_Shdr{});
      for (size_t i = 1; i < section.sh_size / sizeof(Elf64_Sym); ++i) {
        const auto symbol = at(section.sh_offset + i * sizeof(Elf64_Sym), Elf64_Sym{});
        if (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL) continue;
        const std::string name = bytes.data() + names.sh_offset + symbol.st_name;
        if (symbol.st_shndx == SHN_UNDEF)
          undefined.insert(name);
        else if (ELF64_ST_VISIBILITY(symbol.st_other) == STV_DEFAULT)
          global.insert(name);
      }
    }
  }
};

}  // namespace keratin
