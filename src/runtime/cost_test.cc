#include "runtime/cost.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "runtime/test_ops_test.h"

namespace omni::runtime {
namespace {

TEST(Cost, CountsOperationsBytesParametersAndPeak) {
  const Graph graph = parse(R"(graph g(%x:f32[N,3]) -> (%z) {
    state %w = f32[3,16]splat(1.0) kind=parameter
    const %b = f32[16]splat(0.0)
    const %scalar = f32[]{1.0}
    const %to = i64[1]{-1}
    %a = test.MatMul(%x, %w)
    %c = test.Add(%a, %b)
    %s = test.ShapeOf(%c)
    %z = test.Reshape(%c, %s)
  })",
                            test::lookup);
  const GraphCost cost = count_cost(graph, {{"N", 4}});
  ASSERT_EQ(cost.nodes.size(), 4u);
  EXPECT_EQ(cost.nodes[0].op, "test.MatMul");
  EXPECT_EQ(cost.nodes[0].output, "f32[4,16]");
  EXPECT_EQ(cost.nodes[0].operations, 2 * 4 * 16 * 3);
  EXPECT_EQ(cost.nodes[0].bytes, 4 * (4 * 3 + 3 * 16 + 4 * 16));
  EXPECT_EQ(cost.nodes[0].parameters, 48);
  EXPECT_EQ(cost.parameters, 64);
  EXPECT_EQ(cost.constant_bytes, 4 * (48 + 16 + 1) + 8);
  EXPECT_EQ(cost.nodes[3].bytes, 0) << "a view";
  // %a and %c together; %x is gone by then. Blocks are rounded up to 64 bytes.
  EXPECT_EQ(cost.peak_bytes, 512);
  EXPECT_EQ(count_cost(graph).nodes[0].output, "f32[1,16]");
}

TEST(Cost, GoesOnWhereShapesDependOnData) {
  const Graph graph = parse(R"(graph g(%x:f32[6]) -> (%i, %y) {
    %i = test.NonZero(%x)
    %y = test.Take(%x, %i)
  })",
                            test::lookup);
  const GraphCost cost = count_cost(graph);
  EXPECT_FALSE(cost.nodes[0].known);
  EXPECT_FALSE(cost.nodes[1].known);
  EXPECT_EQ(cost.operations, 0);
}

}  // namespace
}  // namespace omni::runtime
