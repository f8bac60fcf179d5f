// Operators without a gradient rule of their own are expanded and differentiated: against central differences.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "ops/evaluate.h"
#include "train/differentiate.h"

namespace omni::train {
namespace {

using ops::evaluate;

struct Row {
  const OpDef* op;
  std::vector<Shape> shapes;  // of the inputs, all of them parameters
  Attributes attributes = {};
};

Tensor numbers(const Shape& shape, size_t seed) {
  std::vector<double> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = 1.3 * std::sin(2.4 * static_cast<double>(i) + 0.7 * static_cast<double>(seed) + 0.5);
  return from_double(DType::kF32, shape, v);
}

std::map<ValueId, Tensor> run(const Graph& graph, std::map<ValueId, Tensor> known) {
  ThreadPool pool(1);
  for (const ValueId id : graph.constants()) known.emplace(id, graph.value(id).data);
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    std::vector<std::optional<Tensor>> inputs;
    for (const ValueId v : n.inputs) inputs.push_back(v == kNone ? std::nullopt : std::optional(known.at(v)));
    const auto results = evaluate(n, inputs, pool, available_isas().back());
    for (size_t i = 0; results && i < n.outputs.size(); ++i) {
      if (n.outputs[i] != kNone) known[n.outputs[i]] = (*results)[i];
    }
  }
  return known;
}

void check(const Row& row) {
  SCOPED_TRACE(op_text(*row.op));
  Graph g;
  std::vector<ValueId> parameters;
  std::map<ValueId, Tensor> values;
  for (size_t i = 0; i < row.shapes.size(); ++i) {
    parameters.push_back(g.add_state("p" + std::to_string(i), numbers(row.shapes[i], i), Role::kParameter));
    values.emplace(parameters.back(), numbers(row.shapes[i], i));
  }
  const ValueId y = g.add1(*row.op, parameters, row.attributes);
  const ValueId weights = g.add_constant("weights", numbers(*g.type(y).shape(), 9));
  const ValueId loss = g.add1(ops::kReduceSum, {g.add1(ops::kMul, {y, weights})}, {{"keepdims", int64_t{0}}}, {.output_names = {"loss"}});
  g.add_output(loss);
  const Graph plain = g.clone();
  const std::vector<ValueId> gradients = differentiate(g, loss, parameters);
  for (const ValueId id : gradients) g.add_output(id);
  verify(g);
  const auto found = run(g, values);
  for (size_t p = 0; p < parameters.size(); ++p) {
    const std::vector<double> gradient = to_double(found.at(gradients[p])), at = to_double(values.at(parameters[p]));
    for (size_t i = 0; i < at.size(); i += std::max<size_t>(1, at.size() / 12)) {
      double side[2];
      for (int k = 0; k < 2; ++k) {
        std::vector<double> moved = at;
        moved[i] += k == 0 ? -1.0 / 256 : 1.0 / 256;
        std::map<ValueId, Tensor> changed = values;
        changed[parameters[p]] = from_double(DType::kF32, row.shapes[p], moved);
        side[k] = to_double(run(plain, changed).at(loss))[0];
      }
      const double slope = (side[1] - side[0]) * 128;
      ASSERT_NEAR(gradient[i], slope, 4e-3 * std::max(1.0, std::fabs(slope))) << "input " << p << " element " << i;
    }
  }
}

TEST(CompositeGradient, OperatorsWithoutARule) {
  const Row rows[] = {{&ops::kHardSwish, {{2, 9}}},
                      {&ops::kMish, {{2, 9}}},
                      {&ops::kGelu, {{2, 9}}},
                      {&ops::kGelu, {{2, 9}}, {{"approximate", "tanh"}}},
                      {&ops::kDropout, {{2, 9}}},
                      {&ops::kLayerNormalization, {{3, 2, 5}, {5}, {5}}},
                      {&ops::kInstanceNormalization, {{2, 3, 4, 4}, {3}, {3}}},
                      {&ops::kGroupNormalization, {{2, 4, 5}, {4}, {4}}, {{"num_groups", int64_t{2}}}},
                      {&ops::kMeanVarianceNormalization, {{2, 3, 4, 4}}},
                      {&ops::kDepthToSpace, {{1, 8, 2, 3}}, {{"blocksize", int64_t{2}}}},
                      {&ops::kSpaceToDepth, {{1, 2, 4, 6}}, {{"blocksize", int64_t{2}}}},
                      {&ops::kRMSNormalization, {{3, 2, 5}, {5}}},
                      {&ops::kLpNormalization, {{3, 5}}},
                      {&ops::kGlobalLpPool, {{2, 2, 3, 3}}, {{"p", int64_t{3}}}},
                      {&ops::kSwish, {{2, 9}}, {{"alpha", 1.5f}}},
                      {&ops::kSwiGLU, {{2, 9}, {2, 9}}},
                      {&ops::kCausalConvWithState, {{1, 2, 6}, {2, 1, 3}, {2}}},
                      {&ops::kRotaryEmbedding, {{1, 2, 3, 4}, {1, 3, 2}, {1, 3, 2}}, {{"interleaved", int64_t{1}}}},
                      {&ops::kRotaryEmbedding, {{1, 3, 8}, {1, 3, 2}, {1, 3, 2}}, {{"num_heads", int64_t{2}}}},
                      {&ops::kAttention, {{1, 2, 3, 4}, {1, 2, 5, 4}, {1, 2, 5, 3}}},
                      {&ops::kAttention, {{1, 3, 8}, {1, 3, 4}, {1, 3, 4}}, {{"q_num_heads", int64_t{4}}, {"kv_num_heads", int64_t{2}}, {"is_causal", int64_t{1}}}},
                      {&ops::kEinsum, {{2, 3, 4}, {4, 5, 3}}, {{"equation", "bij,jkz->bkzi"}}},
                      {&ops::kEinsum, {{3, 3}, {3}}, {{"equation", "ii,i->i"}}}};
  for (const Row& row : rows) check(row);
}

}  // namespace
}  // namespace omni::train
