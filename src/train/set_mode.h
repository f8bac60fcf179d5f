// A model as training sees it, and back.
//
// Training: BatchNormalization whose scale or bias is a parameter becomes BatchNormTrain, its running statistics buffers with commits; Dropout
// becomes RandomMask, whose coins are Philox(seed; the node's name, step, element). Frozen batch norms stay as inference has them.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace omni::train {

using namespace graph;

enum class Mode : uint8_t { kInfer, kTrain };

// Scalars i64 that random nodes read; set_mode adds them as inputs "seed" and "step" when one is needed and they are kNone.
struct RandomInputs {
  ValueId seed = kNone, step = kNone;
};

struct ModeReport {
  int batch_norms = 0, dropouts = 0;  // rewritten
  RandomInputs inputs;
};

// After mark_parameters. Throws Error (kUnsupported, kInvalidArgument) naming the node.
ModeReport set_mode(Graph& graph, Mode mode, RandomInputs inputs = {});

// Turns the running statistics of batch norms that will be trained into buffers (set_mode does it too), so that every graph made from this one
// finds them in one StateSet.
void mark_buffers(Graph& graph);

}  // namespace omni::train
