#include "passes/recompute.h"

#include <gtest/gtest.h>

#include "ops/op_list.h"
#include "passes/schedule.h"

namespace omni::passes {
namespace {

// d and the loss come first; then what the update reads: d, c, b, a.
constexpr const char* kChain =
    "graph train(%x:f32[100]) -> (%l) {\n  state %s = f32[100]splat(0.0) kind=parameter\n"
    "  %a = Exp(%x)\n  %b = Exp(%a)\n  %c = Exp(%b)\n  %d = Exp(%c)\n  %l = ReduceSum(%d) keepdims=0\n"
    "  %gc = Mul(%d, %c)\n  %gb = Mul(%gc, %b)\n  %ga = Mul(%gb, %a)\n  %n = Add(%s, %ga)\n  commit %s <- %n\n}\n";

struct Made {
  Graph graph;
  Recomputation recomputation;
};

Made made(int64_t most) {
  Made m{parse(kChain, ops::find_op), {}};
  const Graph sized = m.graph.clone();
  m.recomputation = recompute(m.graph, sized, sized.order(), most);
  verify(m.graph);
  return m;
}

TEST(Recompute, ChangesNothingThatFits) {
  const Made m = made(2000);
  EXPECT_EQ(print(m.graph), print(parse(kChain, ops::find_op)));
  EXPECT_EQ(m.recomputation.values, 0);
  EXPECT_EQ(m.recomputation.more_operations, 0);
  EXPECT_EQ(m.recomputation.order, m.graph.order());
}

TEST(Recompute, DropsTheCheapestAndComputesItBeforeItsReader) {
  const Made m = made(1250);
  const Recomputation& r = m.recomputation;
  EXPECT_EQ(r.values, 1);
  EXPECT_LE(r.peak_bytes, 1250);
  const ValueId again = m.graph.find("a/again");
  ASSERT_NE(again, kNone);  // %a takes one node; %b would take two
  EXPECT_EQ(m.graph.node(m.graph.value(m.graph.find("ga")).producer).inputs[1], again);
  const auto place = [&](const char* name) { return std::find(r.order.begin(), r.order.end(), m.graph.value(m.graph.find(name)).producer) - r.order.begin(); };
  EXPECT_EQ(place("a/again") + 1, place("ga"));
  EXPECT_GT(r.more_operations, 0);
  EXPECT_LT(r.more_operations, r.operations / 4);  // one of four like it
}

TEST(Recompute, TellsTheLeastThatCanBeHad) {
  const Made m = made(1);
  EXPECT_GT(m.recomputation.peak_bytes, 1);
  EXPECT_LT(m.recomputation.peak_bytes, 1600);
  EXPECT_EQ(m.recomputation.values + m.recomputation.kept, 4);
}

}  // namespace
}  // namespace omni::passes
