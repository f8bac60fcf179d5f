// Static INT8: weights and activations in eight bits from calibration data, as QuantizeLinear/DequantizeLinear pairs.
//
// Activations u8, one scale a tensor, weights i8 per output channel within ±127, biases i32 at sx·sw. A tensor is quantized where a quantized node
// reads it, directly or through nodes that commute with dequantization; the last layer's output stays float (u8 logits tie).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compress/quantize/observer.h"
#include "graph/pass.h"

namespace omni::compress {

using namespace graph;

struct StaticPlan {
  std::vector<ValueId> observed;          // activations whose range must be known
  std::map<ValueId, ValueId> same_as;     // a tensor behind a transparent node → the tensor whose parameters it takes
  std::vector<NodeId> nodes;              // quantized nodes, in order of execution
};

// What will be quantized; a note for every product (Conv, Gemm, MatMul) that stays float, with the reason.
StaticPlan plan_static(const Graph& graph, PassContext& context);

struct TensorReport {
  std::string name;
  float min = 0, max = 0;  // seen
  Range range;             // quantized
  double snr_db = 0;
};

// Inserts the pairs. `histograms`: one for each of plan.observed.
std::vector<TensorReport> apply_static(Graph& graph, const StaticPlan& plan, const std::map<ValueId, Histogram>& histograms, Observer observer,
                                       double percentile, PassContext& context);

}  // namespace omni::compress
