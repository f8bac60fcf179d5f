// The update of every parameter, appended to a graph that has gradients.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace omni::train {

using namespace graph;

enum class OptimizerKind : uint8_t { kSgd, kAdam, kAdamW };

// "sgd", "adam", "adamw"; throws Error (kInvalidArgument) with the nearest names.
OptimizerKind parse_optimizer(std::string_view name);
std::string_view optimizer_name(OptimizerKind kind);
// The rate to start from where nobody says one: SGD 0.05, Adam and AdamW 0.001.
double usual_rate(OptimizerKind kind);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kSgd;
  double momentum = 0.9;  // kSgd; 0: none, and no state for it
  bool nesterov = false;  // kSgd
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // kAdam, kAdamW
  double weight_decay = 0;  // weights and tables of rank >= 2 only: no biases, norms, slopes; kAdamW: apart from the gradient
  double clip_norm = 0;     // of all gradients together, before the decay; 0: none
};

// Throws Error (kInvalidArgument) for values outside their ranges.
void check(const OptimizerOptions& options);

// The scalars an update reads: %rate f32[] and, for Adam, %step i64[] from 0.
struct OptimizerInputs {
  ValueId rate = kNone, step = kNone;
};

// Adds moments ("NAME.velocity", "NAME.first_moment", "NAME.second_moment"), updates and commits. gradients[i] belongs to parameters[i]; those with
// kNone stay as they are. `step` may be kNone where the kind needs none.
void append_updates(Graph& graph, std::span<const ValueId> parameters, std::span<const ValueId> gradients, const OptimizerOptions& options,
                    OptimizerInputs inputs);

}  // namespace omni::train
