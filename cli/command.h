// A command is a constexpr table of what it takes and a function that does it. Parsing, --help, `omni help`, man pages and shell completion all
// come from the table, so they cannot disagree.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace omni::cli {

class Output;
class Arguments;

// How an option's value is read; wrong ones are refused before the command starts.
enum class Kind : uint8_t { kFlag, kText, kCount, kInteger, kNumber, kTime, kSize, kShare, kChoice };

struct OptionSpec {
  std::string_view name;   // "--threads", or "-o" with a short form only
  std::string_view value;  // "N"; "" for a flag
  std::string_view help;   // one line
  Kind kind = Kind::kText;
  std::string_view fallback = {};  // what holds when it is not given, as help prints it; read by the getters when it is a value of the kind
  std::string_view choices = {};   // kChoice: separated by "|"
  bool required = false;
  bool repeated = false;
  char letter = 0;  // 'q' for -q beside --quiet
};

struct OptionGroup {
  std::string_view title;
  std::span<const OptionSpec> options;
};

struct PositionalSpec {
  std::string_view name;  // "MODEL"
  std::string_view help;
  bool required = true;
  bool repeated = false;  // the last one only
};

struct Example {
  std::string_view what, command;  // the command works as it stands where the files it reads are
};

struct CommandSpec {
  std::string_view name;     // "inspect", or a noun and its verb: "device list"
  std::string_view purpose;  // one line, no full stop
  std::span<const PositionalSpec> positionals;
  std::span<const OptionGroup> groups;
  std::span<const Example> examples;
  // The exit code: 0 done, 1 done and the answer is no. Anything else is thrown as Error.
  int (*run)(const Arguments&, Output&);
};

// What was given. Names are those of the table; asking for another is a bug (std::logic_error).
class Arguments {
 public:
  explicit Arguments(const CommandSpec& command) : command_(&command) {}

  const CommandSpec& command() const { return *command_; }
  bool given(std::string_view option) const { return values_.contains(option); }
  bool flag(std::string_view option) const { return given(option); }
  // The last value given, else the table's fallback, which may be "".
  std::string text(std::string_view option) const;
  std::vector<std::string> all(std::string_view option) const;
  int64_t count(std::string_view option) const;
  int64_t integer(std::string_view option) const;
  double number(std::string_view option) const;
  double seconds(std::string_view option) const;
  int64_t bytes(std::string_view option) const;
  double share(std::string_view option) const;

  const std::string& positional(size_t i) const { return positionals_[i]; }
  const std::vector<std::string>& positionals() const { return positionals_; }

  void set(std::string_view option, std::vector<std::string> values) { values_[std::string(option)] = std::move(values); }
  void set_positionals(std::vector<std::string> values) { positionals_ = std::move(values); }
  // The command line after "omni", as it was given.
  const std::vector<std::string>& words() const { return words_; }
  void set_words(std::vector<std::string> words) { words_ = std::move(words); }

 private:
  const OptionSpec& spec(std::string_view option) const;

  const CommandSpec* command_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> positionals_, words_;
};

const OptionSpec* find_option(const CommandSpec& command, std::string_view name);

// Every command, in the order of the overview.
std::span<const CommandSpec* const> commands();
const CommandSpec* find_command(std::string_view name);
// The commands of a noun ("device"), none for other words.
std::vector<const CommandSpec*> commands_of(std::string_view noun);
// "list" of "device list", "inspect" of "inspect".
std::string_view verb_of(const CommandSpec& command);

}  // namespace omni::cli
