// Patterns that become one node: as text, before → after, and that the result is the same.
#include "passes/expand.h"
#include "passes/fuse/layer_norm.h"
#include "passes/rewrite_test.h"
#include "passes/fuse/smooth_activation.h"

namespace omni::passes {
namespace {

TEST(FuseLayerNorm, AsExportersWriteIt) {
  const Rewrite r = rewrite(R"(graph g(%x:f32[2,3,4]) -> (%y) {
    const %axes = i64[1]{-1}
    const %two = f32[]{2.0}
    const %eps = f32[]{0.5}
    const %gamma = f32[4]{1.0,2.0,-3.0,0.5}
    const %beta = f32[4]{0.0,1.0,0.25,-1.0}
    %mean = ReduceMean(%x, %axes)
    %d = Sub(%x, %mean)
    %p = Pow(%d, %two)
    %v = ReduceMean(%p, %axes)
    %e = Add(%v, %eps)
    %s = Sqrt(%e)
    %n = Div(%d, %s)
    %g = Mul(%n, %gamma)
    %y = Add(%g, %beta)
  })", fuse_layer_norm, Shape{2, 3, 4});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[2,3,4]) -> (%y) {
  const %gamma = f32[4]{1.0,2.0,-3.0,0.5}
  const %beta = f32[4]{0.0,1.0,0.25,-1.0}
  %y:f32[2,3,4] = ai.omni.NormalizeRows(%x, %gamma, %beta) axis=2 epsilon=0.5
}
)");
  EXPECT_LE(r.difference, 1e-6);
}

TEST(FuseLayerNorm, RootMeanSquareWithAReciprocal) {
  const Rewrite r = rewrite(R"(graph g(%x:f32[2,4]) -> (%y) {
    const %axes = i64[1]{1}
    const %eps = f32[]{0.5}
    const %one = f32[]{1.0}
    const %gamma = f32[4]{1.0,2.0,-3.0,0.5}
    %p = Mul(%x, %x)
    %v = ReduceMean(%p, %axes)
    %e = Add(%eps, %v)
    %s = Sqrt(%e)
    %i = Div(%one, %s)
    %n = Mul(%i, %x)
    %y = Mul(%gamma, %n)
  })", fuse_layer_norm, Shape{2, 4});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[2,4]) -> (%y) {
  const %gamma = f32[4]{1.0,2.0,-3.0,0.5}
  %y:f32[2,4] = ai.omni.NormalizeRows(%x, %gamma) axis=1 epsilon=0.5 rms=1
}
)");
  EXPECT_LE(r.difference, 1e-6);
}

// Every normalization of ai.onnx, through its expansion.
TEST(FuseLayerNorm, Operators) {
  const auto both = [](Graph& graph, PassContext& context) {
    expand(graph, context);
    return fuse_layer_norm(graph, context);
  };
  const char* const nodes[] = {
      "LayerNormalization(%x, %s2, %b2) axis=2", "LayerNormalization(%x, %s1) axis=-1 epsilon=0.25", "RMSNormalization(%x, %s2) axis=-2",
      "InstanceNormalization(%x, %c, %d)",       "GroupNormalization(%x, %c, %d) num_groups=2"};
  for (const char* node : nodes) {
    const std::string text = std::string(R"(graph g(%x:f32[2,4,3,2]) -> (%y) {
      const %s1 = f32[2]{1.0,-2.0}
      const %s2 = f32[3,2]{1.0,2.0,-3.0,0.5,2.0,4.0}
      const %b2 = f32[3,2]{0.0,1.0,0.25,-1.0,1.0,1.0}
      const %c = f32[4]{1.0,2.0,-3.0,0.5}
      const %d = f32[4]{0.0,1.0,0.25,-1.0}
      %y = )") + node + "\n}";
    const Rewrite r = rewrite(text.c_str(), both, Shape{2, 4, 3, 2});
    EXPECT_NE(r.text.find("ai.omni.NormalizeRows"), std::string::npos) << r.text;
    EXPECT_EQ(r.text.find("Sqrt"), std::string::npos) << r.text;
    EXPECT_LE(r.difference, 2e-6) << node;
  }
}

TEST(FuseLayerNorm, OtherAxesStay) {
  Graph graph = parse(R"(graph g(%x:f32[2,4]) -> (%y) {
    const %axes = i64[1]{0}
    const %eps = f32[]{0.5}
    %p = Mul(%x, %x)
    %v = ReduceMean(%p, %axes)
    %e = Add(%v, %eps)
    %s = Sqrt(%e)
    %y = Div(%x, %s)
  })", ops::find_op);
  PassContext context;
  EXPECT_FALSE(fuse_layer_norm(graph, context));
}

struct Pattern {
  const char* nodes;
  const char* fused;
};

TEST(FuseSmoothActivation, EverySpelling) {
  const Pattern patterns[] = {
      {"%u = Div(%x, %root)\n %e = Erf(%u)\n %a = Add(%e, %one)\n %m = Mul(%x, %a)\n %y = Mul(%m, %half)", "Gelu(%x)"},
      {"%u = Mul(%x, %inverse)\n %e = Erf(%u)\n %a = Add(%one, %e)\n %h = Mul(%half, %x)\n %y = Mul(%h, %a)", "Gelu(%x)"},
      {"%u = Div(%x, %root)\n %e = Erf(%u)\n %a = Add(%e, %one)\n %m = Mul(%a, %half)\n %y = Mul(%m, %x)", "Gelu(%x)"},
      {"%u = Div(%x, %root)\n %e = Erf(%u)\n %a = Add(%e, %one)\n %h = Div(%x, %two)\n %y = Mul(%h, %a)", "Gelu(%x)"},
      {"%c = Pow(%x, %three)\n %k = Mul(%c, %cubic)\n %i = Add(%x, %k)\n %w = Mul(%i, %slope)\n %t = Tanh(%w)\n %a = Add(%t, %one)\n"
       " %h = Mul(%x, %half)\n %y = Mul(%h, %a)",
       "Gelu(%x) approximate=\"tanh\""},
      {"%q = Mul(%x, %x)\n %c = Mul(%x, %q)\n %k = Mul(%cubic, %c)\n %i = Add(%k, %x)\n %w = Mul(%slope, %i)\n %t = Tanh(%w)\n %a = Add(%one, %t)\n"
       " %m = Mul(%x, %a)\n %y = Mul(%half, %m)",
       "Gelu(%x) approximate=\"tanh\""},
      {"%s = Sigmoid(%x)\n %y = Mul(%s, %x)", "Swish(%x)"},
      {"%m = Mul(%x, %alpha)\n %s = Sigmoid(%m)\n %y = Mul(%x, %s)", "Swish(%x) alpha=1.702"},
      {"%s = HardSigmoid(%x) alpha=0.16666667\n %y = Mul(%x, %s)", "HardSwish(%x)"},
      {"%p = Add(%x, %three)\n %c = Clip(%p, %zero, %six)\n %m = Mul(%x, %c)\n %y = Div(%m, %six)", "HardSwish(%x)"},
      {"%p = Add(%x, %three)\n %c = Clip(%p, %zero, %six)\n %d = Div(%c, %six)\n %y = Mul(%x, %d)", "HardSwish(%x)"},
  };
  for (const Pattern& pattern : patterns) {
    const std::string text = std::string(R"(graph g(%x:f32[3,5]) -> (%y) {
      const %root = f32[]{1.4142135}
      const %inverse = f32[]{0.70710677}
      const %one = f32[]{1.0}
      const %half = f32[]{0.5}
      const %two = f32[]{2.0}
      const %three = f32[]{3.0}
      const %six = f32[]{6.0}
      const %zero = f32[]{0.0}
      const %cubic = f32[]{0.044715}
      const %slope = f32[]{0.7978845}
      const %alpha = f32[]{1.702}
      )") + pattern.nodes + "\n}";
    const Rewrite r = rewrite(text.c_str(), fuse_smooth_activation, Shape{3, 5});
    EXPECT_NE(r.text.find(std::string("{\n  %y:f32[3,5] = ") + pattern.fused + "\n}"), std::string::npos) << r.text;
    EXPECT_LE(r.difference, 2e-7) << pattern.nodes;
  }
}

TEST(FuseSmoothActivation, OtherConstantsStay) {
  for (const char* nodes : {"%k = Mul(%x, %one)\n %e = Erf(%k)\n %a = Add(%e, %one)\n %m = Mul(%x, %a)\n %y = Mul(%m, %half)",
                            "%s = Sigmoid(%x)\n %y = Mul(%s, %half)"}) {
    Graph graph = parse(std::string("graph g(%x:f32[3,5]) -> (%y) {\n const %one = f32[]{1.0}\n const %half = f32[]{0.5}\n") + nodes + "\n}", ops::find_op);
    PassContext context;
    EXPECT_FALSE(fuse_smooth_activation(graph, context)) << nodes;
  }
}

}  // namespace
}  // namespace omni::passes
