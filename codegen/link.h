// Objects to artefact files, without a linker where models are compiled: LLD and LLVM's tools as libraries.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "codegen/target.h"

namespace keratin {

/// Makes an artefact of kind ".so", ".o" or ".a" of the object that emit_object() gave. It holds the runtime and exports
/// PREFIX_… alone (a shared object: keratin_info too). `name`: the file's final name. For a target of another kind than
/// this machine the runtime stays outside: .o and .a ask for krt_…, which is in the runtime's sources.
/// Throws Error: unsupported (a shared object for such a target), no_input (the runtime is not installed), io.
void link_artefact(const std::string& kind, const std::string& object, const std::string& output,
                   const std::string& name, const std::string& prefix, const Target& target);

/// A stretch of a file.
struct FileStretch {
  uint64_t offset = 0, bytes = 0;
};
/// Where in a shared object the data are that a symbol stands for; not exported ones count, too. Of symbols that have no size, it is 0.
FileStretch find_data(const std::string& shared_object, const std::string& symbol);
/// Where its own name is written.
FileStretch find_soname(const std::string& shared_object, const std::string& soname);

/// An executable of the objects that emit_trainer_object() and emit_exports_object() gave and the prebuilt trainer. `name`: the file's final name.
/// Throws Error: unsupported (another kind of machine), no_input (trainer.o or the system's libc is not installed), io.
void link_trainer(const std::vector<std::string>& objects, const std::string& output, const std::string& name,
                  const Target& target);

/// A shared object of objects and archives. Symbols of archives are hidden; nothing else is linked.
void link_shared(std::span<const std::string> inputs, const std::string& output, const std::string& soname);
/// One relocatable object of objects and archives; only symbols that start with `prefix`_ stay global.
void link_relocatable(std::span<const std::string> inputs, const std::string& output,
                      const std::string& prefix);
/// An archive of one object, called `member` in it.
void write_archive(const std::string& object, const std::string& output, const std::string& member);

/// A part of the runtime, libkeratin_rt.a or trainer.o: in the folder that the environment variable KERATIN_LIB names, otherwise in
/// lib/keratin beside the folder of the running program or of the library that this is part of.
std::string find_runtime(std::string_view file);

}  // namespace keratin
