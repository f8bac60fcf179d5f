// What a command's table says, as help, man page and shell completion.
#pragma once

#include <string>
#include <string_view>

#include "command.h"

namespace omni::cli {

std::string overview_text();
// The commands of a noun.
std::string noun_text(std::string_view noun);
std::string help_text(const CommandSpec& command);
// roff, section 1; of omni itself where `command` is nullptr.
std::string man_page(const CommandSpec* command);
std::string bash_completion();
std::string zsh_completion();

}  // namespace omni::cli
