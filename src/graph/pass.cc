#include "graph/pass.h"

#include <chrono>

#include "core/error.h"

namespace omni::graph {

size_t live_node_count(const Graph& graph) {
  size_t count = 0;
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    const Node& n = graph.node(id);
    if (n.erased) continue;
    ++count;
    for (const auto& body : n.bodies) count += live_node_count(*body);
  }
  return count;
}

std::vector<PassReport> run_passes(Graph& graph, std::span<const Pass> passes, PassContext& context, const PassManagerOptions& options) {
  std::vector<PassReport> reports;
  for (const Pass& pass : passes) {
    if (options.disabled.contains(pass.name)) continue;
    if (options.cancelled && options.cancelled()) throw Error(ErrorCode::kInterrupted, "stopped before pass " + std::string(pass.name));
    PassReport report{pass.name, false, 0, live_node_count(graph), 0};
    const auto start = std::chrono::steady_clock::now();
    report.changed = pass.run(graph, context);
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    report.nodes_after = live_node_count(graph);
    if (report.changed && options.verify) {
      try {
        verify(graph);
      } catch (const Error& error) {
        throw error.within("after pass " + std::string(pass.name));
      }
    }
    if (options.after) options.after(pass.name, graph);
    reports.push_back(report);
  }
  return reports;
}

}  // namespace omni::graph
