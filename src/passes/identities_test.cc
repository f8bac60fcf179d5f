#include "passes/identities.h"

#include "passes/rewrite_test.h"

namespace omni::passes {
namespace {

TEST(Identities, Go) {
  EXPECT_EQ(after(R"(graph g(%x:f32[2,N]) -> (%y, %z) {
    const %same = i64[2]{2,-1}
    const %ones = i64[2]{1,1}
    %a = Identity(%x)
    %b = Cast(%a) to=1
    %c = Reshape(%b, %same)
    %d = Exp(%c)
    %s = Shape(%d)
    %e = Expand(%d, %s)
    %f = Identity(%e)
    %y = Neg(%f)
    %z = Identity(%d)
  })", drop_identities), R"(graph g(%x:f32[2,N]) -> (%y, %z) {
  %d:f32[2,N] = Exp(%x)
  %y:f32[2,N] = Neg(%d)
  %z:f32[2,N] = Identity(%d)
}
)");
}

// Two open sizes say nothing about each other; a bool is no float.
TEST(Identities, OthersStay) {
  const char* const text = R"(graph g(%x:f32[M,N], %w:i32[M,N]) -> (%y, %z) {
  %s:i64[2] = Shape(%w)
  %r:f32[M,N] = Reshape(%x, %s)
  %y:f32[M,N] = Neg(%r)
  %c:f32[M,N] = Cast(%w) to=1
  %z:f32[M,N] = Neg(%c)
}
)";
  Graph graph = parse(text, ops::find_op);
  PassContext context;
  EXPECT_FALSE(drop_identities(graph, context)) << print(graph);
}

}  // namespace
}  // namespace omni::passes
