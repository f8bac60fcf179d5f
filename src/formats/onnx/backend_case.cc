#include "formats/onnx/backend_case.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/onnx/tensor_proto.h"
#include "formats/onnx/value_proto.h"

namespace omni::formats {

namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxDataFile = size_t{1} << 31;

onnx::ModelProto read_model(const std::string& path) {
  const MappedFile file = map_file(path);
  onnx::ModelProto model;
  if (file.bytes.size() > kMaxDataFile || !model.ParseFromArray(file.bytes.data(), static_cast<int>(file.bytes.size()))) {
    throw Error(ErrorCode::kInvalidData, "no ONNX model", path);
  }
  return model;
}

std::string op_of_case(const std::string& path) {
  try {
    const onnx::ModelProto model = read_model(path);
    std::string op;
    for (const onnx::NodeProto& node : model.graph().node()) {
      if (node.op_type() == "Constant" && model.graph().node_size() > 1) continue;
      if (!op.empty()) return "";
      op = (node.domain().empty() || node.domain() == "ai.onnx" ? "" : node.domain() + ".") + node.op_type();
    }
    return op;
  } catch (const Error&) {
    return "";  // importing it will say what is wrong
  }
}

// The number behind "key": in a small JSON object; the fallback where there is none.
double number_in(const std::string& json, std::string_view key, double fallback) {
  const size_t at = json.find("\"" + std::string(key) + "\"");
  const size_t colon = at == std::string::npos ? at : json.find(':', at);
  if (colon == std::string::npos) return fallback;
  const double value = std::strtod(json.c_str() + colon + 1, nullptr);
  return std::isfinite(value) && value >= 0 ? value : fallback;
}

BackendCase make_case(const fs::path& folder, const fs::path& root) {
  BackendCase c;
  c.folder = folder.string();
  c.name = folder == root ? folder.filename().string() : folder.lexically_relative(root).generic_string();
  c.op = op_of_case(c.folder + "/model.onnx");
  for (int n = 0; fs::is_directory(c.folder + "/test_data_set_" + std::to_string(n)); ++n) {
    c.data_sets.push_back(c.folder + "/test_data_set_" + std::to_string(n));
  }
  std::ifstream file(c.folder + "/data.json");
  std::stringstream text;
  text << file.rdbuf();
  c.rtol = number_in(text.str(), "rtol", c.rtol);
  c.atol = number_in(text.str(), "atol", c.atol);
  return c;
}

bool close(double found, double expected, double rtol, double atol) {
  if (std::isnan(found) || std::isnan(expected)) return std::isnan(found) && std::isnan(expected);
  if (std::isinf(found) || std::isinf(expected)) return found == expected;
  return std::abs(found - expected) <= atol + rtol * std::abs(expected);
}

std::string string_difference(const Tensor& found, const Tensor& expected) {
  for (int64_t i = 0; i < expected.count(); ++i) {
    if (found.string_at(i) != expected.string_at(i))
      return "at " + std::to_string(i) + " " + quoted(found.string_at(i)) + " instead of " + quoted(expected.string_at(i));
  }
  return "";
}

std::string number_text(double v) {
  std::ostringstream text;
  text << v;
  return text.str();
}

}  // namespace

std::vector<BackendCase> find_backend_cases(const std::string& folder) {
  if (!fs::is_directory(folder)) throw Error(ErrorCode::kNotFound, "no such folder", folder, "give a folder of ONNX backend test cases");
  std::vector<BackendCase> cases;
  const fs::path root = fs::path(folder).lexically_normal();
  if (fs::exists(root / "model.onnx")) cases.push_back(make_case(root, root));
  for (const auto& entry : fs::recursive_directory_iterator(root, fs::directory_options::skip_permission_denied)) {
    if (entry.is_directory() && fs::exists(entry.path() / "model.onnx")) cases.push_back(make_case(entry.path(), root));
  }
  std::sort(cases.begin(), cases.end(), [](const BackendCase& a, const BackendCase& b) { return a.name < b.name; });
  return cases;
}

std::vector<Tensor> read_case_tensors(const BackendCase& c, const std::string& data_set, const std::string& prefix) {
  const onnx::ModelProto model = read_model(c.folder + "/model.onnx");
  const auto& ports = prefix == "input" ? model.graph().input() : model.graph().output();
  std::vector<Tensor> tensors;
  for (int n = 0;; ++n) {
    const std::string path = data_set + "/" + prefix + "_" + std::to_string(n) + ".pb";
    if (!fs::exists(path)) return tensors;
    if (n >= ports.size()) throw Error(ErrorCode::kInvalidData, "the model has no " + prefix + " " + std::to_string(n), path);
    tensors.push_back(read_value(read_file(path, kMaxDataFile), ports[n].type()));
  }
}

std::string tensor_difference(const Tensor& found, const Tensor& expected, double rtol, double atol) {
  const auto text = [](const Tensor& t) { return std::string(dtype_name(t.dtype())) + t.shape().text(); };
  if (found.is_sequence() != expected.is_sequence() || found.is_nothing() != expected.is_nothing()) return "another kind of value";
  if (expected.is_nothing()) return "";
  if (expected.is_sequence()) {
    if (found.elements().size() != expected.elements().size()) {
      return std::to_string(found.elements().size()) + " elements instead of " + std::to_string(expected.elements().size());
    }
    for (size_t i = 0; i < expected.elements().size(); ++i) {
      const std::string difference = tensor_difference(found.elements()[i], expected.elements()[i], rtol, atol);
      if (!difference.empty()) return "element " + std::to_string(i) + ": " + difference;
    }
    return "";
  }
  if (found.dtype() != expected.dtype() || found.shape() != expected.shape()) return text(found) + " instead of " + text(expected);
  if (expected.dtype() == DType::kString) return string_difference(found, expected);
  if (!is_float(expected.dtype()) && found.equal(expected)) return "";
  if (expected.dtype() == DType::kBF16) rtol = std::max(rtol, 1.0 / 64);  // two units in the last place, as the suite's own runner has it
  const bool exact = !is_float(expected.dtype());
  const std::vector<double> a = to_double(found), b = to_double(expected);
  size_t wrong = 0, worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (exact ? a[i] == b[i] : close(a[i], b[i], rtol, atol)) continue;
    if (wrong++ == 0 || std::abs(a[i] - b[i]) > std::abs(a[worst] - b[worst])) worst = i;
  }
  if (wrong == 0) return "";
  return std::to_string(wrong) + " of " + std::to_string(a.size()) + " values of " + text(expected) + ", at " + std::to_string(worst) + " " +
         number_text(a[worst]) + " instead of " + number_text(b[worst]);
}

}  // namespace omni::formats
