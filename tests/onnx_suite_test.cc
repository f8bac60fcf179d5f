// Every case of the ONNX test suite: those whose operators are there must give the expected outputs, and the same bytes after export and import.
// tests/onnx_expected_failures.txt says which do not; a row that is no longer true fails as well. With OMNI_ONNX_TABLE=FILE the rows that would be
// true now are written there.
#include "onnx_suite.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "formats/onnx/export.h"
#include "formats/onnx/import.h"
#include "ops/op_list.h"
#include "runtime/session.h"

namespace omni::suite {
namespace {

constexpr double kRelative = 1e-3, kAbsolute = 1e-7;  // the suite's own

struct Outcome {
  std::set<std::string> missing;
  std::string failure, export_failure;  // "" when fine
};

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

// The outputs for every data set.
std::vector<std::vector<Tensor>> run_all(graph::Graph graph, const Case& c) {
  runtime::Session session(std::move(graph), {.threads = 1});
  std::vector<std::vector<Tensor>> results;
  for (const std::string& set : data_sets(c)) {
    results.push_back(session.run(read_tensors(c, set, "input")));
  }
  return results;
}

Outcome run_case(const Case& c) {
  Outcome outcome;
  const std::string path = c.folder + "/model.onnx";
  outcome.missing = missing_operators(path);
  if (!outcome.missing.empty()) return outcome;
  std::vector<std::vector<Tensor>> results;
  try {
    graph::Graph graph = formats::import_onnx(path);
    verify(graph);
    results = run_all(graph.clone(), c);
    const std::vector<std::string> sets = data_sets(c);
    for (size_t s = 0; s < sets.size() && outcome.failure.empty(); ++s) {
      const std::vector<Tensor> expected = read_tensors(c, sets[s], "output");
      if (expected.size() != results[s].size()) outcome.failure = std::to_string(results[s].size()) + " outputs";
      for (size_t i = 0; i < expected.size() && outcome.failure.empty(); ++i) {
        const std::string text = difference(results[s][i], expected[i], kRelative, kAbsolute);
        if (!text.empty()) outcome.failure = "output " + std::to_string(i) + ": " + text;
      }
    }
  } catch (const std::exception& error) {
    outcome.failure = one_line(error.what());
  }
  if (!outcome.failure.empty()) return outcome;
  try {
    const std::string bytes = formats::export_onnx(formats::import_onnx(path));
    const auto again = run_all(formats::import_onnx(std::as_bytes(std::span(bytes))), c);
    for (size_t s = 0; s < results.size(); ++s) {
      for (size_t i = 0; i < results[s].size(); ++i) {
        if (!again[s][i].equal(results[s][i])) outcome.export_failure = "output " + std::to_string(i) + " has other bytes";
      }
    }
  } catch (const std::exception& error) {
    outcome.export_failure = one_line(error.what());
  }
  return outcome;
}

class OnnxSuite : public ::testing::TestWithParam<const char*> {
 protected:
  void check(const std::string& name, const std::string& failure, const std::map<std::string, std::string>& expected, const char* kind) {
    const bool listed = expected.contains(name);
    if (failure.empty() == !listed) return;
    if (listed) {
      ADD_FAILURE() << kind << " " << name << " passes: take it out of tests/onnx_expected_failures.txt";
    } else {
      ADD_FAILURE() << kind << " " << name << " fails: " << failure;
    }
  }
};

TEST_P(OnnxSuite, GivesTheExpectedOutputs) {
  if (suite_folder().empty()) {
    if (std::getenv("CI") != nullptr) FAIL() << "install libonnx-testdata";
    GTEST_SKIP() << "libonnx-testdata is not installed";
  }
  const ExpectedFailures table = read_expected_failures(OMNI_SOURCE_DIR "/tests/onnx_expected_failures.txt");
  std::ofstream written;
  if (const char* path = std::getenv("OMNI_ONNX_TABLE")) written.open(path, std::ios::app);
  size_t passed = 0, failed = 0, missing = 0;
  std::set<std::string> missing_names;
  for (const Case& c : cases_of(GetParam())) {
    const Outcome outcome = run_case(c);
    if (!outcome.missing.empty()) {
      ++missing;
      missing_names.insert(outcome.missing.begin(), outcome.missing.end());
      EXPECT_FALSE(table.cases.contains(c.name)) << c.name << " needs an operator that is not there: no row for the case";
      continue;
    }
    ++(outcome.failure.empty() ? passed : failed);
    if (!outcome.failure.empty()) written << "case " << c.name << " " << outcome.failure << "\n";
    if (!outcome.export_failure.empty()) written << "export " << c.name << " " << outcome.export_failure << "\n";
    check(c.name, outcome.failure, table.cases, "case");
    check(c.name, outcome.export_failure, table.exports, "export");
  }
  for (const std::string& name : missing_names) {
    written << "operator " << name << "\n";
    EXPECT_TRUE(table.operators.contains(name)) << "the operator " << name << " is not there, and the table does not say so";
  }
  printf("%s: %zu pass, %zu fail, %zu need operators that are not there (%zu)\n", GetParam(), passed, failed, missing, missing_names.size());
}

INSTANTIATE_TEST_SUITE_P(Groups, OnnxSuite, ::testing::Values("node", "simple", "pytorch-converted", "pytorch-operator"), [](const auto& parameter) {
  std::string name = parameter.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(OnnxSuiteTable, NamesNoOperatorThatIsThere) {
  for (const std::string& name : read_expected_failures(OMNI_SOURCE_DIR "/tests/onnx_expected_failures.txt").operators) {
    const size_t dot = name.rfind('.');
    const std::string domain = dot == std::string::npos ? "" : name.substr(0, dot);
    EXPECT_EQ(ops::find_op(domain, name.substr(dot == std::string::npos ? 0 : dot + 1)), nullptr) << name << ": take its row out of the table";
  }
}

}  // namespace
}  // namespace omni::suite
