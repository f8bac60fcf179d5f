#include "device/kernel_work.h"

#include <algorithm>
#include <charconv>

namespace omni::device {

namespace {

// StepProfile::shapes is "f32[1,20,24,24]".
std::vector<double> sizes_of(const std::string& text) {
  std::vector<double> sizes;
  const size_t open = text.find('[');
  if (open == std::string::npos) return sizes;
  for (const char* at = text.data() + open + 1; at < text.data() + text.size();) {
    int64_t dim = 1;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), dim);
    if (error != std::errc{}) break;
    sizes.push_back(static_cast<double>(dim));
    at = end + 1;
  }
  return sizes;
}

// [out, in / groups, kernel…]
std::string convolution_kind(const Graph& graph, const Node& node) {
  const Type& w = graph.type(node.inputs[1]);
  if (w.rank() < 3) return "windows";
  if (w.rank() != 4) return "sequence";
  const auto size = [&](int axis) { return w.dim(axis).is_constant() ? w.dim(axis).value : int64_t{0}; };
  if (node.attributes.get_int("group", 1) > 1) return size(1) == 1 ? "depthwise" : "groups";
  if (size(1) <= 4) return "stem";  // few channels leave little to do for each place
  return size(2) * size(3) == 1 ? "points" : "windows";
}

std::string kind_of(const Graph& graph, const Node& node, const std::string& op) {
  if (op == "Conv" || op == "FusedConv" || op == "QConv" || op == "ConvInteger") return convolution_kind(graph, node);
  const bool products = op == "Gemm" || op == "FusedGemm" || op == "MatMul" || op == "FusedMatMul" || op == "QGemm" || op == "QMatMul" || op == "MatMulInteger";
  if (products) return graph.is_constant(node.inputs[1]) ? "product" : "product of activations";
  return op;
}

KernelWork kernel_work(const runtime::StepProfile& step, const Graph& graph) {
  const Node* node = step.id < graph.node_count() ? &graph.node(step.id) : nullptr;  // none: of a body
  KernelWork work;
  work.kind = node == nullptr ? step.op : kind_of(graph, *node, std::string(node->op->name));
  work.integer = step.integer;
  work.operations = static_cast<double>(step.operations);
  work.bytes = static_cast<double>(step.bytes);
  const std::vector<double> sizes = sizes_of(step.shapes);
  work.elements = 1;
  for (const double size : sizes) work.elements *= size;
  work.columns = sizes.empty() ? 1 : sizes.back();
  const bool channels = work.kind == "windows" || work.kind == "points" || work.kind == "depthwise" || work.kind == "groups" || work.kind == "stem";
  if (channels && sizes.size() > 1) work.columns = sizes[1];
  for (size_t i = 0; node != nullptr && i < node->inputs.size(); ++i) {
    const ValueId id = node->inputs[i];
    if (graph.is_constant(id)) work.weights += static_cast<double>(graph.value(id).data.bytes());
  }
  work.weights = std::min(work.weights, work.bytes);  // a Gather reads a few rows
  return work;
}

}  // namespace

std::vector<KernelWork> kernel_works(const std::vector<runtime::StepProfile>& steps, const Graph& graph) {
  std::vector<KernelWork> works;
  double weights = 0, largest = 0;
  for (const runtime::StepProfile& step : steps) {
    const KernelWork& work = works.emplace_back(kernel_work(step, graph));
    weights += work.weights;
    largest = std::max(largest, work.bytes - work.weights);
  }
  for (KernelWork& work : works) work.passing = weights + largest;
  return works;
}

}  // namespace omni::device
