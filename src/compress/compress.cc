#include "compress/compress.h"

#include <array>
#include <map>

#include "compress/quantize/dynamic.h"
#include "compress/quantize/float16.h"
#include "compress/quantize/targets.h"
#include "compress/quantize/weight_only.h"
#include "core/error.h"
#include "passes/canonical.h"

namespace omni::compress {

namespace {

constexpr std::array<std::string_view, 6> kMethods = {"fp16", "bf16", "int8-dynamic", "int8-static", "int8-weight", "int4-weight"};

std::string action_of(const Value& stored) {
  switch (stored.type.dtype) {
    case DType::kI8: return "int8";
    case DType::kU4:
    case DType::kI4: return "int4";
    case DType::kF16: return "f16";
    case DType::kBF16: return "bf16";
    default: return "kept";
  }
}

// Weights as they were, compared by name with how they are stored now.
std::vector<LayerReport> compare_layers(const Graph& before, const Graph& after, const std::vector<std::string>& notes) {
  std::vector<LayerReport> layers;
  for (const WeightTarget& target : weight_targets(before)) {
    const Value& v = before.value(target.value);
    LayerReport layer;
    layer.name = v.name;
    layer.op = before.node(target.node).op->name;
    layer.elements = v.data.count();
    layer.bytes_before = v.data.bytes();
    const ValueId stored = after.find(v.name);
    layer.action = stored == kNone ? "gone" : action_of(after.value(stored));
    layer.bytes_after = stored == kNone ? 0 : after.value(stored).data.bytes();
    for (const std::string& note : notes) {
      if (note.starts_with(v.name + ": ")) layer.reason = note.substr(v.name.size() + 2);
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

void apply(Graph& graph, Method method, const runtime::SampleSource* data, const CompressOptions& options, PassContext& context, CompressResult& result) {
  switch (method) {
    case Method::kFp16: return convert_to_half(graph, DType::kF16, context);
    case Method::kBf16: return convert_to_half(graph, DType::kBF16, context);
    case Method::kInt8Dynamic: return quantize_dynamic(graph, context);
    case Method::kInt8Weight: return quantize_weights_int8(graph, context);
    case Method::kInt4Weight: return quantize_weights_int4(graph, {options.group, options.keep_ends_int8}, context);
    case Method::kInt8Static: break;
  }
  if (data == nullptr) throw Error(ErrorCode::kInvalidArgument, "static quantization measures the ranges of activations on data", "int8-static", "give --data");
  const StaticPlan plan = plan_static(graph, context);
  if (plan.nodes.empty()) context.notes.emplace_back("nothing in this network has an integer form");
  const auto histograms = calibrate(graph, plan.observed, *data, options.calibration);
  result.tensors = apply_static(graph, plan, histograms, options.observer, options.percentile, context);
}

}  // namespace

std::string_view method_name(Method method) { return kMethods[static_cast<size_t>(method)]; }

std::vector<std::string> method_names() { return {kMethods.begin(), kMethods.end()}; }

Method parse_method(std::string_view name) {
  for (size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == name) return static_cast<Method>(i);
  }
  throw Error(ErrorCode::kInvalidArgument, "no compression method " + quoted(name), "--method", did_you_mean(name, method_names()));
}

CompressResult compress(const Graph& graph, Method method, const runtime::SampleSource* data, const CompressOptions& options) {
  if (method == Method::kInt4Weight && (options.group < 16 || (options.group & (options.group - 1)) != 0)) {
    throw Error(ErrorCode::kInvalidArgument, "a group of " + std::to_string(options.group) + " weights", "--group", "use a power of two of at least 16");
  }
  CompressResult result;
  result.graph = graph.clone();
  PassContext context;
  run_passes(result.graph, passes::canonical_passes(), context);
  const Graph canonical = result.graph.clone();
  apply(result.graph, method, data, options, context, result);
  verify(result.graph);
  result.layers = compare_layers(canonical, result.graph, context.notes);
  result.notes = std::move(context.notes);
  return result;
}

WeightBytes weight_bytes(const Graph& graph) {
  WeightBytes bytes;
  for (const ValueId id : graph.constants()) {
    const Value& v = graph.value(id);
    bytes.total += v.data.bytes();
    if (v.role == Role::kParameter || (v.role == Role::kConstant && v.type.rank() >= 2)) bytes.payload += v.data.bytes();
  }
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    for (const auto& body : graph.node(id).bodies) {
      const WeightBytes inner = weight_bytes(*body);
      bytes.total += inner.total;
      bytes.payload += inner.payload;
    }
  }
  return bytes;
}

}  // namespace omni::compress
