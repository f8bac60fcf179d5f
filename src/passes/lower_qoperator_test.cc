// The quantizers' operator form: expanded, then lowered, it runs on integer kernels as the QDQ form does.
#include <gtest/gtest.h>

#include "ops/evaluate.h"
#include "ops/op_list.h"
#include "passes/expand.h"
#include "passes/lower_qdq.h"

namespace omni::passes {
namespace {

constexpr const char* kModel = R"(graph g(%x:u8[1,1,2,3]) -> (%y) {
    const %s = f32[]{0.5}
    const %z = u8[]{100}
    const %w = i8[1,1,1,1]{2}
    const %sw = f32[]{0.5}
    const %zw = i8[]{0}
    const %v = i8[1,2]{4,-2}
    const %c = i32[2]{8,-4}
    const %shape = i64[2]{1,1}
    %a = QLinearConv(%x, %s, %z, %w, %sw, %zw, %s, %z)
    %b = com.microsoft.QLinearAdd(%a, %s, %z, %x, %s, %z, %s, %z)
    %d = com.microsoft.QLinearLeakyRelu(%b, %s, %z, %s, %z) alpha=0.5
    %e = com.microsoft.QLinearConcat(%s, %z, %d, %s, %z, %b, %s, %z) axis=2
    %f = com.microsoft.QLinearAveragePool(%e, %s, %z, %s, %z) kernel_shape=[2,1]
    %p = com.microsoft.QLinearGlobalAveragePool(%f, %s, %z, %s, %z)
    %r = Reshape(%p, %shape)
    %y = com.microsoft.QGemm(%r, %s, %z, %v, %sw, %zw, %c, %s, %z)
})";

Tensor run(const Graph& graph, const Tensor& x) {
  std::map<ValueId, Tensor> known = {{graph.inputs()[0], x}};
  for (const ValueId id : graph.constants()) known.emplace(id, graph.value(id).data);
  ThreadPool pool(1);
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    std::vector<std::optional<Tensor>> inputs;
    for (const ValueId v : n.inputs) inputs.push_back(v == kNone ? std::nullopt : std::optional(known.at(v)));
    const auto results = ops::evaluate(n, inputs, pool, Isa::kScalar);
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (n.outputs[i] != kNone) known.emplace(n.outputs[i], (*results)[i]);
    }
  }
  return known.at(graph.outputs()[0]);
}

TEST(QOperator, RunsOnIntegers) {
  Graph graph = parse(kModel, ops::find_op);
  // x = -2, 1, 3, 5, 0, 4; a = x; b = 2 x; d = -2, 2, 6, 10, 0, 8; e = d over b; f = pairs of rows, averaged.
  const Tensor x = Tensor::of<uint8_t>(Shape{1, 1, 2, 3}, {96, 102, 106, 110, 100, 108});
  const std::vector<double> plain = to_double(run(graph, x));
  PassContext context;
  expand_quantized(graph, context);
  lower_qdq(graph, context);
  verify(graph);
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    EXPECT_EQ(graph.type(n.outputs[0]).dtype, DType::kU8) << op_text(*n.op);
  }
  const std::vector<double> lowered = to_double(run(graph, x));
  ASSERT_EQ(plain.size(), 2u);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(lowered[i], plain[i], 1);
}

}  // namespace
}  // namespace omni::passes
