// Passes over one graph, and the manager that runs, verifies, times and can switch off each.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace omni::graph {

// What passes tell and are told.
struct PassContext {
  Isa isa = Isa::kScalar;
  // Why a node stayed as it was ("Softmax: stays in float, …"); lists that `compress` and `inspect --passes` show.
  std::vector<std::string> notes;
};

struct Pass {
  std::string_view name;
  // True if the graph changed.
  bool (*run)(Graph&, PassContext&);
};

struct PassReport {
  std::string_view name;
  bool changed = false;
  double seconds = 0;
  size_t nodes_before = 0, nodes_after = 0;
};

struct PassManagerOptions {
  std::set<std::string, std::less<>> disabled;  // names of passes to leave out
  bool verify = true;                           // verify() after every pass that changed something
  std::function<bool()> cancelled;              // asked before each pass; true throws Error (kInterrupted)
  std::function<void(std::string_view pass, const Graph&)> after;  // for printing
};

// Runs the passes in order; the report has one entry a pass that ran.
std::vector<PassReport> run_passes(Graph& graph, std::span<const Pass> passes, PassContext& context, const PassManagerOptions& options = {});

size_t live_node_count(const Graph& graph);

}  // namespace omni::graph
