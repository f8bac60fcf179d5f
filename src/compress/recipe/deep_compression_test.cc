// Pruning while a network trains, trained codebooks and entropy coding, as steps of a recipe (Han et al. 2016).
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "compress/prune/pattern.h"
#include "compress/recipe/run_recipe.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/temporary_directory_test.h"
#include "formats/package/package.h"
#include "ops/op_list.h"
#include "train/networks.h"
#include "train/training_example_test.h"

namespace omni::compress {
namespace {

constexpr int64_t kSide = 16;

Graph network() { return train::make_network("lenet5", {.height = kSide, .width = kSide}); }

struct Example {
  train::SampleData samples = train::test::patterns(160, kSide, 0.5F);
  Graph model = network();

  StepResult apply(const Graph& graph, const std::string& step) const {
    const Recipe recipe = parse_recipe("format: 1\ndecide: none\nsteps:\n  - " + step + "\n", "test");
    StepInput input;
    input.data = &samples;
    input.pool = std::make_shared<ThreadPool>(1);
    return apply_step(graph, *recipe.steps[0].step, recipe.steps[0].options, input);
  }
};

// Elements and zeros of all weights of rank 2 and above.
std::pair<int64_t, int64_t> zeros(const Graph& graph) {
  int64_t all = 0, none = 0;
  for (const ValueId id : graph.constants()) {
    const Value& v = graph.value(id);
    if (v.type.rank() < 2 || v.type.dtype != DType::kF32) continue;
    const std::span<const float> values = v.data.values<float>();
    all += v.data.count();
    none += std::count(values.begin(), values.end(), 0.0F);
  }
  return {all, none};
}

const Tensor& weight(const Graph& graph, const std::string& name) { return graph.value(graph.find(name)).data; }

TEST(DeepCompression, GradualPruningEndsAtTheSparsityAsked) {
  const Example example;
  const StepResult result = example.apply(example.model, "{method: gradual-pruning, sparsity: 80%, scope: global, epochs: 3, batch: 16, learning_rate: 0.01}");
  const auto [all, none] = zeros(result.graph);
  EXPECT_NEAR(static_cast<double>(none) / static_cast<double>(all), 0.8, 1.0 / static_cast<double>(all));
  EXPECT_EQ(result.graph.states().size(), 0U);
  for (const NodeId id : result.graph.order()) EXPECT_NE(result.graph.node(id).op, &ops::kWhere);
  for (const ValueId id : result.graph.constants()) EXPECT_EQ(result.graph.value(id).name.find(".mask"), std::string::npos);
  for (const LayerReport& layer : result.layers) EXPECT_EQ(layer.action, "changed") << layer.name;
}

TEST(DeepCompression, TrainingKeepsTheZerosOfPrunedWeights) {
  const Example example;
  const StepResult pruned = example.apply(example.model, "{method: prune, sparsity: 60%, keep: [output.weight]}");
  const StepResult kept = example.apply(pruned.graph, "{method: finetune, batch: 16, learning_rate: 0.01}");
  for (const char* name : {"conv2.weight", "fc1.weight"}) {
    const std::span<const float> before = weight(pruned.graph, name).values<float>(), after = weight(kept.graph, name).values<float>();
    EXPECT_FALSE(std::equal(before.begin(), before.end(), after.begin()));
    for (size_t i = 0; i < before.size(); ++i) ASSERT_EQ(before[i] == 0, after[i] == 0) << name;
  }
  const StepResult lost = example.apply(pruned.graph, "{method: finetune, batch: 16, learning_rate: 0.01, keep_zeros: false}");
  EXPECT_LT(zeros(lost.graph).second * 2, zeros(pruned.graph).second);
}

TEST(DeepCompression, WhatIsNotTrainedStaysDense) {
  const Example example;
  const StepResult result = example.apply(example.model, "{method: gradual-pruning, sparsity: 50%, batch: 16, freeze: [conv1.weight]}");
  const std::span<const float> frozen = weight(result.graph, "conv1.weight").values<float>();
  EXPECT_EQ(std::count(frozen.begin(), frozen.end(), 0.0F), 0);
  const std::span<const float> fc = weight(result.graph, "fc1.weight").values<float>();
  EXPECT_EQ(std::count(fc.begin(), fc.end(), 0.0F), static_cast<int64_t>(fc.size() / 2));
  EXPECT_THROW(example.apply(example.model, "{method: gradual-pruning, train: [\"*.bias\"]}"), Error);
  EXPECT_THROW(example.apply(example.model, "{method: codebook, keep: [nothing]}"), Error);
}

TEST(DeepCompression, BlocksAndNOfM) {
  const Example example;
  const StepResult blocks = example.apply(example.model, "{method: prune, sparsity: 50%, pattern: 4x4, keep: [\"conv*\"]}");
  EXPECT_EQ(weight(blocks.graph, "conv1.weight").values<float>()[0], weight(example.model, "conv1.weight").values<float>()[0]);
  const std::span<const float> fc = weight(blocks.graph, "fc1.weight").values<float>();
  EXPECT_NEAR(static_cast<double>(std::count(fc.begin(), fc.end(), 0.0F)), static_cast<double>(fc.size()) / 2, 8);  // half a block
  const StepResult pairs = example.apply(example.model, "{method: prune, pattern: \"2:4\", layers: [fc1.weight]}");
  const std::span<const float> half = weight(pairs.graph, "fc1.weight").values<float>();
  for (const WeightTarget& target : weight_targets(example.model)) {
    if (example.model.value(target.value).name != "fc1.weight") continue;
    const WeightLayout layout = weight_layout(example.model, target);
    for (int64_t o = 0; o < layout.outputs; ++o) {
      for (int64_t i = 0; i + 4 <= layout.inputs; i += 4) {
        int none = 0;
        for (int64_t k = i; k < i + 4; ++k) none += half[static_cast<size_t>(layout.at(o, 0, k))] == 0 ? 1 : 0;
        ASSERT_EQ(none, 2) << o << ", " << i;
      }
    }
  }
  EXPECT_THROW(example.apply(example.model, "{method: prune, layers: [nothing]}"), Error);
  EXPECT_THROW(example.apply(example.model, "{method: prune, pattern: 3x3}"), Error);
}

TEST(DeepCompression, CodebooksHaveFewValuesAndKeepZeros) {
  const Example example;
  const StepResult pruned = example.apply(example.model, "{method: prune, sparsity: 70%}");
  for (const char* step : {"{method: codebook, bits: 3, convolution_bits: 4}",
                           "{method: trained-codebook, bits: 3, convolution_bits: 4, epochs: 1, batch: 16, learning_rate: 0.001}"}) {
    const StepResult shared = example.apply(pruned.graph, step);
    for (const auto& [name, most] : {std::pair("conv1.weight", 16U), std::pair("conv2.weight", 16U), std::pair("fc1.weight", 8U), std::pair("output.weight", 8U)}) {
      const std::span<const float> before = weight(pruned.graph, name).values<float>(), after = weight(shared.graph, name).values<float>();
      EXPECT_LE(std::set<float>(after.begin(), after.end()).size(), most) << name;
      EXPECT_GT(std::set<float>(after.begin(), after.end()).size(), most / 2) << name;
      for (size_t i = 0; i < before.size(); ++i) ASSERT_EQ(before[i] == 0, after[i] == 0) << name;
    }
  }
}

// All of it in one recipe: a package less than a tenth of the size whose weights come back as they were.
TEST(DeepCompression, TheWholeRecipe) {
  const core::TemporaryDirectory folder;
  const Example example;
  const Recipe recipe = parse_recipe(
      "format: 1\ndecide: none\nsteps:\n"
      "  - {method: gradual-pruning, sparsity: 90%, scope: lamp, epochs: 2, batch: 16}\n"
      "  - {method: trained-codebook, epochs: 1, batch: 16}\n"
      "  - method: entropy-coding\n",
      "test");
  RecipeRun run;
  run.data = &example.samples;
  run.pool = std::make_shared<ThreadPool>(1);
  run.directory = folder.path();
  const RecipeResult result = run_recipe(example.model, recipe, run);
  const std::string path = folder.path() + "/small.omni";
  formats::Package package;
  package.metadata[std::string(formats::kMetaCoding)] = formats::kRangeCoding;
  package.graphs.push_back(std::make_shared<const Graph>(result.graph.clone()));
  formats::save_package(path, package, Overwrite::kRefuse);
  size_t dense = 0;
  for (const ValueId id : example.model.constants()) dense += example.model.value(id).data.bytes();
  EXPECT_LT(core::map_file(path).bytes.size() * 10, dense);
  const formats::Package back = formats::load_package(path, ops::find_op);
  for (const char* name : {"conv1.weight", "fc1.weight", "output.weight"}) EXPECT_TRUE(weight(*back.graphs[0], name).equal(weight(result.graph, name))) << name;
}

}  // namespace
}  // namespace omni::compress
