// How many bytes of intermediate values are alive at each step, for a given order of a graph whose shapes are all numbers.
//
// A view is its input's memory, an in-place operator may take over the memory of an input that dies there, a next value of a state lies where the
// state does: as a session's plan has it, without scratch and without what placing blocks side by side wastes. So orders, and the recomputation of
// values, can be chosen before anything is planned.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"

namespace omni::passes {

using namespace graph;

// The same graph, ids and layouts too, for inputs of these shapes.
Graph sized(const Graph& graph, std::span<const Shape> inputs);

// A step: a node, or its repetition, which reads and writes the copies of values.
struct Step {
  NodeId node = kNone;
  bool again = false;
};

class Liveness {
 public:
  explicit Liveness(const Graph& sized);

  // Every shape is known, and no value is a string, a sequence or an optional: only then the rest may be asked.
  bool known() const { return known_; }
  // Of the memory that is this value's; 0 for inputs, constants, states and their next values.
  int64_t bytes(ValueId id) const { return bytes_[id]; }
  // Whose memory the value is: its own, or that of the value it is a view of.
  ValueId root(ValueId id) const { return root_[id]; }

  struct Span {
    int32_t first = -1, last = -1;  // steps, both included; -1: it has no memory
  };
  struct Peak {
    int64_t bytes = 0;
    size_t step = 0;          // the first step where
    size_t steps = 0;         // at how many
    std::vector<Span> spans;  // by value that is its own root, then by copy
    bool less(const Peak& other) const { return bytes != other.bytes ? bytes < other.bytes : steps < other.steps; }
  };
  // `again[n]`: the node has a repetition, whose outputs later steps read: those of repetitions, and of nodes with `late`.
  Peak peak(std::span<const Step> steps, const std::vector<bool>& again = {}, const std::vector<bool>& late = {}) const;

 private:
  const Graph& graph_;
  std::vector<int64_t> bytes_;
  std::vector<ValueId> root_;
  std::vector<bool> stays_;  // outputs of the graph
  bool known_ = true;
};

}  // namespace omni::passes
