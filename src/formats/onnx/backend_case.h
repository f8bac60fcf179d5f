// Cases of ONNX's backend test suite on disk: FOLDER/model.onnx, data.json (tolerances, optional), test_data_set_N/{input,output}_M.pb.
//
// The files are untrusted: whatever they hold, the answer is tensors or an Error.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"

namespace omni::formats {

using namespace core;

struct BackendCase {
  std::string name;  // path below the folder that was searched
  std::string folder;
  std::string op;                      // of its only node ("ai.onnx.ml." before the name where the domain is another); "" where it has several
  std::vector<std::string> data_sets;  // folders
  double rtol = 1e-3, atol = 1e-7;
};

// All folders below `folder` (itself included) that hold a model.onnx, by name. Throws Error (kNotFound) when `folder` is none.
std::vector<BackendCase> find_backend_cases(const std::string& folder);

// The tensors of a data set: "input" or "output", as the model declares the types (old suites keep bf16 as u16). An absent optional has no entry in
// the model. Throws Error: kUnsupported for element types that are not known, kInvalidData.
std::vector<Tensor> read_case_tensors(const BackendCase& c, const std::string& data_set, const std::string& prefix);

// "" when `found` is `expected` within rtol and atol (NaN equals NaN; integers and strings exactly), else what differs.
std::string tensor_difference(const Tensor& found, const Tensor& expected, double rtol, double atol);

}  // namespace omni::formats
