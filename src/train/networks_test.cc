#include "train/networks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "train/mark_parameters.h"

namespace omni::train {
namespace {

int64_t trained_numbers(Graph graph) {
  int64_t count = 0;
  for (const ValueId id : mark_parameters(graph)) count += graph.value(id).data.count();
  return count;
}

TEST(Networks, HaveTheirExactNumberOfParameters) {
  for (const NetworkInfo& info : networks()) {
    const Graph graph = make_network(info.name);
    verify(graph);
    EXPECT_EQ(trained_numbers(graph.clone()), info.parameters) << info.name;
    EXPECT_EQ(type_text(graph.type(graph.outputs()[0]), graph.dims()), "f32[N,10]") << info.name;
  }
  EXPECT_EQ(trained_numbers(make_network("resnet20", {.channels = 3, .height = 32, .width = 32})), 272474);
}

TEST(Networks, WeightsAreAFunctionOfTheSeed) {
  const Graph a = make_network("lenet5"), b = make_network("lenet5"), c = make_network("lenet5", {.seed = 2});
  const ValueId id = a.find("conv2.weight");
  EXPECT_TRUE(a.value(id).data.equal(b.value(id).data));
  EXPECT_FALSE(a.value(id).data.equal(c.value(id).data));
  double sum = 0, squares = 0;
  const auto values = a.value(id).data.values<float>();
  for (const float v : values) {
    sum += v;
    squares += double{v} * v;
  }
  const double n = static_cast<double>(values.size()), variance = 2.0 / 500;
  EXPECT_NEAR(sum / n, 0, 4 * std::sqrt(variance / n));
  EXPECT_NEAR(squares / n, variance, 4 * variance * std::sqrt(2 / n));
}

TEST(Networks, ErrorsHelp) {
  try {
    make_network("lenet");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_THROW(make_network("lenet5", {.height = 8, .width = 8}), Error);
}

}  // namespace
}  // namespace omni::train
