#include "train/evaluate.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "ops/op_list.h"
#include "train/networks.h"
#include "train/training_example_test.h"

namespace omni::train {
namespace {

TEST(Evaluate, AgreesWithCountingByHandWhateverTheBatch) {
  const SampleData data = test::patterns(37, 4, 1.0f);
  const Graph model = make_network("mlp-2nn", {.height = 4, .width = 4});
  runtime::Session session(model.clone(), test::one_thread());
  std::vector<int64_t> all(37);
  for (int64_t i = 0; i < 37; ++i) all[static_cast<size_t>(i)] = i;
  Tensor images(DType::kF32, {37, 1, 4, 4}), labels(DType::kI64, {37});
  const TensorView views[] = {images.mutable_view(), labels.mutable_view()};
  data.source->read(all, views, nullptr);
  const Tensor logits = session.run({{"input", images}}).at("logits");
  for (const int64_t batch : {1, 5, 37, 64}) {
    const Evaluation e = evaluate(model, data, {.batch = batch, .top = {1, 3}}, test::one_thread());
    EXPECT_EQ(e.samples, 37);
    EXPECT_EQ(e.labels, 37);
    EXPECT_EQ(e.correct[0], count_correct(logits.view(), labels.view(), 1));
    EXPECT_EQ(e.correct[1], count_correct(logits.view(), labels.view(), 3));
    EXPECT_NEAR(e.loss, cross_entropy_sum(logits.view(), labels.view(), ScoreKind::kLogits) / 37, 1e-6);
    EXPECT_TRUE(e.scores.empty());
    const Evaluation each = evaluate(model, data, {.batch = batch, .each = true}, test::one_thread());
    ASSERT_EQ(each.scores.size(), 37u);
    float right = 0;
    for (const float score : each.scores) right += score;
    EXPECT_EQ(right, static_cast<float>(e.correct[0]));
  }
  EXPECT_EQ(evaluate(model, data, {.limit = 10}).samples, 10);
}

TEST(Evaluate, AFixedBatchIsPaddedAndProbabilitiesAreRecognized) {
  const SampleData data = test::patterns(7, 1, 0.1f, 1, "x");
  const Graph logits = parse("graph g(%x:f32[2,1,1,1]) -> (%z) { const %w = f32[10,1]{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1.0} %f = Flatten(%x) %z = Gemm(%f, %w) transB=1 }", ops::find_op);
  const Graph softmax = parse(
      "graph g(%x:f32[2,1,1,1]) -> (%p) { const %w = f32[10,1]{0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1.0} %f = Flatten(%x) %z = Gemm(%f, %w) transB=1 %p = Softmax(%z) axis=1 }", ops::find_op);
  const Evaluation a = evaluate(logits, data), b = evaluate(softmax, data);
  EXPECT_EQ(a.samples, 7);
  EXPECT_EQ(a.labels, 7);
  EXPECT_EQ(score_kind(softmax), ScoreKind::kProbabilities);
  EXPECT_NEAR(a.loss, b.loss, 1e-6);
  EXPECT_EQ(a.correct, b.correct);
}

TEST(Evaluate, DataThatDoesNotFitIsRefused) {
  SampleData data = test::patterns(7, 4, 0.1f);
  const Graph model = make_network("mlp-2nn", {.height = 4, .width = 4});
  data.target = "";
  EXPECT_THROW(evaluate(model, data), Error);
  data.target = "labels";
  data.fields.clear();
  EXPECT_THROW(evaluate(model, data), Error);
}

}  // namespace
}  // namespace omni::train
