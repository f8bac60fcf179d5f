#include "passes/schedule.h"

#include <gtest/gtest.h>

#include "ops/op_list.h"

namespace omni::passes {
namespace {

std::vector<Step> steps_of(const std::vector<NodeId>& order) {
  std::vector<Step> steps;
  for (const NodeId id : order) steps.push_back({id});
  return steps;
}

TEST(Liveness, CountsEachStep) {
  // a: 400 bytes; b takes a's place; the view c is b; d: 400 bytes beside it; the output e takes d's place.
  const Graph g = parse("graph g(%x:f32[10,10]) -> (%e) {\n  %a = Exp(%x)\n  %b = Relu(%a)\n  %c = Flatten(%b)\n  %d = Softmax(%c)\n  %e = Add(%d, %c)\n}\n", ops::find_op);
  const Liveness live(g);
  ASSERT_TRUE(live.known());
  EXPECT_EQ(live.bytes(g.find("c")), 400);
  EXPECT_EQ(live.root(g.find("c")), g.find("b"));
  EXPECT_EQ(live.peak(steps_of(g.order())).bytes, 800);
}

TEST(Liveness, UnknownSizesAreSaid) {
  const Graph g = parse("graph g(%x:f32[N,10]) -> (%y) {\n  %y = Relu(%x)\n}\n", ops::find_op);
  EXPECT_FALSE(Liveness(g).known());
  EXPECT_TRUE(Liveness(sized(g, std::vector<Shape>{{3, 10}})).known());
  EXPECT_EQ(schedule(g).order, g.order());
}

TEST(Schedule, TakesEachGradientWhenItIsThere) {
  // In the graph's order all of a, b, c are alive before the first of the next values is written.
  const Graph g = parse(
      "graph g(%x:f32[100]) -> (%l) {\n  state %s = f32[100]splat(0.0) kind=parameter\n  state %t = f32[100]splat(0.0) kind=parameter\n"
      "  state %u = f32[100]splat(0.0) kind=parameter\n  %a = Exp(%x)\n  %b = Exp(%a)\n  %c = Exp(%b)\n  %p = Softmax(%a)\n  %q = Softmax(%b)\n  %r = Softmax(%c)\n"
      "  %n = Add(%s, %r)\n  %o = Add(%t, %q)\n  %m = Add(%u, %p)\n  %l = ReduceSum(%x) keepdims=0\n"
      "  commit %s <- %n\n  commit %t <- %o\n  commit %u <- %m\n}\n", ops::find_op);
  const Schedule s = schedule(g);
  EXPECT_EQ(s.order.size(), g.order().size());
  EXPECT_LT(s.peak_bytes, s.before_bytes);
  EXPECT_EQ(Liveness(g).peak(steps_of(s.order)).bytes, s.peak_bytes);
  std::vector<bool> there(g.value_count(), false);
  for (const NodeId id : s.order) {
    for (const ValueId v : g.node(id).inputs) EXPECT_TRUE(v == kNone || g.value(v).producer == kNone || there[v]);
    for (const ValueId v : g.node(id).outputs) there[v] = true;
  }
}

}  // namespace
}  // namespace omni::passes
