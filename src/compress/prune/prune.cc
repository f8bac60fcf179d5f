#include "compress/prune/prune.h"

#include <algorithm>
#include <cstdio>

#include "compress/prune/masks.h"
#include "compress/quantize/targets.h"
#include "core/error.h"
#include "train/glob.h"

namespace omni::compress {

namespace {

constexpr int64_t kUpdates = 100;  // of the masks, over the pruning steps

using Masks = std::vector<std::vector<bool>>;

std::vector<std::string> names_of(const std::vector<PruneLayer>& layers) {
  std::vector<std::string> names;
  for (const PruneLayer& layer : layers) names.push_back(layer.name);
  return names;
}

const char* left_dense(const WeightTarget& target, const std::string& name, const PruneOptions& options) {
  if (train::matches_any(options.keep, name)) return "stays dense, as asked";
  if (!options.layers.empty()) return train::matches_any(options.layers, name) ? nullptr : "stays dense, it is not among the layers to prune";
  if (target.table) return "stays dense, it is an embedding";
  return target.depthwise ? "stays dense, it is a depthwise convolution: few weights, each of which counts" : nullptr;
}

void set_masks(runtime::StateSet& states, const std::vector<PruneLayer>& layers, const Masks& masks) {
  for (size_t l = 0; l < layers.size(); ++l) {
    Tensor mask(DType::kBool, states.get(mask_name(layers[l].name)).shape());
    for (size_t i = 0; i < masks[l].size(); ++i) mask.mutable_values<uint8_t>()[i] = masks[l][i] ? 1 : 0;
    states.set(mask_name(layers[l].name), std::move(mask));
  }
}

void update_masks(runtime::StateSet& states, const std::vector<PruneLayer>& layers, const PruneOptions& options, double sparsity) {
  std::vector<Tensor> weights, masks;
  std::vector<std::span<const float>> values;
  Masks before;
  for (const PruneLayer& layer : layers) {
    values.push_back(weights.emplace_back(states.get(layer.name)).values<float>());
    const std::span<const uint8_t> mask = masks.emplace_back(states.get(mask_name(layer.name))).values<uint8_t>();
    before.emplace_back(mask.begin(), mask.end());
  }
  set_masks(states, layers, choose_weights(layers, values, before, options.pattern, options.scope, sparsity));
}

std::string identity(const std::vector<PruneLayer>& layers, const PruneOptions& options, double during) {
  char text[256];
  std::snprintf(text, sizeof text, "prune %lldx%lld %lld:%lld %d %a %a", static_cast<long long>(options.pattern.outputs),
                static_cast<long long>(options.pattern.inputs), static_cast<long long>(options.pattern.keep), static_cast<long long>(options.pattern.of),
                static_cast<int>(options.scope), options.sparsity, during);
  std::string all = text;
  for (const PruneLayer& layer : layers) all += " " + layer.name + " " + std::to_string(layer.most);
  return all;
}

}  // namespace

std::vector<PruneLayer> layers_to_prune(const Graph& graph, const PruneOptions& options, PassContext& context) {
  const std::vector<WeightTarget> targets = weight_targets(graph);
  std::vector<std::string> names;
  for (const WeightTarget& target : targets) names.push_back(graph.value(target.value).name);
  train::require_matches(options.layers, names, "weight that could be pruned", "layers");
  train::require_matches(options.keep, names, "weight that could be pruned", "keep");
  std::vector<PruneLayer> layers;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (const char* reason = left_dense(targets[i], names[i], options)) {
      context.notes.push_back(names[i] + ": " + reason);
    } else {
      layers.push_back({names[i], weight_layout(graph, targets[i]), options.most});
    }
  }
  if (layers.empty()) throw Error(ErrorCode::kInvalidArgument, "the model has no f32 weights left to prune", "pruning", "prune the float model, before it is quantized");
  return layers;
}

void prune(Graph& graph, const std::vector<PruneLayer>& layers, const PruneOptions& options) {
  std::vector<std::span<const float>> values;
  for (const PruneLayer& layer : layers) values.push_back(graph.value(graph.find(layer.name)).data.values<float>());
  const Masks masks = choose_weights(layers, values, {}, options.pattern, options.scope, options.sparsity);
  for (size_t l = 0; l < layers.size(); ++l) {
    Value& weight = graph.value(graph.find(layers[l].name));
    Tensor pruned(DType::kF32, weight.data.shape());
    for (size_t i = 0; i < values[l].size(); ++i) pruned.mutable_values<float>()[i] = masks[l][i] ? values[l][i] : 0.0F;
    weight.data = std::move(pruned);
  }
}

train::TrainingEdit gradual_pruning(const std::vector<PruneLayer>& layers, const PruneOptions& options, double during) {
  train::TrainingEdit edit;
  edit.identity = identity(layers, options, during);
  edit.rewrite = [names = names_of(layers)](Graph& model, std::vector<ValueId>&) { add_masks(model, names); };
  edit.before_step = [layers, options, during](int64_t step, int64_t steps, runtime::StateSet& states) {
    const auto last = static_cast<int64_t>(during * static_cast<double>(steps - 1));
    const int64_t every = std::max<int64_t>(1, last / kUpdates);
    if (options.pattern.chooses() && step != 0) return;
    if (step > last || (step != last && step % every != 0)) return;
    const double left = last == 0 ? 0 : 1 - static_cast<double>(step) / static_cast<double>(last);
    update_masks(states, layers, options, options.sparsity * (1 - left * left * left));
  };
  return edit;
}

}  // namespace omni::compress
