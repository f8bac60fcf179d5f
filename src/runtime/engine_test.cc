#include "runtime/engine.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "runtime/test_ops_test.h"

namespace omni::runtime {
namespace {

TEST(Engine, ASessionDescribesAndRuns) {
  const auto graph = std::make_shared<const Graph>(parse("graph g(%a:f32[N,2,(N+1)], %b:f32[1]) -> (%y) { %y = test.Add(%a, %b) }", test::lookup));
  const std::unique_ptr<Engine> engine = make_session_engine(graph);
  EXPECT_EQ(engine->name(), "omni");
  ASSERT_EQ(engine->inputs().size(), 2u);
  EXPECT_EQ(engine->inputs()[0].name, "a");
  EXPECT_EQ(engine->inputs()[0].dims, (std::vector<int64_t>{-1, 2, -1}));
  EXPECT_EQ(engine->inputs()[0].dim_names, (std::vector<std::string>{"N", "", "N+1"}));
  EXPECT_EQ(engine->outputs()[0].dtype, DType::kF32);
  const std::vector<Tensor> inputs = {test::ramp({1, 2, 2}), test::floats({1}, {10})};
  EXPECT_TRUE(engine->run(inputs)[0].equal(test::floats({1, 2, 2}, {2, 3, 4, 5})));
  EXPECT_THROW(engine->run({}), Error);
}

}  // namespace
}  // namespace omni::runtime
