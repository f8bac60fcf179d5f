// Composite operators become primitives where no kernel is bound to them.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

// Replaces `node` by its expansion: the new values take over names and readers.
void expand_node(Graph& graph, NodeId node);

bool expand(Graph& graph, PassContext& context);

// Composites over 8-bit integers that dequantize and quantize again (QLinearConv …): expanded first, so that lower_qdq sees what they are made of.
bool expand_quantized(Graph& graph, PassContext& context);

}  // namespace omni::passes
