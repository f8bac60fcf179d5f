// ONNX backend test cases from a folder, each loaded, run and compared.
#include "formats/onnx/backend_case.h"

#include "api/access.h"
#include "core/progress.h"

namespace omni {

namespace {

using formats::BackendCase;

ConformanceCase run_case(const BackendCase& c, const runtime::SessionOptions& options) {
  ConformanceCase result{c.name, c.op, ConformanceOutcome::kPassed, {}};
  try {
    runtime::Session session(formats::import_onnx(c.folder + "/model.onnx"), options);
    for (size_t s = 0; s < c.data_sets.size() && result.reason.empty(); ++s) {
      const std::vector<core::Tensor> inputs = formats::read_case_tensors(c, c.data_sets[s], "input");
      const std::vector<core::Tensor> expected = formats::read_case_tensors(c, c.data_sets[s], "output");
      const std::vector<core::Tensor> found = session.run(inputs);
      if (found.size() != expected.size()) result.reason = std::to_string(found.size()) + " outputs instead of " + std::to_string(expected.size());
      for (size_t i = 0; i < expected.size() && result.reason.empty(); ++i) {
        const std::string difference = formats::tensor_difference(found[i], expected[i], c.rtol, c.atol);
        if (!difference.empty()) result.reason = "output " + std::to_string(i) + ": " + difference;
      }
    }
    if (!result.reason.empty()) result.outcome = ConformanceOutcome::kFailed;
  } catch (const Error& error) {
    result.outcome = error.code() == ErrorCode::kUnsupported ? ConformanceOutcome::kUnsupported : ConformanceOutcome::kFailed;
    result.reason = error.what();
  }
  return result;
}

}  // namespace

std::vector<ConformanceCase> conformance(const std::string& folder, const ConformanceOptions& options) {
  const runtime::SessionOptions session = api::session_options(options.threads, options.isa);
  const std::vector<BackendCase> cases = formats::find_backend_cases(folder);
  if (cases.empty()) throw Error(ErrorCode::kNotFound, "no folder below it holds a model.onnx", folder, "give a folder of ONNX backend test cases");
  std::vector<ConformanceCase> results;
  for (const BackendCase& c : cases) {
    if (options.progress && !options.progress(static_cast<double>(results.size()) / static_cast<double>(cases.size()), c.name)) {
      throw Error(ErrorCode::kInterrupted, "stopped", folder);
    }
    results.push_back(run_case(c, session));
  }
  return results;
}

}  // namespace omni
