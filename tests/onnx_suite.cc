#include "onnx_suite.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/onnx/tensor_proto.h"
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

std::vector<Tensor> read_tensors(const std::string& folder, const std::string& prefix) {
  std::vector<Tensor> tensors;
  for (int n = 0;; ++n) {
    const std::string path = folder + "/" + prefix + "_" + std::to_string(n) + ".pb";
    if (!fs::exists(path)) return tensors;
    const std::vector<std::byte> bytes = core::read_file(path, size_t{1} << 31);
    onnx::TensorProto proto;
    if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !proto.has_data_type()) {
      throw Error(ErrorCode::kUnsupported, "no tensor", path);
    }
    tensors.push_back(formats::read_tensor(proto));
  }
}

Tensor as_declared(const Tensor& stored, core::DType declared) {
  if (declared != core::DType::kBF16 || stored.dtype() != core::DType::kU16) return stored;
  return Tensor::from_bytes(declared, stored.shape(), {static_cast<const std::byte*>(stored.data()), stored.bytes()});
}

std::string difference(const Tensor& found, const Tensor& expected, double rtol, double atol, bool rms) {
  const auto text = [](const Tensor& t) { return std::string(core::dtype_name(t.dtype())) + t.shape().text(); };
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
