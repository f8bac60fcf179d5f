#include "onnx_suite.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/onnx/value_proto.h"
#include "ops/op_list.h"
#include "proto/onnx.pb.h"

namespace omni::suite {

namespace fs = std::filesystem;

namespace {

void collect_missing(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, const std::set<std::string>& functions,
                     std::set<std::string>& missing) {
  for (const onnx::NodeProto& node : nodes) {
    for (const onnx::AttributeProto& attribute : node.attribute()) collect_missing(attribute.g().node(), functions, missing);
    const std::string name = (node.domain().empty() || node.domain() == "ai.onnx" ? "" : node.domain() + ".") + node.op_type();
    if (name == "Constant" || functions.contains(name) || ops::find_op(node.domain(), node.op_type()) != nullptr) continue;
    missing.insert(name);
  }
}

bool close(double found, double expected, double rtol, double atol, double floor) {
  if (std::isnan(found) || std::isnan(expected)) return std::isnan(found) && std::isnan(expected);
  if (std::isinf(found) || std::isinf(expected)) return found == expected;
  return std::abs(found - expected) <= atol + rtol * std::max(std::abs(expected), floor);
}

}  // namespace

std::string suite_folder() {
  const std::string folder = "/usr/share/libonnx-testdata/data";
  return fs::is_directory(folder) ? folder : "";
}

std::vector<Case> cases_of(const std::string& group) {
  std::vector<Case> cases;
  const std::string folder = suite_folder() + "/" + group;
  if (!fs::is_directory(folder)) return cases;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (fs::exists(entry.path() / "model.onnx")) cases.push_back({group + "/" + entry.path().filename().string(), entry.path().string()});
  }
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return a.name < b.name; });
  return cases;
}

std::vector<std::string> data_sets(const Case& c) {
  std::vector<std::string> sets;
  for (int n = 0; fs::is_directory(c.folder + "/test_data_set_" + std::to_string(n)); ++n)
    sets.push_back(c.folder + "/test_data_set_" + std::to_string(n));
  return sets;
}

std::set<std::string> missing_operators(const std::string& model_path) {
  const core::MappedFile file = core::map_file(model_path);
  onnx::ModelProto model;
  std::set<std::string> missing, functions;
  if (!model.ParseFromArray(file.bytes.data(), static_cast<int>(file.bytes.size()))) return missing;
  for (const onnx::FunctionProto& f : model.functions()) functions.insert((f.domain().empty() ? "" : f.domain() + ".") + f.name());
  collect_missing(model.graph().node(), functions, missing);
  for (const onnx::FunctionProto& f : model.functions()) collect_missing(f.node(), functions, missing);
  return missing;
}

std::vector<Tensor> read_tensors(const Case& c, const std::string& data_set, const std::string& prefix) {
  const core::MappedFile file = core::map_file(c.folder + "/model.onnx");
  onnx::ModelProto model;
  if (!model.ParseFromArray(file.bytes.data(), static_cast<int>(file.bytes.size()))) throw Error(ErrorCode::kInvalidData, "no model", c.name);
  const auto& ports = prefix == "input" ? model.graph().input() : model.graph().output();
  std::vector<Tensor> tensors;
  for (int n = 0;; ++n) {
    const std::string path = data_set + "/" + prefix + "_" + std::to_string(n) + ".pb";
    if (!fs::exists(path)) return tensors;
    if (n >= ports.size()) throw Error(ErrorCode::kInvalidData, "more files than the model has of " + prefix, path);
    tensors.push_back(formats::read_value(core::read_file(path, size_t{1} << 31), ports[n].type()));
  }
}

std::string difference(const Tensor& found, const Tensor& expected, double rtol, double atol, bool rms) {
  const auto text = [](const Tensor& t) { return std::string(core::dtype_name(t.dtype())) + t.shape().text(); };
  if (found.is_sequence() != expected.is_sequence() || found.is_nothing() != expected.is_nothing()) return "another kind of value";
  if (expected.is_sequence()) {
    if (found.elements().size() != expected.elements().size()) return std::to_string(found.elements().size()) + " elements";
    for (size_t i = 0; i < expected.elements().size(); ++i) {
      const std::string inner = difference(found.elements()[i], expected.elements()[i], rtol, atol, rms);
      if (!inner.empty()) return "element " + std::to_string(i) + ": " + inner;
    }
    return "";
  }
  if (found.dtype() != expected.dtype() || !(found.shape() == expected.shape())) return text(found) + " instead of " + text(expected);
  if (!core::is_float(expected.dtype())) return found.equal(expected) ? "" : "other values of " + text(expected);
  const std::vector<double> a = core::to_double(found), b = core::to_double(expected);
  double sum = 0;
  for (const double v : b) sum += std::isfinite(v) ? v * v : 0;
  const double floor = rms && !b.empty() ? std::sqrt(sum / static_cast<double>(b.size())) : 0;
  size_t wrong = 0, worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (close(a[i], b[i], rtol, atol, floor)) continue;
    ++wrong;
    if (std::abs(a[i] - b[i]) > std::abs(a[worst] - b[worst]) || wrong == 1) worst = i;
  }
  if (wrong == 0) return "";
  return std::to_string(wrong) + " of " + std::to_string(a.size()) + " values, at " + std::to_string(worst) + " " + std::to_string(a[worst]) +
         " instead of " + std::to_string(b[worst]);
}

ExpectedFailures read_expected_failures(const std::string& path) {
  ExpectedFailures table;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind, name, reason;
    words >> kind >> name;
    std::getline(words >> std::ws, reason);
    if (kind == "operator") table.operators.insert(name);
    if (kind == "case") table.cases[name] = reason;
    if (kind == "export") table.exports[name] = reason;
  }
  return table;
}

}  // namespace omni::suite
