#include "compress/prune/masks.h"

#include <algorithm>

#include "core/error.h"
#include "ops/op_list.h"

namespace omni::compress {

std::string mask_name(const std::string& weight) { return weight + ".mask"; }

void add_masks(Graph& graph, const std::vector<std::string>& names) {
  if (names.empty()) return;
  const ValueId zero = graph.add_constant(graph.unique_name("pruned"), Tensor::scalar(0.0F));
  for (const std::string& name : names) {
    const ValueId weight = graph.find(name);
    const std::vector<Use> readers = graph.value(weight).uses;
    Tensor all(DType::kBool, graph.value(weight).data.shape());
    std::fill_n(static_cast<uint8_t*>(all.mutable_data()), all.bytes(), uint8_t{1});
    const ValueId mask = graph.add_state(mask_name(name), std::move(all), Role::kMask, weight);
    const ValueId kept = graph.add1(ops::kWhere, {mask, weight, zero}, {}, {.output_names = {graph.unique_name(name + ".kept")}});
    for (const Use& use : readers) graph.set_node_input(use.node, use.index, kept);
  }
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
