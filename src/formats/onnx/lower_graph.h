// Brings a graph to the operators of an older opset.
#pragma once

#include "formats/onnx/unsupported.h"
#include "graph/graph.h"

namespace omni::formats {

using namespace graph;

// The node as the opset writes it (operators of other domains than ai.onnx: as they are). Throws Error (kUnsupported).
NodeDraft lower_node(const Graph& graph, const Node& node, int64_t opset);

// Replaces every node that cannot be lowered, bodies included, by its expansion, until all can be; names of outputs stay. What has no expansion goes
// into the report.
void expand_for(Graph& graph, int64_t opset, UnsupportedReport& report);

}  // namespace omni::formats
