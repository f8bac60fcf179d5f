// Losses appended to a model's graph, as means over the samples of a batch: sum over samples / number of samples.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace omni::train {

using namespace graph;

// kCrossEntropy: of logits against class indices i64, on what stands before a final Softmax or LogSoftmax. kMse: against f32 targets of the output's
// shape, mean over all elements.
enum class LossKind : uint8_t { kAuto, kCrossEntropy, kMse };

// "auto", "cross-entropy", "mse"; throws Error (kInvalidArgument) with the nearest names.
LossKind parse_loss(std::string_view name);
std::string_view loss_name(LossKind kind);

struct LossOptions {
  LossKind kind = LossKind::kAuto;          // append_loss takes kAuto for kCrossEntropy
  double label_smoothing = 0;               // kCrossEntropy: this much of the target is spread over all classes, [0, 1)
  std::string output = {};                  // the model output it is a loss of; "": the first
};

struct LossValues {
  ValueId loss = kNone, prediction = kNone, target = kNone;  // prediction: logits for kCrossEntropy
};

// The value before a final Softmax or LogSoftmax over the classes (also behind Identity and views), or `output` itself.
ValueId logits_of(const Graph& graph, ValueId output);

// Adds an input "target" and the loss; the graph's outputs become {prediction, loss}. Throws Error (kInvalidArgument) for an output that fits no
// such loss.
LossValues append_loss(Graph& graph, const LossOptions& options);

}  // namespace omni::train
