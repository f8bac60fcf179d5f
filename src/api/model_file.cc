#include "api/model_file.h"

#include <algorithm>
#include <filesystem>

#include "core/mapped_file.h"
#include "passes/expand_for_runtime.h"

namespace omni::api {

namespace {

// The graph that a package runs: "main" or "infer", else its only one.
const graph::Graph& runnable(const formats::Package& package, const std::string& path) {
  for (const std::string_view name : {"main", "infer"}) {
    if (const auto found = package.find(name)) return *found;
  }
  if (package.graphs.size() == 1) return *package.graphs.front();
  std::string names;
  for (const auto& other : package.graphs) names += " " + core::quoted(other->name());
  throw Error(ErrorCode::kUnsupported,
              "the package has several graphs (" + names.substr(std::min<size_t>(names.size(), 1)) + ") and none is called main", path);
}

}  // namespace

LoadedModel load_model(const std::string& path) {
  bool package_file = false, onnx_file = false;
  {
    const core::MappedFile file = core::map_file(path);  // let go before the file is mapped to be read: pages of two mappings count twice
    const auto head = file.bytes.first(std::min<size_t>(file.bytes.size(), 1024));
    package_file = formats::is_package(head);
    onnx_file = !package_file && formats::is_onnx(head);
  }
  if (package_file) {
    const formats::Package package = formats::load_package(path, ops::find_op);
    LoadedModel model{runnable(package, path).clone(), "omni"};
    for (const auto& [key, value] : package.metadata) model.graph.metadata[key] = value;
    return model;
  }
  if (onnx_file) return {formats::import_onnx(path), "onnx"};
  throw Error(ErrorCode::kInvalidData, "is neither an ONNX model nor an .omni package", path,
              "check the file; a PyTorch model is exported with torch.onnx.export");
}

std::string format_for(const std::string& path, const std::string& wanted) {
  const std::string extension = std::filesystem::path(path).extension().string();
  const std::string format = !wanted.empty() ? wanted : extension.empty() ? extension : extension.substr(1);
  if (format == "onnx" || format == "omni") return format;
  throw Error(ErrorCode::kInvalidArgument, format.empty() ? "the name does not say a format" : "there is no format " + core::quoted(format), path,
              "name it .onnx or .omni, or give the format");
}

void save_model(const graph::Graph& graph, const std::string& path, const std::string& format, core::Overwrite overwrite, bool coded) {
  if (format == "onnx") {
    if (coded) throw Error(ErrorCode::kInvalidArgument, "ONNX has no coded tensors", path, "name it .omni");
    formats::OnnxExportOptions options;
    options.overwrite = overwrite;
    formats::export_onnx(graph, path, options);
    return;
  }
  formats::Package package;
  graph::Graph copy = graph.clone();
  passes::expand_for_runtime(copy);
  package.metadata.insert(copy.metadata.begin(), copy.metadata.end());
  package.metadata[std::string(formats::kMetaTool)] = "omni " + std::string(version());
  copy.metadata.clear();
  package.graphs.push_back(std::make_shared<const graph::Graph>(std::move(copy)));
  if (coded) package.metadata[std::string(formats::kMetaCoding)] = formats::kRangeCoding;
  formats::save_package(path, package, overwrite);
}

void verify_file(const std::string& path, const std::string& format, Verification& result) {
  if (format == "onnx") {
    result.facts.emplace_back("an ONNX model; the format has no checksums");
    return;
  }
  const formats::PackageSummary summary = formats::verify_package(path, ops::find_op);
  result.sections = static_cast<int64_t>(summary.sections);
  result.facts.push_back("package version " + std::to_string(summary.version) + ", " + std::to_string(summary.sections) +
                         " sections with the right checksums");
}

}  // namespace omni::api
