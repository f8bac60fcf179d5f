#include "graph/graph.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "graph/pass.h"
#include "graph/test_ops_test.h"

namespace omni::graph {
namespace {

Graph chain() { return parse("graph g(%x:f32[N,4]) -> (%c) { const %k = f32[4]splat(1.0)\n %a = test.domain.Mix(%x, %k)\n %b = test.domain.Mix(%a)\n %c = test.domain.Mix(%b, %a) }", test::lookup); }

TEST(Graph, NamesAreMadeUnique) {
  Graph g;
  const ValueId a = g.add_input("x", Type(DType::kF32, Shape{2}));
  const ValueId b = g.add_input("x", Type(DType::kF32, Shape{2}));
  EXPECT_EQ(g.value(a).name, "x");
  EXPECT_EQ(g.value(b).name, "x.1");
  EXPECT_EQ(g.find("x.1"), b);
}

TEST(Graph, AFailedAddLeavesNothing) {
  Graph g;
  const ValueId a = g.add_input("a", Type(DType::kF32, Shape{2}));
  const ValueId b = g.add_input("b", Type(DType::kF32, Shape{3}));
  EXPECT_THROW(g.add(test::kMix, {a, b}), Error);
  verify(g);
  EXPECT_EQ(g.use_count(a), 0u);
  EXPECT_EQ(live_node_count(g), 0u);
}

TEST(Graph, ReplaceAndEraseDead) {
  Graph g = chain();
  g.replace_uses(g.find("b"), g.find("a"));
  EXPECT_TRUE(g.erase_dead());
  verify(g);
  EXPECT_EQ(live_node_count(g), 2u);
  g.replace_uses(g.find("a"), g.find("x"));
  g.erase_dead();
  EXPECT_EQ(g.find("k"), kNone);
}

TEST(Graph, SideEffectsAndTheirInputsStay) {
  Graph g = chain();
  g.add(test::kLog, {g.find("b")});
  g.replace_uses(g.find("c"), g.find("x"));
  g.erase_dead();
  verify(g);
  EXPECT_EQ(live_node_count(g), 3u);
}

TEST(Graph, CyclesAreFound) {
  Graph g = chain();
  g.set_node_input(g.value(g.find("b")).producer, 0, g.find("c"));
  EXPECT_THROW(verify(g), Error);
}

TEST(Graph, OrderDependsOnStructureNotOnIds) {
  Graph g = chain();
  const std::string before = print(g);
  const ValueId again = g.add1(test::kMix, {g.find("x"), g.find("k")}, {}, {.output_names = {"a2"}});
  g.replace_uses(g.find("a"), again);
  g.erase_dead();
  g.rename(again, "a");
  EXPECT_EQ(print(g), before);
}

TEST(Graph, AMissingRequiredInputIsNamed) {
  Graph g;
  try {
    g.add(test::kMix, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("takes 1 to 3 inputs"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace omni::graph
