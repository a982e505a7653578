// Artefacts made, linked and loaded by tests; memory that faults beside its ends.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "codegen/emit.h"
#include "codegen/link.h"
#include "runtime/abi.h"

namespace keratin {

/// A folder that goes away.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "keratin.XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, const void* data, size_t size) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(std::fwrite(data, 1, size, file), size);
  ASSERT_EQ(std::fclose(file), 0);
}

/// Writes the object of `module` and returns its path.
inline std::string write_object(const KernelModule& module, const Target& target,
                                const TemporaryFolder& folder, const EmitOptions& options = {},
                                EntrySpec entry = {}) {
  if (entry.prefix.empty()) entry.prefix = "model";
  const LevelKernels level{target, module};
  const std::vector<std::byte> object = emit_object(std::span(&level, 1), options, entry);
  const std::string path = folder / (entry.prefix + ".object");
  write_file(path, object.data(), object.size());
  return path;
}

/// A module's artefact, loaded.
class LoadedArtefact {
 public:
  explicit LoadedArtefact(const KernelModule& module, const Target& target, const EmitOptions& options = {}) {
    const std::string library = folder_ / "model.so";
    link_artefact(".so", write_object(module, target, folder_, options), library, "model.so", "model",
                  target);
    library_ = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library_, nullptr) << dlerror();
    info_ = symbol<const keratin_info*()>("keratin_info")();
  }
  const keratin_info& info() const { return *info_; }
  template <typename Function>
  Function* symbol(const char* name) const {
    return reinterpret_cast<Function*>(dlsym(library_, name));
  }

 private:
  TemporaryFolder folder_;
  void* library_ = nullptr;  // stays: -z nodelete
  const keratin_info* info_ = nullptr;
};

/// Bytes between two pages that fault when they are touched; the bytes end where the second page begins, or begin where
/// the first one ends.
class GuardedMemory {
 public:
  GuardedMemory(size_t bytes, bool at_end) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t inside = (bytes + page - 1) / page * page;
    total_ = inside + 2 * page;
    start_ = static_cast<std::byte*>(mmap(nullptr, total_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_EQ(mprotect(start_ + page, inside, PROT_READ | PROT_WRITE), 0);
    data_ = at_end ? start_ + page + inside - bytes : start_ + page;
  }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  ~GuardedMemory() { munmap(start_, total_); }
  std::byte* data() const { return data_; }

 private:
  std::byte *start_, *data_;
  size_t total_;
};

}  // namespace keratin
