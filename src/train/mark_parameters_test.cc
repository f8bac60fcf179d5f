#include "train/mark_parameters.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "ops/op_list.h"
#include "train/losses.h"
#include "train/networks.h"
#include "train/set_mode.h"

namespace omni::train {
namespace {

Graph example() {
  return parse(R"(graph g(%x:f32[N,2]) -> (%y) {
    const %w = f32[2,3]{1.0,2.0,3.0,4.0,5.0,6.0}
    const %t = f32[4,3]{1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0,9.0,10.0,11.0,12.0}
    const %b = f32[3]{1.0,2.0,3.0}
    const %half = f32[]{0.5}
    const %mean = f32[2]{0.1,0.2}
    %d = Div(%x, %mean)
    %m = MatMul(%d, %w)
    %a = Add(%m, %b)
    %h = Mul(%a, %half)
    %tt = Transpose(%t) perm=[1,0]
    %z = MatMul(%h, %tt)
    %y = Softmax(%z) axis=1
  })", ops::find_op);
}

std::vector<std::string> names(const Graph& g, const std::vector<ValueId>& ids) {
  std::vector<std::string> out;
  for (const ValueId id : ids) out.push_back(g.value(id).name);
  return out;
}

TEST(MarkParameters, WeightsAlsoBehindTransposeAndAddOperandsButNoScalars) {
  Graph g = example();
  EXPECT_EQ(names(g, mark_parameters(g)), (std::vector<std::string>{"w", "t", "b"}));
  EXPECT_EQ(g.value(g.find("w")).kind, ValueKind::kState);
  EXPECT_EQ(g.value(g.find("half")).kind, ValueKind::kConstant);
  EXPECT_EQ(g.value(g.find("mean")).kind, ValueKind::kConstant);
  EXPECT_EQ(parameter_kind(g, g.find("t")), ParamKind::kWeight);
  EXPECT_EQ(parameter_kind(g, g.find("b")), ParamKind::kBias);
  unmark_states(g);
  EXPECT_TRUE(g.states().empty());
}

TEST(MarkParameters, Patterns) {
  Graph g = example();
  EXPECT_EQ(names(g, mark_parameters(g, {.train = {"?"}, .freeze = {"t"}})), (std::vector<std::string>{"w", "b"}));
  Graph h = example();
  EXPECT_THROW(mark_parameters(h, {.train = {"nothing*"}}), Error);
  EXPECT_THROW(mark_parameters(h, {.freeze = {"*"}}), Error);
}

TEST(SetMode, BatchNormToTrainingAndBack) {
  Graph g = make_network("mobilenet-small");
  const std::string before = print(g);
  mark_parameters(g);
  EXPECT_EQ(set_mode(g, Mode::kTrain).batch_norms, 11);
  verify(g);
  EXPECT_EQ(g.commits().size(), 22u);
  EXPECT_EQ(g.value(g.find("norm1.running_var")).role, Role::kBuffer);
  EXPECT_EQ(set_mode(g, Mode::kInfer).batch_norms, 11);
  unmark_states(g);
  g.erase_dead();
  EXPECT_EQ(print(g), before);
}

TEST(SetMode, FrozenBatchNormsStay) {
  Graph g = make_network("mobilenet-small");
  mark_parameters(g, {.freeze = {"*norm*"}});
  EXPECT_EQ(set_mode(g, Mode::kTrain).batch_norms, 0);
  EXPECT_TRUE(g.commits().empty());
}

TEST(Losses, CutBeforeAFinalSoftmax) {
  Graph g = example();
  EXPECT_EQ(g.value(logits_of(g, g.outputs()[0])).name, "z");
  const LossValues loss = append_loss(g, {.kind = LossKind::kCrossEntropy});
  EXPECT_EQ(g.value(loss.prediction).name, "z");
  EXPECT_EQ(type_text(g.type(loss.target), g.dims()), "i64[N]");
  g.erase_dead();
  EXPECT_EQ(g.find("y"), kNone);
  Graph h = example();
  EXPECT_THROW(append_loss(h, {.output = "nothing"}), Error);
  EXPECT_THROW(parse_loss("hinge"), Error);
}

}  // namespace
}  // namespace omni::train
