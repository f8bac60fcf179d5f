// Changes of a model that hold only while it is trained: masks of pruned weights, codebooks, fake quantization.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "runtime/state_set.h"

namespace omni::train {

using namespace graph;

struct TrainingEdit {
  // What the result depends on beside the rewritten graph: a checkpoint of another edit is another training.
  std::string identity;
  // Rewrites the model once its parameters are states, before loss, gradients and updates are added; may add states and change what is trained. The trained
  // model that comes back is the rewritten one.
  std::function<void(Graph& model, std::vector<ValueId>& parameters)> rewrite;
  // Before step `step` (from 0) of `steps`, with the states as the steps before left them; must be a function of these alone.
  std::function<void(int64_t step, int64_t steps, runtime::StateSet& states)> before_step;
};

}  // namespace omni::train
