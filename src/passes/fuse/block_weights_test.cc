// Products with weights of 4 and 8 bits: text before → after, and that the weights mean the same.
#include "passes/fuse/block_weights.h"

#include "passes/expand.h"
#include "passes/rewrite_test.h"

namespace omni::passes {
namespace {

// Sixteen columns of weights in blocks of eight, three rows.
constexpr const char* kConstants = R"(
    const %q = u4[3,16]{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,0,0,9,1,8,2,7,3,6,4,5,11,10,12,15,13,14,5,5,5,5,6,6,6,6,7,7,7,7,8,8,8,8}
    const %t = u4[16,3]{1,0,5,2,9,5,3,1,5,4,8,5,5,2,6,6,7,6,7,3,6,8,6,6,9,4,7,10,5,7,11,11,7,12,10,7,13,12,8,14,15,8,15,13,8,0,14,8}
    const %s = f32[3,2]{0.5,0.25,1.0,0.125,2.0,0.5}
    const %st = f32[2,3]{0.5,1.0,2.0,0.25,0.125,0.5}
    const %h = f16[3,2]{0.5,0.25,1.0,0.125,2.0,0.5}
    const %z = u4[3,2]{8,7,6,5,4,3}
    const %bias = f32[3]{1.0,-1.0,0.5}
)";

std::string around(const std::string& nodes) { return std::string("graph g(%x:f32[2,5,16]) -> (%y) {") + kConstants + nodes + "\n}"; }

struct Spelling {
  const char* nodes;
  const char* fused;
};

TEST(FuseBlockWeights, EverySpelling) {
  const Spelling spellings[] = {
      {"%w = DequantizeLinear(%q, %s, %z) axis=1 block_size=8\n %y = com.microsoft.FusedMatMul(%x, %w) alpha=0.5 transB=1",
       "(%x, %q, %s, %z) alpha=0.5 block_size=8"},
      {"%w = DequantizeLinear(%q, %s) axis=-1 block_size=8\n %v = Transpose(%w) perm=[1,0]\n %m = MatMul(%x, %v)\n %y = Add(%bias, %m)",
       "(%x, %q, %s, _, %bias) block_size=8"},
      {"%w = DequantizeLinear(%q, %h, %z) axis=1 block_size=8\n %f = Cast(%w) to=1\n %v = Transpose(%f) perm=[1,0]\n %y = MatMul(%x, %v)",
       "(%x, %q, %h, %z) block_size=8 half=1"},
      {"%w = DequantizeLinear(%t, %st) axis=0 block_size=8\n %y = MatMul(%x, %w)", "(%x, %t.turned, %st.turned) block_size=8"},
  };
  for (const Spelling& s : spellings) {
    const Rewrite r = rewrite(around(s.nodes).c_str(), fuse_all_block_weights, Shape{2, 5, 16});
    EXPECT_NE(r.text.find(std::string("%y:f32[2,5,3] = ai.omni.BlockMatMul") + s.fused + "\n"), std::string::npos) << r.text;
    EXPECT_EQ(r.text.find("DequantizeLinear"), std::string::npos) << r.text;
    EXPECT_LE(r.difference, 2e-5) << s.nodes;  // sums of sixteen products up to 24
  }
}

TEST(FuseBlockWeights, GemmWithItsBias) {
  const std::string text = std::string("graph g(%x:f32[5,16]) -> (%y) {") + kConstants +
                           "%w = DequantizeLinear(%q, %s, %z) axis=1 block_size=8\n %y = Gemm(%x, %w, %bias) transB=1\n}";
  const Rewrite r = rewrite(text.c_str(), fuse_all_block_weights, Shape{5, 16});
  EXPECT_NE(r.text.find("%y:f32[5,3] = ai.omni.BlockMatMul(%x, %q, %s, %z, %bias) block_size=8\n"), std::string::npos) << r.text;
  EXPECT_LE(r.difference, 2e-5);
}

// The operator of com.microsoft, through its expansion; the last block is half padding.
TEST(FuseBlockWeights, MatMulNBits) {
  const auto both = [](Graph& graph, PassContext& context) {
    expand(graph, context);
    return fuse_all_block_weights(graph, context);
  };
  for (const char* node : {"%y = com.microsoft.MatMulNBits(%x, %b, %s) K=24 N=2 bits=4 block_size=16",
                           "%y = com.microsoft.MatMulNBits(%x, %b, %s, %z, _, %bias) K=24 N=2 bits=4 block_size=16"}) {
    const std::string text = std::string(R"(graph g(%x:f32[3,24]) -> (%y) {
      const %b = u8[2,2,8]{16,50,84,118,152,186,220,254,1,35,69,103,0,0,0,0,239,205,171,137,103,69,35,1,254,220,186,152,0,0,0,0}
      const %s = f32[4]{0.5,0.25,1.0,0.125}
      const %z = u8[2]{120,86}
      const %bias = f32[2]{1.0,-1.0}
      )") + node + "\n}";
    const Rewrite r = rewrite(text.c_str(), both, Shape{3, 24});
    EXPECT_NE(r.text.find("ai.omni.BlockMatMul(%x, %b.u4"), std::string::npos) << r.text;
    EXPECT_EQ(r.text.find("DequantizeLinear"), std::string::npos) << r.text;
    EXPECT_LE(r.difference, 2e-5) << node;
  }
}

TEST(FuseBlockWeights, OthersStay) {
  for (const char* nodes : {"%one = DequantizeLinear(%q, %s, %z) axis=1 block_size=8\n %v = Transpose(%one) perm=[1,0]\n %n = Neg(%v)\n %y = MatMul(%x, %n)",
                            "const %s1 = f32[3]{0.5,0.25,1.0}\n %w = DequantizeLinear(%q, %s1) axis=0\n %v = Transpose(%w) perm=[1,0]\n %y = MatMul(%x, %v)"}) {
    Graph graph = parse(around(nodes), ops::find_op);
    PassContext context;
    EXPECT_FALSE(fuse_all_block_weights(graph, context)) << nodes;
  }
}

// 8 Mi weights are 32 MiB of floats; one column more is beyond that.
TEST(FuseBlockWeights, WhatACacheHoldsIsDecodedInstead) {
  for (const auto& [columns, fused] : {std::pair(4096, false), std::pair(4097, true)}) {
    const std::string n = std::to_string(columns);
    Graph graph = parse("graph g(%x:f32[1,2048]) -> (%y) {\n const %q = u8[" + n + ",2048]splat(3)\n const %s = f32[" + n +
                            ",64]splat(0.5)\n %w = DequantizeLinear(%q, %s) axis=1 block_size=32\n %y = com.microsoft.FusedMatMul(%x, %w) transB=1\n}",
                        ops::find_op);
    PassContext context;
    EXPECT_EQ(fuse_block_weights(graph, context), fused) << columns;
  }
}

}  // namespace
}  // namespace omni::passes
