#include "help.h"

#include <algorithm>

#include "omni/omni.h"

namespace omni::cli {

namespace {

constexpr size_t kWidth = 100;
constexpr size_t kNameColumn = 20;  // where the purposes of commands start
constexpr size_t kColumn = 26;  // where the descriptions of options start

std::string usage_line(const CommandSpec& command) {
  std::string text = "omni " + std::string(command.name);
  for (const PositionalSpec& positional : command.positionals) {
    const std::string name = std::string(positional.name) + (positional.repeated ? "…" : "");
    text += positional.required ? " " + name : " [" + name + "]";
  }
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) {
      if (option.required) text += " " + std::string(option.name) + " " + std::string(option.value);
    }
  }
  return text + " [options]";
}

std::string description(const OptionSpec& option) {
  std::string text(option.help);
  if (!option.choices.empty()) {
    std::string list(option.choices);
    for (size_t at = 0; (at = list.find('|', at)) != std::string::npos; at += 2) list.replace(at, 1, ", ");
    text += ": " + list;
  }
  if (option.required) text += " (required)";
  if (option.repeated) text += " (may be repeated)";
  if (!option.fallback.empty()) text += " [" + std::string(option.fallback) + "]";
  return text;
}

std::string head(const OptionSpec& option) {
  std::string text = option.letter != 0 ? std::string("-") + option.letter + ", " : "";
  text += option.name;
  if (!option.value.empty()) text += " " + std::string(option.value);
  return text;
}

// Wrapped at kWidth; `left` starts the first line, the others are indented to `column`.
std::string row(std::string_view left, std::string_view right, size_t column) {
  std::string text = "  " + std::string(left);
  size_t position = text.size();
  if (position + 2 > column) {
    text += "\n";
    position = 0;
  }
  text += std::string(column - position, ' ');
  position = column;
  bool first = true;
  for (size_t at = 0; at < right.size();) {
    const size_t space = std::min(right.find(' ', at), right.size());
    const std::string_view word = right.substr(at, space - at);
    if (!first && position + 1 + word.size() > kWidth) {
      text += "\n" + std::string(column, ' ');
      position = column;
    } else if (!first) {
      text += ' ';
      ++position;
    }
    text += word;
    position += word.size();
    first = false;
    at = space + 1;
  }
  return text + "\n";
}

// Text for roff: no line may start with a dot or an apostrophe, backslashes and hyphens are escaped.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  if (!out.empty() && (out.front() == '.' || out.front() == '\'')) out.insert(0, "\\&");
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return out;
}

// "device list" as the name of a page: "device-list".
std::string page_name(const CommandSpec& command) {
  std::string name(command.name);
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string man_head(std::string_view name, std::string_view purpose) {
  const std::string title = upper(name);
  return ".TH " + roff(title) + " 1 \"\" \"OmniMind Edge " + std::string(version()) + "\" \"OmniMind Edge\"\n.SH NAME\n" + roff(name) + " \\- " +
         roff(purpose) + "\n";
}

std::string overview_man() {
  std::string text = man_head("omni", "compress, run, train and deploy neural networks on edge devices");
  text += ".SH SYNOPSIS\n.B omni\n.I COMMAND\n[arguments] [options]\n.SH COMMANDS\n";
  for (const CommandSpec* command : commands()) {
    text += ".TP\n.BR omni\\-" + roff(page_name(*command)) + " (1)\n" + roff(command->purpose) + "\n";
  }
  return text +
         ".SH EXIT STATUS\n0 done; 1 done and the answer is no; 2 wrong use or bad input; 3 the machine lacks something; 130 interrupted.\n"
         ".SH ENVIRONMENT\n.TP\n.B OMNI_ISA\ncaps the instruction set: scalar, avx2, avx512, avx512vnni\n.TP\n.B OMNI_THREADS\nthreads where "
         "\\-\\-threads is not given\n.TP\n.B NO_COLOR\nno colour\n";
}

// The first words of all commands, each once.
std::vector<std::string> first_words() {
  std::vector<std::string> words;
  for (const CommandSpec* command : commands()) {
    std::string word(command->name.substr(0, command->name.find(' ')));
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(std::move(word));
  }
  return words;
}

std::string verbs_text(std::string_view noun) {
  std::string text;
  for (const CommandSpec* command : commands_of(noun)) text += (text.empty() ? "" : " ") + std::string(verb_of(*command));
  return text;
}

}  // namespace

std::string overview_text() {
  std::string text = "omni: compress, run and train neural networks on edge devices (version " + std::string(version()) +
                     ")\n\nUsage: omni COMMAND [arguments] [options]\n\nCommands:\n";
  for (const CommandSpec* command : commands()) text += row(command->name, command->purpose, kNameColumn);
  return text +
         "\nomni help COMMAND shows what a command takes, with examples; omni --version the version; omni completion bash|zsh\na script for the "
         "shell; omni man [COMMAND] a man page.\n";
}

std::string noun_text(std::string_view noun) {
  std::string text = "Usage: omni " + std::string(noun) + " COMMAND [arguments] [options]\n\nCommands:\n";
  for (const CommandSpec* command : commands_of(noun)) text += row(command->name, command->purpose, kNameColumn);
  return text + "\nomni help " + std::string(noun) + " COMMAND shows what a command takes, with examples.\n";
}

std::string help_text(const CommandSpec& command) {
  std::string text = std::string(command.purpose) + "\n\nUsage: " + usage_line(command) + "\n";
  if (!command.positionals.empty()) {
    text += "\nArguments:\n";
    for (const PositionalSpec& positional : command.positionals) text += row(positional.name, positional.help, kColumn);
  }
  for (const OptionGroup& group : command.groups) {
    text += "\n" + std::string(group.title) + ":\n";
    for (const OptionSpec& option : group.options) text += row(head(option), description(option), kColumn);
  }
  text += row("-h, --help", "show this", kColumn);
  text += "\nExamples:\n";
  for (const Example& example : command.examples) text += "  # " + std::string(example.what) + "\n  " + std::string(example.command) + "\n";
  return text;
}

std::string man_page(const CommandSpec* command) {
  if (command == nullptr) return overview_man();
  std::string text = man_head("omni-" + page_name(*command), command->purpose);
  text += ".SH SYNOPSIS\n.B " + roff(usage_line(*command)) + "\n";
  if (!command->positionals.empty()) {
    text += ".SH ARGUMENTS\n";
    for (const PositionalSpec& positional : command->positionals) text += ".TP\n.I " + roff(positional.name) + "\n" + roff(positional.help) + "\n";
  }
  for (const OptionGroup& group : command->groups) {
    text += ".SH " + roff(upper(group.title)) + "\n";
    for (const OptionSpec& option : group.options) text += ".TP\n.B " + roff(head(option)) + "\n" + roff(description(option)) + "\n";
  }
  text += ".SH EXAMPLES\n";
  for (const Example& example : command->examples)
    text += ".PP\n" + roff(example.what) + ":\n.PP\n.RS\n.nf\n" + roff(example.command) + "\n.fi\n.RE\n";
  return text + ".SH SEE ALSO\n.BR omni (1)\n";
}

std::string bash_completion() {
  std::string names, nouns;
  for (const std::string& word : first_words()) {
    names += (names.empty() ? "" : " ") + word;
    if (commands_of(word).empty()) continue;
    nouns += "    " + word + ")\n      if [ \"$COMP_CWORD\" -eq 2 ]; then\n        COMPREPLY=($(compgen -W \"" + verbs_text(word) +
             " --help\" -- \"$cur\"))\n        return\n      fi\n      command=\"$command ${COMP_WORDS[2]}\" ;;\n";
  }
  std::string text =
      "# bash completion for omni, generated by: omni completion bash\n"
      "_omni() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options= choices=\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W \"" +
      names + " help man completion --help --version\" -- \"$cur\"))\n    return\n  fi\n  case $command in\n" + nouns +
      "    *) ;;\n  esac\n  case $command in\n";
  for (const CommandSpec* command : commands()) {
    text += "    \"" + std::string(command->name) + "\")\n      options=\"--help";
    std::string choices;
    for (const OptionGroup& group : command->groups) {
      for (const OptionSpec& option : group.options) {
        text += " " + std::string(option.name);
        if (option.choices.empty()) continue;
        std::string words(option.choices);
        std::replace(words.begin(), words.end(), '|', ' ');
        choices += "        " + std::string(option.name) + ") choices=\"" + words + "\" ;;\n";
      }
    }
    text += "\"\n      case $prev in\n" + choices + "        *) ;;\n      esac ;;\n";
  }
  text += "    help|man) choices=\"" + names + "\" ;;\n    completion) choices=\"bash zsh\" ;;\n    *) ;;\n  esac\n";
  text +=
      "  if [ -n \"$choices\" ]; then\n    COMPREPLY=($(compgen -W \"$choices\" -- \"$cur\"))\n"
      "  elif [ \"${cur#-}\" != \"$cur\" ]; then\n    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
      "  else\n    COMPREPLY=($(compgen -f -- \"$cur\"))\n  fi\n}\n"
      "complete -o filenames -F _omni omni\n";
  return text;
}

std::string zsh_completion() {
  const auto escaped = [](std::string_view words) {
    std::string out;
    for (const char c : words) {
      if (c == '\'') {
        out += "'\\''";
      } else {
        if (c == '[' || c == ']' || c == ':') out += '\\';
        out += c;
      }
    }
    return out;
  };
  std::string text = "#compdef omni\n# zsh completion for omni, generated by: omni completion zsh\n_omni() {\n  local -a verbs\n  verbs=(\n";
  for (const std::string& word : first_words()) {
    const CommandSpec* command = find_command(word);
    text += "    '" + word + ":" + (command != nullptr ? escaped(command->purpose) : verbs_text(word)) + "'\n";
  }
  text += "  )\n  if (( CURRENT == 2 )); then\n    _describe command verbs\n    return\n  fi\n  local command=$words[2]\n  case $command in\n";
  for (const std::string& word : first_words()) {
    if (commands_of(word).empty()) continue;
    text += "    " + word + ")\n      verbs=(\n";
    for (const CommandSpec* command : commands_of(word)) text += "        '" + std::string(verb_of(*command)) + ":" + escaped(command->purpose) + "'\n";
    text += "      )\n      if (( CURRENT == 3 )); then\n        _describe command verbs\n        return\n      fi\n      command=\"$command $words[3]\" ;;\n";
  }
  text += "  esac\n  case $command in\n";
  for (const CommandSpec* command : commands()) {
    text += "    \"" + std::string(command->name) + "\")\n      _arguments '*:file:_files'";
    for (const OptionGroup& group : command->groups) {
      for (const OptionSpec& option : group.options) {
        text += " \\\n        '" + std::string(option.repeated ? "*" : "") + std::string(option.name) + "[" + escaped(option.help) + "]";
        if (!option.choices.empty()) {
          std::string words(option.choices);
          std::replace(words.begin(), words.end(), '|', ' ');
          text += ":" + escaped(option.value) + ":(" + words + ")";
        } else if (option.kind != Kind::kFlag) {
          text += ":" + escaped(option.value) + ":_files";
        }
        text += "'";
      }
    }
    text += " ;;\n";
  }
  return text + "  esac\n}\n_omni \"$@\"\n";
}

}  // namespace omni::cli
