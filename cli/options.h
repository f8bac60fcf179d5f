// From words to Arguments, by a command's table.
#pragma once

#include <span>
#include <string>

#include "command.h"

namespace omni::cli {

// `words` are those after the command's name. Throws Error (kInvalidArgument): unknown option with the nearest names, missing or surplus values,
// values that are not of their kind.
Arguments parse_arguments(const CommandSpec& command, std::span<const std::string> words);

// A word as a shell takes it.
std::string shell_word(const std::string& word);

}  // namespace omni::cli
