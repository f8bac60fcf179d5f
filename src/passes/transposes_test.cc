// Transposes that vanish: as text, before → after, and that the numbers stay where they belong.
#include "passes/transposes.h"

#include "passes/rewrite_test.h"

namespace omni::passes {
namespace {

struct Case {
  const char* nodes;
  const char* left;  // of the graph's body
};

std::string around(const char* nodes) { return std::string("graph g(%x:f32[2,3,4]) -> (%y) {\n") + nodes + "\n}"; }

TEST(Transposes, BecomeFewer) {
  const Case cases[] = {
      // Two in a row: one, or none.
      {"%a = Transpose(%x) perm=[1,2,0]\n %y = Transpose(%a) perm=[1,2,0]", "  %y:f32[4,2,3] = Transpose(%x) perm=[2,0,1]\n"},
      {"%a = Transpose(%x) perm=[1,2,0]\n %b = Transpose(%a) perm=[2,0,1]\n %y = Neg(%b)", "  %b:f32[2,3,4] = Identity(%x)\n  %y:f32[2,3,4] = Neg(%b)\n"},
      // Around element-wise nodes, a constant of lower rank and one number among the operands.
      {"const %c = f32[4,1]{1.0,2.0,3.0,4.0}\n const %one = f32[]{1.0}\n %a = Transpose(%x) perm=[0,2,1]\n %b = Relu(%a)\n %s = Mul(%b, %c)\n"
       " %p = Add(%one, %s)\n %y = Transpose(%p) perm=[0,2,1]",
       "  const %one = f32[]{1.0}\n  const %Transpose.1 = f32[1,1,4]{1.0,2.0,3.0,4.0}\n  %Relu:f32[2,3,4] = Relu(%x)\n"},
      // Two operands transposed alike.
      {"%a = Transpose(%x) perm=[2,0,1]\n %e = Exp(%x)\n %b = Transpose(%e) perm=[2,0,1]\n %y = Sub(%a, %b)",
       "  %e:f32[2,3,4] = Exp(%x)\n  %Sub:f32[2,3,4] = Sub(%x, %e)\n  %y:f32[4,2,3] = Transpose(%Sub) perm=[2,0,1]\n"},
      // Operands of a product.
      {"%e = Exp(%x)\n %t = Transpose(%e) perm=[0,2,1]\n %y = MatMul(%x, %t)", "  %e:f32[2,3,4] = Exp(%x)\n  %y:f32[2,3,3] = com.microsoft.FusedMatMul(%x, %e) transB=1\n"},
      {"%e = Exp(%x)\n %t = Transpose(%x) perm=[0,2,1]\n %u = Transpose(%e) perm=[0,2,1]\n %y = com.microsoft.FusedMatMul(%t, %u) transB=1",
       "  %e:f32[2,3,4] = Exp(%x)\n  %y:f32[2,4,4] = com.microsoft.FusedMatMul(%x, %e) transA=1\n"},
  };
  for (const Case& c : cases) {
    const Rewrite r = rewrite(around(c.nodes).c_str(), eliminate_transposes, Shape{2, 3, 4});
    EXPECT_NE(r.text.find(c.left), std::string::npos) << r.text;
    EXPECT_LE(r.difference, 1e-6) << c.nodes;
  }
}

TEST(Transposes, ATableOfBytesIsNoOperand) {
  std::string table;
  for (int i = 0; i < 256; ++i) table += (i > 0 ? "," : "") + std::to_string(255 - i);
  const std::string text = "graph g(%x:u8[1,2,3,4]) -> (%y) {\n  const %t = u8[256]{" + table + R"(}
  %a = Transpose(%x) perm=[0,3,1,2]
  %b = ai.omni.QLookup(%a, %t)
  %y = Transpose(%b) perm=[0,2,3,1]
})";
  Graph graph = parse(text, ops::find_op);
  PassContext context;
  EXPECT_TRUE(eliminate_transposes(graph, context));
  verify(graph);
  const std::string after = print(graph);
  EXPECT_NE(after.find("ai.omni.QLookup(%x, %t)"), std::string::npos) << after;
  EXPECT_EQ(after.find("Transpose"), std::string::npos) << after;
}

// Sizes may stay open; what moves is a one.
TEST(Transposes, OfOnesBecomeReshapes) {
  const Rewrite r = rewrite(R"(graph g(%x:f32[1,N,5]) -> (%y) {
    %y = Transpose(%x) perm=[1,0,2]
  })", eliminate_transposes, Shape{1, 3, 5});
  EXPECT_EQ(r.text, R"(graph g(%x:f32[1,N,5]) -> (%y) {
  const %shape = i64[3]{-1,1,5}
  %y:f32[N,1,5] = Reshape(%x, %shape)
}
)");
  EXPECT_EQ(r.difference, 0);
}

TEST(Transposes, OthersStay) {
  for (const char* nodes : {
           "%y = Transpose(%x) perm=[0,2,1]",                                                                               // nothing to meet
           "%a = Transpose(%x) perm=[0,2,1]\n %e = Exp(%x)\n %f = Reshape(%e, %s)\n %b = Add(%a, %f)\n %y = Transpose(%b) perm=[0,2,1]",  // one operand is not
           "%a = Transpose(%x) perm=[0,2,1]\n %e = Exp(%a)\n %b = Transpose(%e) perm=[0,2,1]\n %c = Softmax(%e)\n %d = Transpose(%c) perm=[0,2,1]\n %y = Concat(%b, %d) axis=0",
       }) {
    Graph graph = parse(std::string("graph g(%x:f32[2,3,4]) -> (%y) {\n const %s = i64[3]{2,4,3}\n ") + nodes + "\n}", ops::find_op);
    PassContext context;
    const std::string before = print(graph);
    EXPECT_FALSE(eliminate_transposes(graph, context));
    verify(graph);
    EXPECT_EQ(print(graph), before);
  }
}

}  // namespace
}  // namespace omni::passes
