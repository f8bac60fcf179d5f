#include <algorithm>

#include "api/access.h"
#include "api/model_file.h"

namespace omni {

namespace api {

ValueInfo value_info(const graph::Graph& graph, graph::ValueId id) {
  const graph::Value& value = graph.value(id);
  ValueInfo info;
  info.name = value.name;
  info.dtype = to_public(value.type.dtype);
  for (const graph::Dim dim : value.type.dims) info.shape.push_back(dim.is_constant() ? dim.value : -1);
  info.type = graph::type_text(value.type, graph.dims());
  return info;
}

std::vector<ValueInfo> values_info(const graph::Graph& graph, std::span<const graph::ValueId> ids) {
  std::vector<ValueInfo> infos;
  for (const graph::ValueId id : ids) infos.push_back(value_info(graph, id));
  return infos;
}

}  // namespace api

Graph::Graph() : impl_(std::make_shared<const Impl>(Impl{std::make_shared<const graph::Graph>(), {}, {}, 0})) {}

Graph Graph::load(const std::string& path, const LoadOptions& options) {
  std::optional<device::MemoryFence> fence;
  if (options.limit_bytes > 0) fence.emplace(options.limit_bytes - (device::resident_bytes() - device::file_resident_bytes()));
  const int64_t before = device::own_bytes();
  api::LoadedModel model = api::load_model(path);
  return Access::graph(std::move(model.graph), std::move(model.format), path, std::max<int64_t>(0, device::own_bytes() - before));
}

Graph Graph::parse(std::string_view text) { return Access::graph(graph::parse(text, ops::find_op)); }

void Graph::save(const std::string& path, const SaveOptions& options) const {
  api::save_model(*impl_->graph, path, api::format_for(path, options.format), api::overwrite(options.overwrite), options.coded);
}

std::vector<CodedWeight> Graph::coded_weights() const {
  std::vector<CodedWeight> weights;
  for (const graph::ValueId id : impl_->graph->constants()) {
    const graph::Value& value = impl_->graph->value(id);
    CodedWeight weight{value.name, value.data.count(), static_cast<int64_t>(value.data.bytes()), static_cast<int64_t>(value.data.bytes()), 0, 0};
    if (const auto coded = formats::encode_tensor(value.data)) {
      weight.coded_bytes = static_cast<int64_t>(coded->bytes.size());
      weight.entropy_bytes = coded->entropy_bytes;
      weight.symbols = static_cast<int64_t>(coded->symbols);
    }
    weights.push_back(std::move(weight));
  }
  return weights;
}

std::vector<ValueInfo> Graph::inputs() const { return api::values_info(*impl_->graph, impl_->graph->inputs()); }
std::vector<ValueInfo> Graph::outputs() const { return api::values_info(*impl_->graph, impl_->graph->outputs()); }
int64_t Graph::parameters() const { return summary().parameters; }
std::string Graph::text() const { return graph::print(*impl_->graph); }
std::string Graph::format() const { return impl_->format; }

std::map<std::string, std::string> Graph::metadata() const { return {impl_->graph->metadata.begin(), impl_->graph->metadata.end()}; }

void Graph::set_metadata(const std::string& key, const std::string& value) {
  graph::Graph changed = impl_->graph->clone();
  if (value.empty()) changed.metadata.erase(key);
  else changed.metadata[key] = value;
  *this = Access::graph(std::move(changed), impl_->format);
}

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const train::NetworkInfo& network : train::networks()) names.emplace_back(network.name);
  return names;
}

Graph new_network(std::string_view name, uint64_t seed) {
  train::NetworkOptions options;
  options.seed = seed;
  return Access::graph(train::make_network(name, options));
}

}  // namespace omni
