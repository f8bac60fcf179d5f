#include "passes/dce.h"

namespace omni::passes {

bool dce(Graph& graph, PassContext& context) {
  bool any = graph.erase_dead();
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    for (const auto& body : graph.node(id).bodies) any |= dce(*body, context);
  }
  return any;
}

}  // namespace omni::passes
