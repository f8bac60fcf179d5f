#include "compress/prune/masks.h"

#include <algorithm>

#include "compress/quantize/targets.h"
#include "ops/op_list.h"

namespace omni::compress {

std::string mask_name(const std::string& weight) { return weight + ".mask"; }

void add_masks(Graph& graph, const std::vector<std::string>& names, FirstMask first) {
  if (names.empty()) return;
  const ValueId zero = graph.add_constant(graph.unique_name("pruned"), Tensor::scalar(0.0F));
  for (const std::string& name : names) {
    const ValueId weight = graph.find(name);
    const std::vector<Use> readers = graph.value(weight).uses;
    Tensor kept_elements(DType::kBool, graph.value(weight).data.shape());
    const std::span<const float> values = graph.value(weight).data.values<float>();
    for (size_t i = 0; i < values.size(); ++i) kept_elements.mutable_values<uint8_t>()[i] = first == FirstMask::kAll || values[i] != 0 ? 1 : 0;
    const ValueId mask = graph.add_state(mask_name(name), std::move(kept_elements), Role::kMask, weight);
    const ValueId kept = graph.add1(ops::kWhere, {mask, weight, zero}, {}, {.output_names = {graph.unique_name(name + ".kept")}});
    for (const Use& use : readers) graph.set_node_input(use.node, use.index, kept);
  }
}

std::vector<std::string> pruned_weights(const Graph& graph) {
  std::vector<std::string> names;
  for (const WeightTarget& target : weight_targets(graph)) {
    const Value& weight = graph.value(target.value);
    const std::span<const float> values = weight.data.values<float>();
    if (std::count(values.begin(), values.end(), 0.0F) * 10 >= weight.data.count() && weight.data.count() > 0) names.push_back(weight.name);
  }
  return names;
}

void apply_masks(Graph& graph, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const ValueId weight = graph.find(name), mask = graph.find(mask_name(name));
    const std::span<const uint8_t> keep = graph.value(mask).data.values<uint8_t>();
    const std::span<const float> values = graph.value(weight).data.values<float>();
    Tensor pruned(DType::kF32, graph.value(weight).data.shape());
    for (size_t i = 0; i < values.size(); ++i) pruned.mutable_values<float>()[i] = keep[i] != 0 ? values[i] : 0.0F;
    graph.replace_uses(graph.node(graph.value(mask).uses.front().node).outputs[0], weight);
    graph.value(weight).data = std::move(pruned);
  }
  graph.erase_dead();
}

}  // namespace omni::compress
