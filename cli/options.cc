// The only file that includes CLI11: it splits words into options and values; kinds, names and messages are ours.
#include "options.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <stdexcept>

#include "omni/omni.h"
#include "quantity.h"

namespace omni::cli {

namespace {

std::vector<std::string> split(std::string_view text, char mark) {
  std::vector<std::string> parts;
  while (true) {
    const size_t at = text.find(mark);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join(std::span<const std::string> words, std::string_view mark) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(mark)) + word;
  return text;
}

std::string see_help(const CommandSpec& command) { return "see omni help " + std::string(command.name); }

void check_choice(const OptionSpec& option, const std::string& value) {
  const std::vector<std::string> choices = split(option.choices, '|');
  for (const std::string& choice : choices) {
    if (choice == value) return;
  }
  const std::string near = did_you_mean(value, choices);
  throw Error(ErrorCode::kInvalidArgument, printable(value) + " is not one of " + join(choices, ", "), std::string(option.name), near);
}

void check_value(const OptionSpec& option, const std::string& value) {
  switch (option.kind) {
    case Kind::kFlag:
    case Kind::kText: break;
    case Kind::kCount: parse_count(value, option.name); break;
    case Kind::kInteger: parse_integer(value, option.name); break;
    case Kind::kNumber: parse_number(value, option.name); break;
    case Kind::kTime: parse_seconds(value, option.name); break;
    case Kind::kSize: parse_bytes(value, option.name); break;
    case Kind::kShare: parse_share(value, option.name); break;
    case Kind::kChoice: check_choice(option, value); break;
  }
}

[[noreturn]] void refuse_extra(const CommandSpec& command, const std::string& word) {
  if (word.size() > 1 && word.front() == '-') {
    std::vector<std::string> known = {"--help"};
    for (const OptionGroup& group : command.groups) {
      for (const OptionSpec& option : group.options) known.emplace_back(option.name);
    }
    const std::string name = word.substr(0, word.find('='));
    const std::string near = did_you_mean(name, known);
    throw Error(ErrorCode::kInvalidArgument, "unknown option " + printable(name), "omni " + std::string(command.name),
                near.empty() ? see_help(command) : near);
  }
  throw Error(ErrorCode::kInvalidArgument, "surplus argument " + printable(word), "omni " + std::string(command.name), see_help(command));
}

std::string cli11_name(const OptionSpec& option) {
  std::string name(option.name);
  if (option.letter != 0) name += std::string(",-") + option.letter;
  return name;
}

// CLI11 reports what is wrong by the type of its exception; its words are not ours.
void parse_words(const CommandSpec& command, CLI::App& app, std::span<const std::string> words) {
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  const std::string where = "omni " + std::string(command.name);
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();
    const std::string name = text.substr(0, text.find(':'));
    throw Error(ErrorCode::kInvalidArgument, name + " needs a value", where, see_help(command));
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorCode::kInvalidArgument, printable(error.what()), where, see_help(command));
  }
}

void take_positionals(const CommandSpec& command, std::vector<std::string> words, Arguments& arguments) {
  size_t required = 0;
  bool open_ended = false;
  for (const PositionalSpec& positional : command.positionals) {
    required += positional.required ? 1 : 0;
    open_ended = open_ended || positional.repeated;
  }
  for (const std::string& word : words) {
    if (word.size() > 1 && word.front() == '-') refuse_extra(command, word);
  }
  if (words.size() < required) {
    const PositionalSpec& missing = command.positionals[words.size()];
    throw Error(ErrorCode::kInvalidArgument, std::string(missing.name) + " is missing", "omni " + std::string(command.name), see_help(command));
  }
  if (words.size() > command.positionals.size() && !open_ended) refuse_extra(command, words[command.positionals.size()]);
  arguments.set_positionals(std::move(words));
}

}  // namespace

Arguments parse_arguments(const CommandSpec& command, std::span<const std::string> words) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> flags;
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) {
      const std::string name(option.name);
      if (option.kind == Kind::kFlag) {
        app.add_flag(cli11_name(option), flags[name])->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
      } else {
        app.add_option(cli11_name(option), values[name])
            ->type_size(1)
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->allow_extra_args(false);
      }
    }
  }
  parse_words(command, app, words);

  Arguments arguments(command);
  std::vector<std::string> line = split(command.name, ' ');
  line.insert(line.end(), words.begin(), words.end());
  arguments.set_words(std::move(line));
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) {
      const std::string name(option.name);
      if (option.kind == Kind::kFlag) {
        if (flags[name]) arguments.set(name, {"true"});
        continue;
      }
      std::vector<std::string>& given = values[name];
      for (const std::string& value : given) check_value(option, value);
      if (given.size() > 1 && !option.repeated) {
        throw Error(ErrorCode::kInvalidArgument, name + " is given more than once", "omni " + std::string(command.name));
      }
      if (!given.empty()) arguments.set(name, std::move(given));
    }
  }
  take_positionals(command, app.remaining(), arguments);
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) {
      if (option.required && !arguments.given(option.name)) {
        throw Error(ErrorCode::kInvalidArgument, std::string(option.name) + " is missing", "omni " + std::string(command.name), see_help(command));
      }
    }
  }
  return arguments;
}

const OptionSpec* find_option(const CommandSpec& command, std::string_view name) {
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) {
      if (option.name == name) return &option;
    }
  }
  return nullptr;
}

const OptionSpec& Arguments::spec(std::string_view option) const {
  const OptionSpec* found = find_option(*command_, option);
  if (found == nullptr) throw std::logic_error("no option " + std::string(option) + " in " + std::string(command_->name));
  return *found;
}

std::string Arguments::text(std::string_view option) const {
  const auto found = values_.find(option);
  return found != values_.end() && !found->second.empty() ? found->second.back() : std::string(spec(option).fallback);
}

std::vector<std::string> Arguments::all(std::string_view option) const {
  const auto found = values_.find(option);
  return found != values_.end() ? found->second : std::vector<std::string>{};
}

int64_t Arguments::count(std::string_view option) const { return parse_count(text(option), option); }
int64_t Arguments::integer(std::string_view option) const { return parse_integer(text(option), option); }
double Arguments::number(std::string_view option) const { return parse_number(text(option), option); }
double Arguments::seconds(std::string_view option) const { return parse_seconds(text(option), option); }
int64_t Arguments::bytes(std::string_view option) const { return parse_bytes(text(option), option); }
double Arguments::share(std::string_view option) const { return parse_share(text(option), option); }

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=@%+";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace omni::cli
