// omni conformance: a folder of ONNX backend test cases, run and compared.
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"DIR", "folders with a model.onnx and test_data_set_N/ beside it, at any depth"}};
constexpr OptionSpec kOptions[] = {
    {"--expected", "FILE", "cases that may fail: lines NAME REASON, # for remarks; a case that passes although it is listed is a failure",
     Kind::kText},
    {"--list", "", "name every case that did not pass, with its reason", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"Cases by operator: passed, failed, unsupported", "omni conformance backend-cases"},
    {"For a script, every case that did not pass by name", "omni conformance backend-cases --list --json"},
};

std::map<std::string, std::string> read_expected(const std::string& path) {
  std::map<std::string, std::string> rows;
  if (path.empty()) return rows;
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::kNotFound, "no such file", path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name, reason;
    words >> name;
    std::getline(words >> std::ws, reason);
    if (!name.empty() && name[0] != '#') rows[name] = reason;
  }
  return rows;
}

struct Counts {
  int64_t passed = 0, failed = 0, unsupported = 0;

  int64_t all() const { return passed + failed + unsupported; }
  void add(ConformanceOutcome outcome) {
    ++(outcome == ConformanceOutcome::kPassed ? passed : outcome == ConformanceOutcome::kFailed ? failed : unsupported);
  }
  Json& into(Json& object) const { return object.set("passed", passed).set("failed", failed).set("unsupported", unsupported); }
  std::vector<std::string> cells(std::string name) const {
    return {std::move(name), std::to_string(passed), std::to_string(failed), std::to_string(unsupported)};
  }
};

std::string_view outcome_text(ConformanceOutcome outcome) {
  return outcome == ConformanceOutcome::kPassed ? "passed" : outcome == ConformanceOutcome::kFailed ? "failed" : "unsupported";
}

// Why a case makes the command fail, "" where it does not.
std::string surprise(const ConformanceCase& c, const std::map<std::string, std::string>& expected) {
  if (c.outcome == ConformanceOutcome::kFailed && !expected.contains(c.name)) return c.reason;
  if (c.outcome == ConformanceOutcome::kPassed && expected.contains(c.name)) return "it passes, although it is listed";
  return "";
}

int run(const Arguments& arguments, Output& output) {
  check_machine_options(arguments);
  const std::map<std::string, std::string> expected = read_expected(arguments.text("--expected"));
  ConformanceOptions options;
  if (arguments.given("--threads")) options.threads = threads_option(arguments);
  options.isa = arguments.text("--isa");
  options.progress = output.progress("conformance");
  const std::vector<ConformanceCase> cases = conformance(arguments.positional(0), options);
  output.end_progress();

  std::map<std::string, Counts> by_op;
  Counts all;
  Json rows = Json::array(), surprises = Json::array(), ops = Json::object();
  Table table({"operator", "passed>", "failed>", "unsupported>"}), others({"case", "outcome", "reason"});
  std::vector<std::string> surprised;
  for (const ConformanceCase& c : cases) {
    all.add(c.outcome);
    by_op[c.op.empty() ? "(several)" : c.op].add(c.outcome);
    if (const std::string reason = surprise(c, expected); !reason.empty()) {
      surprised.push_back(c.name + ": " + reason);
      surprises.push(Json::object().set("name", c.name).set("reason", reason));
    }
    if (!arguments.flag("--list") || c.outcome == ConformanceOutcome::kPassed) continue;
    others.row({c.name, std::string(outcome_text(c.outcome)), c.reason});
    rows.push(Json::object().set("name", c.name).set("operator", c.op).set("outcome", outcome_text(c.outcome)).set("reason", c.reason));
  }
  for (const auto& [op, counts] : by_op) {
    table.row(counts.cells(op));
    Json entry = Json::object();
    ops.set(op, counts.into(entry));
  }
  output.input().set("folder", arguments.positional(0)).set("cases", all.all());
  all.into(output.result()).set("operators", ops).set("unexpected", surprises);
  if (arguments.flag("--list")) output.result().set("cases", rows);
  output.table(table);
  output.table(others);
  for (const std::string& text : surprised) output.line("unexpected: " + text);
  output.line(std::to_string(all.passed) + " of " + std::to_string(all.all()) + " cases pass (" +
              fixed_text(100.0 * static_cast<double>(all.passed) / static_cast<double>(all.all()), 2) + " %), " + std::to_string(all.failed) +
              " fail, " + std::to_string(all.unsupported) + " need what is not supported");
  return surprised.empty() ? 0 : 1;
}

}  // namespace

extern const CommandSpec kConformance = {"conformance", "Run a folder of ONNX backend test cases", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
