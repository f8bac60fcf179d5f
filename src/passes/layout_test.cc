#include "passes/layout.h"

#include <gtest/gtest.h>

#include "ops/op_list.h"
#include "passes/cse.h"
#include "passes/dce.h"
#include "passes/rewrite_test.h"

namespace omni::passes {
namespace {

TEST(Layout, AViewThatWantsChannelsLastGetsOneReorder) {
  EXPECT_EQ(after(R"(graph g(%x:f32[N,3,4,5]) -> (%y, %z) {
    %y = ai.omni.ChannelsLastView(%x)
    %a = Identity(%x)
    %z = ai.omni.ChannelsLastView(%a)
  })", layout), R"(graph g(%x:f32[N,3,4,5]) -> (%y, %z) {
  %x.last:f32[N,3,4,5]@channels_last = ai.omni.Reorder(%x)
  %y:f32[N,4,5,3] = ai.omni.ChannelsLastView(%x.last)
  %a:f32[N,3,4,5] = Identity(%x)
  %a.last:f32[N,3,4,5]@channels_last = ai.omni.Reorder(%a)
  %z:f32[N,4,5,3] = ai.omni.ChannelsLastView(%a.last)
}
)");
}

TEST(Layout, ElementwiseFollowsAndAnOutputComesBackPlainUnderItsName) {
  Graph graph = parse(R"(graph g(%x:f32[N,3,4,5]) -> (%y) {
    %r = ai.omni.Reorder(%x)
    %y = Identity(%r)
  })", ops::find_op);
  graph.value(graph.find("r")).layout = Layout::kChannelsLast;
  PassContext context;
  layout(graph, context);
  verify(graph);
  EXPECT_EQ(print(graph), R"(graph g(%x:f32[N,3,4,5]) -> (%y) {
  %r:f32[N,3,4,5]@channels_last = ai.omni.Reorder(%x)
  %y.last:f32[N,3,4,5]@channels_last = Identity(%r)
  %y:f32[N,3,4,5] = ai.omni.Reorder(%y.last)
}
)");
}

TEST(Cse, EqualNodesAndConstantsBecomeOne) {
  EXPECT_EQ(after(R"(graph g(%x:f32[N,3,4]) -> (%y, %z) {
    %a = Identity(%x)
    %b = Identity(%x)
    %y = ai.omni.ChannelsLastView(%a)
    %z = ai.omni.ChannelsLastView(%b)
  })", cse), R"(graph g(%x:f32[N,3,4]) -> (%y, %z) {
  %a:f32[N,3,4] = Identity(%x)
  %y:f32[N,4,3] = ai.omni.ChannelsLastView(%a)
  %z:f32[N,4,3] = ai.omni.ChannelsLastView(%a)
}
)");
}

TEST(Dce, UnreadNodesAndConstantsGo) {
  EXPECT_EQ(after(R"(graph g(%x:f32[2]) -> (%x) {
    const %k = f32[2]{1.0,2.0}
    %a = Identity(%k)
  })", dce), "graph g(%x:f32[2]) -> (%x) {\n}\n");
}

}  // namespace
}  // namespace omni::passes
