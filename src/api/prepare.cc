#include "api/access.h"
#include "passes/planning.h"

namespace omni {

std::vector<std::string> planning_passes() {
  std::vector<std::string> names;
  for (const graph::Pass& pass : passes::planning_passes()) names.emplace_back(pass.name);
  return names;
}

Preparation prepare(const Graph& graph, const SessionOptions& options) {
  runtime::Preparation prepared =
      runtime::prepare_reported(Access::graph(graph)->clone(), api::session_options(options.threads, options.isa, options.disabled_passes));
  Preparation result{{}, std::move(prepared.notes), Access::graph(prepared.graph->clone())};
  for (const graph::PassReport& pass : prepared.passes) {
    result.passes.push_back({std::string(pass.name), pass.changed, pass.seconds, static_cast<int64_t>(pass.nodes_before), static_cast<int64_t>(pass.nodes_after)});
  }
  return result;
}

}  // namespace omni
