// What pattern rules ask of a graph, and how they put their result in place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

// The number that a constant of one element holds.
std::optional<double> scalar_constant(const Graph& graph, ValueId id);

// The node that reads the value, if it is read once and is no output of the graph.
const Node* sole_user(const Graph& graph, ValueId id);

// The other one of the two inputs of a node that reads `id`.
ValueId other_operand(const Node& n, ValueId id);

// A node of `op` whose output takes the place and the name of `old`; it is called as the node that made `old`, unless `node_name` says otherwise.
void replace_value(Graph& graph, ValueId old, const OpDef& op, std::vector<ValueId> inputs, Attributes attributes, std::string node_name = {});

// Calls `rule` for every node that is left when its turn comes, bodies before the nodes that have them, then erases what nobody reads. True if any call was.
bool rewrite_nodes(Graph& graph, bool (*rule)(Graph&, NodeId));

}  // namespace omni::passes
