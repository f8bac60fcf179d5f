// Attention as exporters write it: text before → after, and that the fused node computes what the primitives do.
#include "passes/fuse/attention.h"

#include "passes/expand.h"
#include "passes/rewrite_test.h"

namespace omni::passes {
namespace {

// x is [batch, heads, length, size]; keys and values are made of it.
std::string around(const std::string& nodes, const char* input = "%x:f32[2,3,5,4]") {
  return std::string("graph g(") + input + R"() -> (%y) {
    const %half = f32[]{0.5}
    const %two = f32[]{2.0}
    const %root = f32[1]{0.70710677}
    const %low = f32[]{-10000.0}
    const %lowest = f32[]{-3.4028235e38}
    const %never = f32[]{-inf}
    const %zero = f32[]{0.0}
    const %axes = i64[1]{-1}
    const %bias = f32[5]{0.0,-1.0,0.5,-10000.0,2.0}
    const %mask = bool[5,5]{1,0,0,0,0,1,1,0,0,0,1,1,1,0,0,1,1,1,1,0,1,1,1,1,1}
    const %blind = bool[5,5]{0,0,0,0,0,1,1,0,0,0,1,1,1,0,0,1,1,1,1,0,1,1,1,1,1}
    %k = Neg(%x)
    %v = Exp(%x)
    )" + nodes + "\n}";
}

struct Spelling {
  const char* nodes;
  const char* attributes;
};

TEST(FuseAttention, EverySpelling) {
  const Spelling spellings[] = {
      {"%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %p = Softmax(%s) axis=-1\n %y = MatMul(%p, %v)", "(%x, %k, %v)\n"},
      {"%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %d = Div(%s, %two)\n %p = Softmax(%d) axis=3\n %y = MatMul(%p, %v)",
       "(%x, %k, %v) scale=0.5\n"},
      {"%q = Mul(%x, %root)\n %t = Transpose(%k) perm=[0,1,3,2]\n %u = Mul(%root, %t)\n %s = MatMul(%q, %u)\n %p = Softmax(%s) axis=-1\n %y = MatMul(%p, %v)",
       "(%x, %k, %v) scale=0.49999997\n"},
      {"%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %d = Mul(%half, %s)\n %b = Add(%bias, %d)\n %p = Softmax(%b)\n %y = MatMul(%p, %v)",
       "(%x, %k, %v, %bias) scale=0.5\n"},
      {"%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %w = Where(%mask, %s, %lowest)\n %b = Add(%w, %bias)\n %p = Softmax(%b)\n"
       " %y = MatMul(%p, %v)",
       "(%x, %k, %v, %bias, %mask) bias_last=1 fill=-3.4028235e+38\n"},
      {"%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %b = Add(%s, %bias)\n %w = Where(%mask, %never, %b)\n %p = Softmax(%w)\n"
       " %y = MatMul(%p, %v)",
       "(%x, %k, %v, %bias, %mask) hides=1\n"},
      {"%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %w = Where(%blind, %s, %low)\n %p = Softmax(%w)\n %y = MatMul(%p, %v)",
       "(%x, %k, %v, _, %blind) fill=-10000.0\n"},
      {"%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %w = Where(%blind, %s, %never)\n %p = Softmax(%w)\n %m = ReduceMax(%w, %axes)\n"
       " %e = Equal(%m, %never)\n %g = Where(%e, %zero, %p)\n %y = MatMul(%g, %v)",
       "(%x, %k, %v, _, %blind) empty_is_zero=1\n"},
      {"%s = com.microsoft.FusedMatMul(%x, %k) alpha=0.25 transB=1\n %p = Softmax(%s)\n %y = MatMul(%p, %v)", "(%x, %k, %v) scale=0.25\n"},
      {"const %flat = i64[3]{-1,5,4}\n const %back = i64[4]{2,3,4,5}\n %f = Reshape(%k, %flat)\n %t = Transpose(%f) perm=[0,2,1]\n"
       " %u = Reshape(%t, %back)\n %s = MatMul(%x, %u)\n %p = Softmax(%s)\n %y = MatMul(%p, %v)",
       "(%x, %k, %v)\n"},
  };
  for (const Spelling& s : spellings) {
    const Rewrite r = rewrite(around(s.nodes).c_str(), fuse_attention, Shape{2, 3, 5, 4});
    EXPECT_NE(r.text.find(std::string("%y:f32[2,3,5,4] = ai.omni.FusedAttention") + s.attributes), std::string::npos) << r.text;
    EXPECT_EQ(r.text.find("Softmax"), std::string::npos) << r.text;
    EXPECT_LE(r.difference, 2e-6) << s.nodes;
  }
}

// Heads between the rows of a projection: no Transpose is left.
TEST(FuseAttention, TakesTransposesAlong) {
  const std::string text = around(
      "%q = Transpose(%x) perm=[0,2,1,3]\n %t = Transpose(%k) perm=[0,2,3,1]\n %w = Transpose(%v) perm=[0,2,1,3]\n"
      " %s = MatMul(%q, %t)\n %p = Softmax(%s)\n %m = MatMul(%p, %w)\n %y = Transpose(%m) perm=[0,2,1,3]");
  const Rewrite r = rewrite(text.c_str(), fuse_attention, Shape{2, 3, 5, 4});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[2,3,5,4]) -> (%y) {
  %k:f32[2,3,5,4] = Neg(%x)
  %v:f32[2,3,5,4] = Exp(%x)
  %y:f32[2,3,5,4] = ai.omni.FusedAttention(%x, %k, %v) k_perm=[0,2,1,3] q_perm=[0,2,1,3] v_perm=[0,2,1,3] y_perm=[0,2,1,3]
}
)");
  EXPECT_LE(r.difference, 2e-6);
}

// Kᵀ that nobody transposed.
TEST(FuseAttention, KeysInColumns) {
  const Rewrite r = rewrite(R"(graph g(%x:f32[4,4]) -> (%y) {
    %k = Neg(%x)
    %s = MatMul(%x, %k)
    %p = Softmax(%s)
    %y = MatMul(%p, %x)
  })", fuse_attention, Shape{4, 4});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[4,4]) -> (%y) {
  %k:f32[4,4] = Neg(%x)
  %y:f32[4,4] = ai.omni.FusedAttention(%x, %k, %x) k_perm=[1,0]
}
)");
  EXPECT_LE(r.difference, 2e-6);
}

// Repeated heads become a dimension that is broadcast.
TEST(FuseAttention, GroupedHeads) {
  const std::string text = around(
      "const %one = i64[1]{2}\n const %times = i64[5]{1,1,2,1,1}\n const %eight = i64[4]{2,6,5,4}\n const %places = bool[1,1,5,5]{" +
      std::string("1,0,0,0,0,1,1,0,0,0,1,1,1,0,0,1,1,1,1,0,1,1,1,1,1}\n") +
      " %q = Concat(%v, %x) axis=1\n %k5 = Unsqueeze(%k, %one)\n %kx = Expand(%k5, %times)\n %k6 = Reshape(%kx, %eight)\n"
      " %v5 = Unsqueeze(%v, %one)\n %vx = Tile(%v5, %times)\n %v6 = Reshape(%vx, %eight)\n %t = Transpose(%k6) perm=[0,1,3,2]\n"
      " %s = MatMul(%q, %t)\n %w = Where(%places, %s, %never)\n %p = Softmax(%w)\n %m = MatMul(%p, %v6)\n %y = Transpose(%m) perm=[0,2,1,3]");
  const Rewrite r = rewrite(text.c_str(), fuse_attention, Shape{2, 3, 5, 4});
  EXPECT_NE(r.text.find("%FusedAttention:f32[2,5,3,2,4] = ai.omni.FusedAttention(%Reshape, %k5, %v5, _, %Unsqueeze) y_perm=[0,3,1,2,4]"), std::string::npos) << r.text;
  EXPECT_EQ(r.text.find("Expand"), std::string::npos) << r.text;
  EXPECT_EQ(r.text.find("Tile"), std::string::npos) << r.text;
  EXPECT_LE(r.difference, 2e-6);
}

// The operator of ai.onnx, through its expansion.
TEST(FuseAttention, Operators) {
  const auto both = [](Graph& graph, PassContext& context) {
    expand(graph, context);
    return fuse_attention(graph, context);
  };
  const char* const nodes[] = {"%y = Attention(%x, %k, %v)", "%y = Attention(%x, %k, %v, %bias)", "%y = Attention(%x, %k, %v, %blind) scale=0.25",
                               "%y = Attention(%x, %k, %v, %bias) is_causal=1 left_window_size=2",
                               "%g = Concat(%x, %v) axis=1\n %y = Attention(%g, %k, %v, %mask) is_causal=1"};
  for (const char* node : nodes) {
    const Rewrite r = rewrite(around(node).c_str(), both, Shape{2, 3, 5, 4});
    EXPECT_NE(r.text.find("ai.omni.FusedAttention"), std::string::npos) << r.text;
    EXPECT_EQ(r.text.find("Softmax"), std::string::npos) << r.text;
    EXPECT_EQ(r.text.find("Expand"), std::string::npos) << r.text;
    EXPECT_LE(r.difference, 2e-6) << node;
  }
}

TEST(FuseAttention, OthersStay) {
  for (const char* nodes : {
           "%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %p = Softmax(%s) axis=2\n %y = MatMul(%p, %v)",
           "%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %p = Softmax(%s)\n %m = MatMul(%p, %v)\n %z = MatMul(%s, %v)\n %y = Add(%m, %z)",
           "%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %r = Tanh(%s)\n %p = Softmax(%r)\n %y = MatMul(%p, %v)",
           "%t = Transpose(%k) perm=[0,1,3,2]\n %s = MatMul(%x, %t)\n %p = Softmax(%s)\n %e = Transpose(%p)\n %f = Transpose(%e)\n %y = MatMul(%f, %v)"}) {
    Graph graph = parse(around(nodes), ops::find_op);
    PassContext context;
    EXPECT_FALSE(fuse_attention(graph, context)) << nodes;
  }
}

}  // namespace
}  // namespace omni::passes
