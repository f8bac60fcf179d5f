#include "passes/expand_for_runtime.h"

#include <gtest/gtest.h>

#include "graph/pass.h"
#include "ops/op_list.h"

namespace omni::passes {
namespace {

TEST(ExpandForRuntime, LeavesOperatorsOfTheRuntimeAlone) {
  graph::Graph g = graph::parse(R"(graph g(%x:f32[2,4,8]) -> (%y, %z) {
    %y = com.microsoft.QuickGelu(%x)
    %r = Relu(%x)
    %z = Attention(%r, %x, %r) q_num_heads=2 kv_num_heads=2
  })", ops::find_op);
  expand_for_runtime(g);
  graph::verify(g);
  int relus = 0;
  for (const graph::NodeId id : g.order()) {
    const graph::OpDef& op = *g.node(id).op;
    EXPECT_EQ(ops::find_runtime_op(op.domain, op.name), &op) << graph::op_text(op);
    relus += &op == &ops::kRelu;
  }
  EXPECT_EQ(relus, 1);
  EXPECT_EQ(g.value(g.outputs()[0]).name, "y");
}

// What has a kernel of its own is never among the composites, but for the one whose kernel rounds to bytes what its expansion computes in floats.
TEST(ExpandForRuntime, CompositesCanBeSpelledOut) {
  size_t composites = 0;
  for (const graph::OpDef* op : ops::all_ops()) {
    if (ops::find_runtime_op(op->domain, op->name) != nullptr) continue;
    ++composites;
    EXPECT_NE(op->expand, nullptr) << graph::op_text(*op);
    EXPECT_TRUE(op->bind == nullptr || op == &ops::kMsDynamicQuantizeLSTM) << graph::op_text(*op);
  }
  EXPECT_GT(composites, 40u);
}

}  // namespace
}  // namespace omni::passes
