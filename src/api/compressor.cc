#include "api/access.h"
#include "core/thread_pool.h"

namespace omni {

namespace {

void set_if_known(compress::RecipeStep& step, std::string_view option, const std::string& text) {
  for (const compress::StepOption& known : step.step->options) {
    if (known.name == option) step.options.set(option, text);
  }
}

compress::RecipeStep step_of(std::string_view method, const StaticQuantization& ranges, const WeightQuantization& weights, int64_t samples) {
  compress::RecipeStep step(compress::find_step(method));
  set_if_known(step, "samples", std::to_string(samples));
  set_if_known(step, "observer", std::string(compress::observer_name(static_cast<compress::Observer>(ranges.observer))));
  set_if_known(step, "percentile", core::json_number(ranges.percentile) + "%");
  set_if_known(step, "group", std::to_string(weights.group));
  set_if_known(step, "keep_ends_int8", weights.keep_ends_int8 ? "true" : "false");
  return step;
}

}  // namespace

std::vector<std::string> compression_methods() {
  std::vector<std::string> names;
  for (const compress::StepDef* step : compress::step_defs()) {
    if (!step->trains && !step->prepares) names.emplace_back(step->name);
  }
  return names;
}

LayerReport api::layer_report(compress::LayerReport layer) {
  return {std::move(layer.name), std::move(layer.op), std::move(layer.action), std::move(layer.reason), layer.elements,
          static_cast<int64_t>(layer.bytes_before), static_cast<int64_t>(layer.bytes_after), layer.snr_db};
}

ActivationReport api::activation_report(const compress::TensorReport& tensor) {
  return {tensor.name, tensor.min, tensor.max, tensor.range.lo, tensor.range.hi, tensor.snr_db};
}

ModelCompressor::ModelCompressor(const Graph& graph, const CompressorOptions& options) : graph_(graph), options_(options) {}

Graph ModelCompressor::compress(std::string_view method, const StaticQuantization& ranges, const WeightQuantization& weights) {
  const graph::Graph& graph = *Access::graph(graph_);
  const compress::RecipeStep step = step_of(method, ranges, weights, options_.samples);
  const runtime::SessionOptions session = api::session_options(options_.threads, options_.isa);
  compress::StepInput input;
  input.pool = std::make_shared<core::ThreadPool>(session.threads);
  input.isa = session.isa;
  input.progress = options_.progress;
  std::optional<train::SampleData> data;
  if (options_.data && step.step->needs_data) data = train::match_data(graph, Access::shared_data(*options_.data));
  if (data) input.data = &*data;
  compress::StepResult result = compress::apply_step(graph, *step.step, step.options, input);
  report_ = {};
  for (compress::LayerReport& layer : result.layers) report_.layers.push_back(api::layer_report(std::move(layer)));
  for (const compress::TensorReport& tensor : result.tensors) report_.activations.push_back(api::activation_report(tensor));
  report_.notes = std::move(result.notes);
  compress::Recipe recipe;
  recipe.decide = compress::Decide::kNone;
  recipe.steps.push_back(step);
  Graph small = Access::graph(std::move(result.graph));
  small.set_metadata("recipe", compress::canonical_text(recipe));
  return small;
}

Graph ModelCompressor::fp16() { return compress("fp16"); }
Graph ModelCompressor::bf16() { return compress("bf16"); }
Graph ModelCompressor::dynamic_quantization() { return compress("int8-dynamic"); }
Graph ModelCompressor::static_quantization(const StaticQuantization& options) { return compress("int8-static", options); }
Graph ModelCompressor::int8_weights() { return compress("int8-weight"); }
Graph ModelCompressor::int4_weights(const WeightQuantization& options) { return compress("int4-weight", {}, options); }

}  // namespace omni
