// Files of named arrays (.safetensors): the length of a JSON header, the header, the arrays' bytes.
#pragma once

#include <map>
#include <string>

#include "runtime/trainer/array.h"
#include "runtime/trainer/file.h"

namespace keratin::trainer {

/// Texts that a file holds beside its arrays, by name.
using Metadata = std::map<std::string, std::string>;

/// Views of the mapped file. The arrays must fill it, without gaps or overlaps. Throws Error(no_input) or Error(data).
std::map<std::string, Array> read_safetensors(const std::string& path, Metadata* metadata = nullptr);

/// Equal arrays give equal files.
void write_safetensors(StagedFile& file, const std::map<std::string, Array>& arrays,
                       const Metadata& metadata = {});

}  // namespace keratin::trainer
