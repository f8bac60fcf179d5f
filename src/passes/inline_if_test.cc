#include "passes/inline_if.h"

#include <gtest/gtest.h>

#include "ops/op_list.h"
#include "passes/rewrite_test.h"

namespace omni::passes {
namespace {

// The condition is settled by a shape; what the branch holds settles the one inside.
TEST(InlineIf, BranchesOfKnownConditionsTakeTheNodesPlace) {
  EXPECT_EQ(after(R"(graph g(%x:f32[N,3]) -> (%y) {
    const %three = i64[]{3}
    const %one = i64[]{1}
    %s = Shape(%x)
    %d = Gather(%s, %one)
    %c = Equal(%d, %three)
    %y = If(%c, %x, %x) body 1 graph then(%x:f32[N,3]) -> (%a) {
      const %yes = bool[]{0}
      %a = If(%yes, %x, %x) body 1 graph t(%x:f32[N,3]) -> (%b) { %b = Neg(%x) } body 1 graph e(%x:f32[N,3]) -> (%b) { %b = Abs(%x) }
    } body 1 graph otherwise(%x:f32[N,3]) -> (%a) { %a = Relu(%x) }
  })",
                  inline_if),
            R"(graph g(%x:f32[N,3]) -> (%y) {
  %y:f32[N,3] = Abs(%x)
}
)");
}

TEST(InlineIf, UnknownConditionsStay) {
  const char* text = R"(graph g(%c:bool[], %x:f32[N]) -> (%y) {
  %y:f32[N] = If(%c, %x, %x) body 1 graph then(%x:f32[N]) -> (%a) {
    %a:f32[N] = Neg(%x)
  } body 1 graph otherwise(%x:f32[N]) -> (%a) {
    %a:f32[N] = Abs(%x)
  }
}
)";
  EXPECT_EQ(after(text, inline_if), text);
}

TEST(SinkConstants, CapturedConstantsMoveInside) {
  EXPECT_EQ(after(R"(graph g(%c:bool[], %x:f32[2]) -> (%y) {
    const %k = f32[2]{1.0,2.0}
    %y = If(%c, %x, %k, %k) body 2 graph then(%x:f32[2], %k:f32[2]) -> (%a) {
      %a = Add(%x, %k)
    } body 1 graph otherwise(%k:f32[2]) -> (%k) {
    }
  })",
                  sink_constants),
            R"(graph g(%c:bool[], %x:f32[2]) -> (%y) {
  const %k = f32[2]{1.0,2.0}
  %y:f32[2] = If(%c, %x) body 1 graph then(%x:f32[2]) -> (%a) {
    const %k.1 = f32[2]{1.0,2.0}
    %a:f32[2] = Add(%x, %k.1)
  } body 0 graph otherwise() -> (%k.1) {
    const %k.1 = f32[2]{1.0,2.0}
  }
}
)");
}

}  // namespace
}  // namespace omni::passes
