// Help texts, made from the commands' tables.
#pragma once

#include <span>
#include <string>

#include "tools/command.h"

namespace keratin {

/// "output" of "-o,--output"; "MODEL" of "MODEL".
std::string option_key(std::string_view names);

std::string overview(std::span<const Command* const> commands);
std::string command_help(const Command& command);
/// The words' most similar to `word`, or empty if none is similar.
std::string most_similar(std::string_view word, std::span<const std::string> words);

}  // namespace keratin
