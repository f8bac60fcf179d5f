// The ONNX test suite (Debian's libonnx-testdata), and the table of what is known to fail.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace omni::suite {

using core::Tensor;

// One model with its data sets.
struct Case {
  std::string name;  // "node/test_relu"
  std::string folder;
};

// The folder of the suite, or "" where it is not installed.
std::string suite_folder();
// The cases of a group ("node", "simple", …) by name.
std::vector<Case> cases_of(const std::string& group);
// Folders test_data_set_N of a case.
std::vector<std::string> data_sets(const Case& c);

// Operators of a model, bodies and functions included, that are not known: "LSTM", "ai.onnx.ml.Scaler". Nothing when the file does not parse.
std::set<std::string> missing_operators(const std::string& model_path);

// input_0.pb, input_1.pb, … or the outputs of a data set, of the types that the case's model declares. Throws Error.
std::vector<Tensor> read_tensors(const Case& c, const std::string& data_set, const std::string& prefix);

// "" when `found` is `expected` within rtol and atol (NaN equals NaN), else what differs. With rms, the tolerance is rtol * max(|expected|, RMS).
std::string difference(const Tensor& found, const Tensor& expected, double rtol, double atol, bool rms = false);

// tests/onnx_expected_failures.txt: rows "operator NAME", "case NAME REASON", "export NAME REASON".
struct ExpectedFailures {
  std::set<std::string> operators;
  std::map<std::string, std::string> cases, exports;
};
ExpectedFailures read_expected_failures(const std::string& path);

}  // namespace omni::suite
