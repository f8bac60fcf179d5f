// Everything a command says. stdout carries the answer and nothing else: text for people, or one JSON object with --json; progress and warnings
// go to stderr.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "json.h"
#include "omni/omni.h"

namespace omni::cli {

// Where output goes; tests and fuzz targets give their own streams.
struct Terminal {
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  int width = 80;
  bool colour = false;
};

// A table for people: on a terminal aligned, numbers to the right; otherwise one row a line, cells separated by tabs.
class Table {
 public:
  // A head that ends in '>' is that of a column of numbers.
  explicit Table(std::vector<std::string> heads);
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  std::string text(bool aligned) const;

 private:
  std::vector<std::string> heads_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

enum class ProgressStyle : uint8_t { kAuto, kPlain, kNone };

class ProgressBar;

class Output {
 public:
  struct Settings {
    bool json = false, quiet = false, verbose = false;
    ProgressStyle progress = ProgressStyle::kAuto;
  };

  Output(Terminal& terminal, std::string command, Settings settings);
  ~Output();

  bool json() const { return settings_.json; }
  bool verbose() const { return settings_.verbose; }

  // Text for people, left out with --json and --quiet.
  void line(std::string_view text);
  void table(const Table& table);
  // To stderr (not with --quiet), and into "warnings".
  void warn(std::string_view text);
  // The machine's side: "input" (what was read) and "result".
  Json& input() { return input_; }
  Json& result() { return result_; }

  // For calls that can take long: draws, and stops when the user interrupts. A second call replaces the first.
  Progress progress(std::string label);
  void end_progress();

  // Prints the JSON object, if that was asked for. Throws Error (kMachine) when stdout takes no more.
  void finish();

 private:
  void write(std::string_view text);

  Terminal& terminal_;
  std::string command_;
  Settings settings_;
  Json input_ = Json::object(), result_ = Json::object(), warnings_ = Json::array();
  std::unique_ptr<ProgressBar> bar_;
};

// {"error": {code, summary, where, fix}} with the command and the version.
std::string error_json(const Error& error, std::string_view command);

}  // namespace omni::cli
