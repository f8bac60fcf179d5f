// For tests of rewrites: text before → text after, and how far the results are apart.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "graph/pass.h"
#include "ops/evaluate.h"
#include "ops/op_list.h"

namespace omni::passes {

using namespace graph;

// Runs a graph whose only input is x, node by node.
inline std::vector<double> run(const Graph& graph, const Tensor& x) {
  ThreadPool pool(1);
  std::map<ValueId, Tensor> known = {{graph.inputs()[0], x}};
  for (const ValueId id : graph.constants()) known.emplace(id, graph.value(id).data);
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    std::vector<std::optional<Tensor>> inputs;
    for (const ValueId v : n.inputs) inputs.push_back(v == kNone ? std::nullopt : std::optional(known.at(v)));
    const auto outputs = ops::evaluate(n, inputs, pool, Isa::kScalar);
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (n.outputs[i] != kNone) known.insert_or_assign(n.outputs[i], (*outputs)[i]);
    }
  }
  return to_double(known.at(graph.outputs()[0]));
}

inline Tensor numbers(Shape shape) {
  std::vector<double> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(static_cast<double>(i) * 1.7);
  return from_double(DType::kF32, shape, v);
}

struct Rewrite {
  std::string text;
  double difference;
};

inline Rewrite rewrite(const char* text, bool (*pass)(Graph&, PassContext&), Shape input) {
  const Graph before = parse(text, ops::find_op);
  Graph after = before.clone();
  PassContext context;
  EXPECT_TRUE(pass(after, context));
  verify(after);
  const std::vector<double> a = run(before, numbers(input)), b = run(after, numbers(input));
  double difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = std::max(difference, std::fabs(a[i] - b[i]));
  return {print(after), difference};
}

// What a pass makes of a text, whether or not it changes anything.
inline std::string after(const char* text, bool (*pass)(Graph&, PassContext&)) {
  Graph graph = parse(text, ops::find_op);
  PassContext context;
  pass(graph, context);
  verify(graph);
  return print(graph);
}

}  // namespace omni::passes
