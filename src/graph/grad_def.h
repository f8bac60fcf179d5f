// The gradient of an operator: a symbol of its own in the operator's file, named only by train/grad_list.inc, so that the runtime links none.
#pragma once

#include "graph/graph.h"

namespace omni::graph {

struct GradContext {
  Graph& graph;  // rules add ordinary nodes here
  const Node& node;
  std::span<const ValueId> output_grads;  // dL/d(output i), kNone where nothing flows

  ValueId input(int i) const { return i < static_cast<int>(node.inputs.size()) ? node.inputs[static_cast<size_t>(i)] : kNone; }
  ValueId output(int i) const { return node.outputs[static_cast<size_t>(i)]; }
  ValueId grad(int i = 0) const { return output_grads[static_cast<size_t>(i)]; }
  // Whether anybody asks for the gradient of input i: rules skip what nobody needs.
  std::span<const bool> wanted;
  bool wants(int i) const { return i < static_cast<int>(wanted.size()) && wanted[static_cast<size_t>(i)]; }
};

struct GradDef {
  const OpDef* op;
  // One value per input of the node (same shape as the input), kNone where there is no gradient or it is not wanted.
  std::vector<ValueId> (*rule)(GradContext&);
};

}  // namespace omni::graph
