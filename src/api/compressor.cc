#include "api/access.h"
#include "core/thread_pool.h"

namespace omni {

namespace {

// As options of `omni compress`.
std::string recipe_of(compress::Method method, const compress::CompressOptions& options) {
  std::string text = "--method " + std::string(compress::method_name(method));
  if (method == compress::Method::kInt4Weight) text += " --group " + std::to_string(options.group);
  if (method == compress::Method::kInt8Static) text += " --observer " + std::string(compress::observer_name(options.observer));
  return text;
}

}  // namespace

std::vector<std::string> compression_methods() { return compress::method_names(); }

ModelCompressor::ModelCompressor(const Graph& graph, const CompressorOptions& options) : graph_(graph), options_(options) {}

Graph ModelCompressor::compress(std::string_view method, const StaticQuantization& ranges, const WeightQuantization& weights) {
  const graph::Graph& graph = *Access::graph(graph_);
  const compress::Method kind = compress::parse_method(method);
  const runtime::SessionOptions session = api::session_options(options_.threads, options_.isa);
  compress::CompressOptions options;
  options.observer = static_cast<compress::Observer>(ranges.observer);
  options.percentile = ranges.percentile;
  options.group = weights.group;
  options.keep_ends_int8 = weights.keep_ends_int8;
  options.calibration.samples = options_.samples;
  options.calibration.pool = std::make_shared<core::ThreadPool>(session.threads);
  options.calibration.isa = session.isa;
  options.calibration.progress = options_.progress;
  std::shared_ptr<const runtime::SampleSource> source;
  if (options_.data && kind == compress::Method::kInt8Static) source = train::match_data(graph, Access::shared_data(*options_.data)).source;
  compress::CompressResult result = compress::compress(graph, kind, source.get(), options);
  report_ = {};
  for (compress::LayerReport& layer : result.layers) {
    report_.layers.push_back({layer.name, layer.op, layer.action, layer.reason, layer.elements, static_cast<int64_t>(layer.bytes_before),
                              static_cast<int64_t>(layer.bytes_after)});
  }
  for (const compress::TensorReport& tensor : result.tensors) {
    report_.activations.push_back({tensor.name, tensor.min, tensor.max, tensor.range.lo, tensor.range.hi, tensor.snr_db});
  }
  report_.notes = std::move(result.notes);
  Graph small = Access::graph(std::move(result.graph));
  small.set_metadata("recipe", recipe_of(kind, options));
  return small;
}

Graph ModelCompressor::fp16() { return compress("fp16"); }
Graph ModelCompressor::bf16() { return compress("bf16"); }
Graph ModelCompressor::dynamic_quantization() { return compress("int8-dynamic"); }
Graph ModelCompressor::static_quantization(const StaticQuantization& options) { return compress("int8-static", options); }
Graph ModelCompressor::int8_weights() { return compress("int8-weight"); }
Graph ModelCompressor::int4_weights(const WeightQuantization& options) { return compress("int4-weight", {}, options); }

}  // namespace omni
