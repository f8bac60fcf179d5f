// The names of a graph's outputs are part of its interface, and in ONNX they are names of values.
#pragma once

#include <string>

#include "graph/graph.h"

namespace omni::formats {

using namespace graph;

// A value with exactly that name and the contents of `id`, to become the next output: `id` itself, renamed where it may be, else an Identity of it.
// Whatever else has the name gets another. Throws Error (kUnsupported) when there is no Identity.
ValueId named_output(Graph& graph, ValueId id, const std::string& name, OpLookup ops);

}  // namespace omni::formats
