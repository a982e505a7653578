// Whole files: read into memory, written so that a reader sees the old content or the new, never a part.
#pragma once

#include <string>
#include <string_view>

namespace keratin {

/// The bytes of a regular file. Throws Error(no_input) if it is missing, unreadable or no regular file.
std::string read_file(const std::string& path);

/// Like read_file(folder + "/" + name), but refuses a symbolic link: what a stranger's folder holds stays in it.
std::string read_file_in(const std::string& folder, const std::string& name);

/// Writes a file beside `path`, makes it durable and renames it to `path`. Throws Error(cannot_create) or Error(io)
/// and then leaves what was at `path`.
void write_file(const std::string& path, std::string_view bytes);

}  // namespace keratin
