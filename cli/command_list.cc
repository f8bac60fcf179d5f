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

std::vector<const CommandSpec*> commands_of(std::string_view noun) {
  std::vector<const CommandSpec*> list;
  for (const CommandSpec* command : kCommands) {
    if (command->name.size() > noun.size() && command->name.starts_with(noun) && command->name[noun.size()] == ' ') list.push_back(command);
  }
  return list;
}

std::string_view verb_of(const CommandSpec& command) { return command.name.substr(command.name.find(' ') + 1); }

}  // namespace omni::cli
