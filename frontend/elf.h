// Shared objects, before the dynamic linker sees them.
#pragma once

#include <string>

namespace keratin {

/// The dynamic linker maps what a file's headers say: behind the end of a truncated one, the process dies.
/// Throws Error(no_input) if the file cannot be read, Error(data) if it is no ELF file of this machine's kind or not whole.
/// `hint`: how such a file is made.
void expect_whole_elf(const std::string& path, const std::string& hint);

}  // namespace keratin
