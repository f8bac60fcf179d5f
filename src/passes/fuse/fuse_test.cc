// Rewrites as text, before → after, and that the fused result is the unfused one.
#include "passes/fuse/activation.h"
#include "passes/fuse/batch_norm.h"
#include "passes/fuse/matmul_bias.h"
#include "passes/rewrite_test.h"

namespace omni::passes {
namespace {

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

// As a transformer's block ends: a stack of rows times one matrix, bias and what the block began with.
TEST(FuseActivation, BiasAndResidualGoIntoTheProductOfAStack) {
  const Rewrite r = rewrite(R"(graph g(%x:f32[2,3,2]) -> (%y) {
    const %w = f32[2,2]{1.0,2.0,3.0,4.0}
    const %b = f32[2]{0.5,-0.5}
    %m = MatMul(%x, %w)
    %a = Add(%b, %m)
    %s = Add(%x, %a)
    %y = Relu(%s)
  })", fuse_activation, Shape{2, 3, 2});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[2,3,2]) -> (%y) {
  const %w = f32[2,2]{1.0,2.0,3.0,4.0}
  const %b = f32[2]{0.5,-0.5}
  %y:f32[2,3,2] = ai.omni.FusedGemm(%x, %w, %b, %x) min=0.0
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
