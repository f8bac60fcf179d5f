// Which constants of a model are trained.
//
// A float constant of rank >= 1 is a parameter when an operator names its position so (Formal::param: weight, bias, scale, table, slope), also
// through Transpose, views (Reshape, Flatten, Identity …) and the masks of pruning (Where), or when it is an operand of Add or Mul. Scalars never are. A constant that several
// nodes read is one parameter. Running statistics (Formal::param: buffer) become buffers, by set_mode.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace omni::train {

using namespace graph;

struct MarkOptions {
  std::vector<std::string> train = {};   // patterns; none: everything
  std::vector<std::string> freeze = {};  // patterns; win over `train`
};

// Whether the patterns choose a parameter of that name.
bool is_chosen(const MarkOptions& options, std::string_view name);

// Turns them into states of role parameter, in the order of their ids, and returns them. The graph must hold f32 weights where it is to be trained.
// Throws Error (kInvalidArgument) when a pattern matches nothing that could be trained, or nothing is left to train.
std::vector<ValueId> mark_parameters(Graph& graph, const MarkOptions& options = {});

// Names of what could be trained, in the order of their ids.
std::vector<std::string> trainable_names(const Graph& graph);

// The kind of position that a constant or state is read in; kNo where none is a parameter's. Operands of Add are biases, of Mul scales.
ParamKind parameter_kind(const Graph& graph, ValueId id);

// States back to constants.
void unmark_states(Graph& graph);

}  // namespace omni::train
