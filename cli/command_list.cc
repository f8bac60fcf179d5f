#include "command.h"

namespace omni::cli {

#define OMNI_COMMAND(name) extern const CommandSpec name;
#include "command_list.inc"
#undef OMNI_COMMAND

namespace {

#define OMNI_COMMAND(name) &name,
constexpr const CommandSpec* kCommands[] = {
#include "command_list.inc"
};
#undef OMNI_COMMAND

}  // namespace

std::span<const CommandSpec* const> commands() { return kCommands; }

const CommandSpec* find_command(std::string_view name) {
  for (const CommandSpec* command : kCommands) {
    if (command->name == name) return command;
  }
  return nullptr;
}

}  // namespace omni::cli
