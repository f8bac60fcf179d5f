#include "passes/identities.h"

#include <algorithm>

#include "ops/op_list.h"
#include "passes/fuse/match.h"

namespace omni::passes {

namespace {

// The same shape whatever its symbols stand for (in a body they are hints): Reshape keeps the number of elements, which settles one of them; or it is told
// the shape of its input.
bool keeps_shape(const Graph& g, const Node& n) {
  const Type &x = g.type(n.inputs[0]), &y = g.type(n.outputs[0]);
  if (!x.ranked || !(x == y)) return false;
  const auto open = std::count_if(x.dims.begin(), x.dims.end(), [](Dim d) { return !d.is_constant(); });
  if (open == 0 || (open == 1 && n.op == &ops::kReshape)) return true;
  const Node* shape = g.producer(n.inputs[1], ops::kShape);
  return shape != nullptr && shape->inputs[0] == n.inputs[0] && !shape->attributes.has("start") && !shape->attributes.has("end");
}

bool does_nothing(const Graph& g, const Node& n) {
  if (n.op == &ops::kIdentity) return true;
  if (n.op == &ops::kCast) return g.type(n.inputs[0]).dtype == g.type(n.outputs[0]).dtype;
  return (n.op == &ops::kReshape || n.op == &ops::kExpand) && keeps_shape(g, n);
}

bool drop_one(Graph& g, NodeId id) {
  const Node& n = g.node(id);
  if (n.outputs.size() != 1 || n.outputs[0] == kNone || !does_nothing(g, n)) return false;
  const Value& y = g.value(n.outputs[0]);
  if (y.uses.size() != g.use_count(n.outputs[0])) return false;  // an output or a commit keeps its name
  g.replace_uses(n.outputs[0], n.inputs[0]);
  g.erase_node(id);
  return true;
}

}  // namespace

bool drop_identities(Graph& graph, PassContext&) { return rewrite_nodes(graph, drop_one); }

}  // namespace omni::passes
