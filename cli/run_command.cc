#include "run_command.h"

#include <algorithm>
#include <new>

#include "command.h"
#include "help.h"
#include "options.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidData:
    case ErrorCode::kUnsupported:
    case ErrorCode::kNotFound:
    case ErrorCode::kExists: return 2;
    case ErrorCode::kMachine:
    case ErrorCode::kInternal: return 3;
    case ErrorCode::kInterrupted: return 130;
  }
  return 3;
}

// The command that `words` begin with: one word, or a noun and its verb.
const CommandSpec& command_named(std::span<const std::string> words) {
  const std::vector<const CommandSpec*> of_noun = commands_of(words[0]);
  std::vector<std::string> known;
  if (!of_noun.empty()) {
    const std::string verb = words.size() > 1 && !words[1].starts_with('-') ? words[1] : "";
    std::string list;
    for (const CommandSpec* command : of_noun) {
      if (verb_of(*command) == verb) return *command;
      known.emplace_back(verb_of(*command));
      list += (list.empty() ? "" : ", ") + known.back();
    }
    const std::string near = did_you_mean(verb, known), where = "omni " + words[0];
    if (verb.empty()) throw Error(ErrorCode::kInvalidArgument, "what to do is missing", where, "it takes " + list);
    throw Error(ErrorCode::kInvalidArgument, "unknown command " + printable(verb), where, near.empty() ? "it takes " + list : near);
  }
  if (const CommandSpec* command = find_command(words[0])) return *command;
  known = {"help", "man", "completion"};
  for (const CommandSpec* command : commands()) {
    std::string word(command->name.substr(0, command->name.find(' ')));
    if (known.back() != word) known.push_back(std::move(word));  // commands of a noun stand together
  }
  const std::string near = did_you_mean(words[0], known);
  throw Error(ErrorCode::kInvalidArgument, "unknown command " + printable(words[0]), "omni", near.empty() ? "omni --help lists them" : near);
}

bool has_word(std::span<const std::string> words, std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); }

// help, man, completion, --version, or nothing at all; -1: something else.
int print_about(std::span<const std::string> words, Terminal& terminal) {
  const std::string first = words.empty() ? "--help" : words[0];
  const std::string second = words.size() > 1 ? words[1] : "";
  const std::span<const std::string> rest = words.empty() ? words : words.subspan(1);
  if (first == "--version") {
    if (has_word(words, "--json")) {
      Output output(terminal, "--version", {.json = true});
      output.result().set("version", version()).set("isa", chosen_isa());
      output.finish();
    } else {
      terminal.out << "omni " << version() << "\n";
    }
    return 0;
  }
  if (first == "--help" || first == "-h" || first == "help") {
    if (second.empty() || first != "help") {
      terminal.out << overview_text();
    } else {
      terminal.out << (rest.size() == 1 && !commands_of(second).empty() ? noun_text(second) : help_text(command_named(rest)));
    }
    return 0;
  }
  if (first == "man") {
    terminal.out << man_page(second.empty() ? nullptr : &command_named(rest));
    return 0;
  }
  if (first == "completion") {
    if (second != "bash" && second != "zsh")
      throw Error(ErrorCode::kInvalidArgument, "expected bash or zsh, got " + printable(second), "omni completion");
    terminal.out << (second == "bash" ? bash_completion() : zsh_completion());
    return 0;
  }
  return -1;
}

int run_named(std::span<const std::string> words, Terminal& terminal) {
  if (words.size() == 2 && (words[1] == "--help" || words[1] == "-h") && !commands_of(words[0]).empty()) {
    terminal.out << noun_text(words[0]);
    return 0;
  }
  const CommandSpec& command = command_named(words);
  const std::span<const std::string> rest = words.subspan(command.name.find(' ') == std::string_view::npos ? 1 : 2);
  if (has_word(rest, "--help") || has_word(rest, "-h")) {
    terminal.out << help_text(command);
    return 0;
  }
  const Arguments arguments = parse_arguments(command, rest);
  check_machine_options(arguments);
  Output output(terminal, std::string(command.name), output_settings(arguments));
  const int code = command.run(arguments, output);
  output.finish();
  return code;
}

int report_error(const Error& error, std::span<const std::string> words, Terminal& terminal) {
  if (has_word(words, "--json")) terminal.out << error_json(error, words.empty() ? "" : words[0]) << "\n" << std::flush;
  terminal.err << (terminal.colour ? "\x1b[1;31merror:\x1b[0m " : "error: ") << error.what();
  if (error.code() == ErrorCode::kInternal) terminal.err << " (this is a bug of omni's; please report it with the command and the model)";
  terminal.err << "\n" << std::flush;
  return exit_code(error.code());
}

}  // namespace

int run_command(std::span<const std::string> words, Terminal& terminal) {
  try {
    const int about = print_about(words, terminal);
    if (about < 0) return run_named(words, terminal);
    terminal.out.flush();
    return about;
  } catch (const Error& error) {
    return report_error(error, words, terminal);
  } catch (const std::bad_alloc&) {
    return report_error(Error(ErrorCode::kMachine, "out of memory"), words, terminal);
  } catch (const std::exception& error) {
    return report_error(Error(ErrorCode::kInternal, error.what()), words, terminal);
  }
}

}  // namespace omni::cli
