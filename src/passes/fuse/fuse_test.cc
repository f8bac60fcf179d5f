// Rewrites as text, before → after, and that the fused result is the unfused one.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "ops/evaluate.h"
#include "ops/op_list.h"
#include "passes/fuse/activation.h"
#include "passes/fuse/batch_norm.h"
#include "passes/fuse/matmul_bias.h"

namespace omni::passes {
namespace {

// Runs a graph whose only input is x, node by node.
std::vector<double> run(const Graph& graph, const Tensor& x) {
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

Tensor numbers(Shape shape) {
  std::vector<double> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = std::sin(static_cast<double>(i) * 1.7);
  return from_double(DType::kF32, shape, v);
}

struct Rewrite {
  std::string text;
  double difference;
};

Rewrite rewrite(const char* text, bool (*pass)(Graph&, PassContext&), Shape input) {
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

TEST(FuseBatchNorm, GoesIntoTheConvolution) {
  const Rewrite r = rewrite(R"(graph g(%x:f32[1,1,3,3]) -> (%y) {
    const %w = f32[2,1,1,1]{2.0,-1.0}
    const %gamma = f32[2]{1.0,3.0}
    const %beta = f32[2]{0.5,0.0}
    const %mean = f32[2]{1.0,-1.0}
    const %var = f32[2]{3.0,8.0}
    %c = Conv(%x, %w)
    %y = BatchNormalization(%c, %gamma, %beta, %mean, %var) epsilon=1.0
  })", fuse_batch_norm, Shape{1, 1, 3, 3});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[1,1,3,3]) -> (%y) {
  const %w.1 = f32[2,1,1,1]{1.0,-1.0}
  const %w.bias = f32[2]{0.0,1.0}
  %y:f32[1,2,3,3] = Conv(%x, %w.1, %w.bias)
}
)");
  EXPECT_LE(r.difference, 1e-6);
}

TEST(FuseMatMulBias, BecomesGemm) {
  const Rewrite r = rewrite(R"(graph g(%x:f32[2,3]) -> (%y) {
    const %w = f32[3,2]{1.0,2.0,3.0,4.0,5.0,6.0}
    const %b = f32[2]{0.5,-0.5}
    %m = MatMul(%x, %w)
    %y = Add(%b, %m)
  })", fuse_matmul_bias, Shape{2, 3});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[2,3]) -> (%y) {
  const %w = f32[3,2]{1.0,2.0,3.0,4.0,5.0,6.0}
  const %b = f32[2]{0.5,-0.5}
  %y:f32[2,2] = Gemm(%x, %w, %b)
}
)");
  EXPECT_LE(r.difference, 1e-6);
}

TEST(FuseActivation, ResidualAndReluGoIntoTheConvolution) {
  const Rewrite r = rewrite(R"(graph g(%x:f32[1,2,3,3]) -> (%y) {
    const %w = f32[2,2,1,1]{1.0,-2.0,0.5,1.0}
    const %b = f32[2]{0.25,0.0}
    %c = Conv(%x, %w, %b) as "c"
    %a = Add(%x, %c)
    %y = Relu(%a)
  })", fuse_activation, Shape{1, 2, 3, 3});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[1,2,3,3]) -> (%y) {
  const %w = f32[2,2,1,1]{1.0,-2.0,0.5,1.0}
  const %b = f32[2]{0.25,0.0}
  %y:f32[1,2,3,3] = ai.omni.FusedConv(%x, %w, %b, %x) min=0.0 as "c"
}
)");
  EXPECT_LE(r.difference, 1e-6);
}

TEST(FuseActivation, ClipGoesIntoGemm) {
  const Rewrite r = rewrite(R"(graph g(%x:f32[2,3]) -> (%y) {
    const %w = f32[3,2]{1.0,2.0,3.0,4.0,5.0,6.0}
    const %lo = f32[]{0.0}
    const %hi = f32[]{6.0}
    %m = Gemm(%x, %w)
    %y = Clip(%m, %lo, %hi)
  })", fuse_activation, Shape{2, 3});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[2,3]) -> (%y) {
  const %w = f32[3,2]{1.0,2.0,3.0,4.0,5.0,6.0}
  %y:f32[2,2] = ai.omni.FusedGemm(%x, %w) max=6.0 min=0.0
}
)");
  EXPECT_LE(r.difference, 1e-6);
}

TEST(FuseActivation, AValueReadElsewhereStays) {
  Graph graph = parse(R"(graph g(%x:f32[1,1,2,2]) -> (%y, %c) {
    const %w = f32[1,1,1,1]{2.0}
    %c = Conv(%x, %w)
    %y = Relu(%c)
  })", ops::find_op);
  PassContext context;
  EXPECT_FALSE(fuse_activation(graph, context));
}

}  // namespace
}  // namespace omni::passes
