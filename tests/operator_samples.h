// One way to call each operator: what the node cases of the ONNX suite do, and samples of operators that are newer than its release.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "graph/graph.h"
#include "onnx_suite.h"

namespace omni::suite {

using namespace core;

// A node that computes: what goes in, in the order of the operator's inputs.
struct Sample {
  std::vector<std::optional<Tensor>> inputs;
  graph::Attributes attributes;
  int outputs = 1;
};

// Small numbers on both sides of zero, no float among them 0.
Tensor sample_numbers(Shape shape, DType type = DType::kF32);
// Those of com.microsoft and ai.onnx.ml.
void add_contrib_operators(std::map<const graph::OpDef*, std::vector<Sample>>& samples);
// By operator, a few each; none for operators that run bodies.
std::map<const graph::OpDef*, std::vector<Sample>> operator_samples();

}  // namespace omni::suite
