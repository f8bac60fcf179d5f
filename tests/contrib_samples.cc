// Samples of the operators of com.microsoft and ai.onnx.ml.
#include "operator_samples.h"
#include "ops/op_list.h"

namespace omni::suite {

using namespace graph;

namespace {

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Words = std::vector<std::string>;

struct Collector {
  std::map<const OpDef*, std::vector<Sample>>& samples;
  void operator()(const OpDef& op, std::vector<std::optional<Tensor>> inputs, Attributes attributes = {}, int outputs = 1) {
    samples[&op].push_back({std::move(inputs), std::move(attributes), outputs});
  }
};

Tensor f32(std::initializer_list<int64_t> dims) { return sample_numbers(Shape(dims)); }
Tensor u8(std::initializer_list<int64_t> dims) { return sample_numbers(Shape(dims), DType::kU8); }
Tensor i32(std::initializer_list<int32_t> v) { return Tensor::of<int32_t>(Shape{static_cast<int64_t>(v.size())}, v); }
Tensor scale(float s) { return Tensor::scalar(s); }
Tensor zero() { return Tensor::scalar(uint8_t{3}); }

void add_float_operators(Collector add) {
  const Tensor rows = f32({2, 4}), row = f32({4}), tokens = f32({1, 3, 4});
  for (const OpDef* op : {&ops::kMsGelu, &ops::kMsFastGelu, &ops::kMsQuickGelu}) add(*op, {rows});
  add(ops::kMsBiasGelu, {rows, row});
  add(ops::kFusedMatMul, {rows, f32({4, 3})}, {{"alpha", 0.5f}});
  add(ops::kMsFusedGemm, {rows, f32({4, 3}), f32({3})}, {{"activation", "Sigmoid"}});
  add(ops::kMsFusedConv, {f32({1, 2, 4, 4}), f32({2, 2, 3, 3}), f32({2})}, {{"activation", "Sigmoid"}, {"kernel_shape", Ints{3, 3}}});
  add(ops::kMsLayerNormalization, {rows, row, row}, {{"axis", int64_t{-1}}});
  for (const OpDef* op : {&ops::kSimplifiedLayerNormalization, &ops::kMsSimplifiedLayerNormalization}) add(*op, {rows, row}, {{"axis", int64_t{-1}}});
  add(ops::kMsSkipLayerNormalization, {tokens, tokens, row, row});
  add(ops::kMsSkipSimplifiedLayerNormalization, {tokens, tokens, row});
  const Tensor ids = Tensor::of<int32_t>(Shape{1, 3}, {0, 2, 1}), table = f32({3, 4});
  add(ops::kMsEmbedLayerNormalization, {ids, ids, table, table, table, row, row}, {}, 2);
  add(ops::kMsAttention, {tokens, f32({4, 12}), f32({12})}, {{"num_heads", int64_t{2}}});
  add(ops::kMsMultiHeadAttention, {tokens, tokens, tokens}, {{"num_heads", int64_t{2}}});
  add(ops::kMsGroupQueryAttention, {tokens, f32({1, 3, 2}), f32({1, 3, 2}), std::nullopt, std::nullopt, i32({2}), Tensor::scalar(int32_t{3})},
      {{"num_heads", int64_t{2}}, {"kv_num_heads", int64_t{1}}}, 3);
  add(ops::kMsRotaryEmbedding, {f32({1, 2, 3, 4}), Tensor::of<int64_t>(Shape{1}, {0}), f32({3, 2}), f32({3, 2})});
  add(ops::kMsMatMulNBits, {f32({2, 32}), u8({3, 1, 16}), f32({3})},
      {{"K", int64_t{32}}, {"N", int64_t{3}}, {"bits", int64_t{4}}, {"block_size", int64_t{32}}});
  add(ops::kMsGatherBlockQuantized, {u8({3, 8}), Tensor::of<int64_t>(Shape{2}, {2, 0}), f32({3, 1})},
      {{"bits", int64_t{4}}, {"block_size", int64_t{16}}, {"gather_axis", int64_t{0}}, {"quantize_axis", int64_t{1}}});
}

void add_quantized_operators(Collector add) {
  const Tensor x = u8({1, 2, 4, 4}), row = u8({4}), weights = u8({4, 3});
  const Attributes window = {{"kernel_shape", Ints{2, 2}}};
  add(ops::kMsQuantizeLinear, {f32({2, 4}), scale(0.1f), zero()});
  add(ops::kMsDequantizeLinear, {row, scale(0.1f), zero()});
  for (const OpDef* op : {&ops::kMsQLinearAdd, &ops::kMsQLinearMul}) add(*op, {row, scale(0.1f), zero(), row, scale(0.2f), zero(), scale(0.3f), zero()});
  for (const OpDef* op : {&ops::kMsQLinearSigmoid, &ops::kMsQLinearLeakyRelu}) add(*op, {row, scale(0.1f), zero(), scale(0.2f), zero()});
  add(ops::kMsQLinearSoftmax, {row, scale(0.1f), zero(), scale(1.0f / 256), zero()}, {{"opset", int64_t{13}}});
  add(ops::kMsQLinearAveragePool, {x, scale(0.1f), zero(), scale(0.2f), zero()}, window);
  add(ops::kMsQLinearGlobalAveragePool, {x, scale(0.1f), zero(), scale(0.2f), zero()}, {{"channels_last", int64_t{0}}});
  add(ops::kMsNhwcMaxPool, {x}, window);
  add(ops::kMsQGemm, {u8({2, 4}), scale(0.1f), zero(), weights, scale(0.2f), zero(), i32({1, 2, 3}), scale(0.3f), zero()});
  add(ops::kMsMatMulIntegerToFloat, {u8({2, 4}), weights, scale(0.1f), scale(0.2f), zero(), zero()});
  add(ops::kMsDynamicQuantizeMatMul, {f32({2, 4}), weights, scale(0.2f), zero()});
  add(ops::kMsQLinearConcat, {scale(0.1f), zero(), row, scale(0.2f), zero(), row, scale(0.3f), zero()}, {{"axis", int64_t{0}}});
  add(ops::kMsQAttention, {u8({1, 3, 4}), u8({4, 12}), f32({12}), scale(0.1f), scale(0.1f), std::nullopt, zero(), zero()}, {{"num_heads", int64_t{2}}});
  const Tensor scales = Tensor::of<float>(Shape{1}, {0.1f}), zeros = Tensor::of<uint8_t>(Shape{1}, {3});
  add(ops::kMsDynamicQuantizeLSTM,
      {f32({2, 1, 3}), u8({1, 3, 8}), u8({1, 2, 8}), std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt, scales, zeros, scales, zeros},
      {{"hidden_size", int64_t{2}}}, 3);
}

void add_trees(Collector add) {
  Attributes nodes = {{"nodes_treeids", Ints{0, 0, 0}},      {"nodes_nodeids", Ints{0, 1, 2}},     {"nodes_featureids", Ints{1, 0, 0}},
                      {"nodes_values", Floats{0.5f, 0, 0}},  {"nodes_truenodeids", Ints{1, 0, 0}}, {"nodes_falsenodeids", Ints{2, 0, 0}},
                      {"nodes_modes", Words{"BRANCH_LEQ", "LEAF", "LEAF"}}};
  const auto leaves = [&](const std::string& prefix, Attributes more) {
    for (const auto& [name, value] : nodes) more.set(name, value);
    more.set(prefix + "_treeids", Ints{0, 0});
    more.set(prefix + "_nodeids", Ints{1, 2});
    more.set(prefix + "_ids", Ints{0, 0});
    more.set(prefix + "_weights", Floats{1, -2});
    return more;
  };
  add(ops::kMlTreeEnsembleRegressor, {f32({2, 3})}, leaves("target", {{"n_targets", int64_t{1}}}));
  add(ops::kMlTreeEnsembleClassifier, {f32({2, 3})}, leaves("class", {{"classlabels_int64s", Ints{0, 1}}}), 2);
  const auto splits = Tensor::of<float>(Shape{1}, {0.5f}), weights = Tensor::of<float>(Shape{2}, {1, -2});
  add(ops::kMlTreeEnsemble, {f32({2, 3})},
      {{"tree_roots", Ints{0}}, {"nodes_featureids", Ints{1}}, {"nodes_modes", Tensor::of<uint8_t>(Shape{1}, {0})}, {"nodes_splits", splits},
       {"nodes_truenodeids", Ints{0}}, {"nodes_trueleafs", Ints{1}}, {"nodes_falsenodeids", Ints{1}}, {"nodes_falseleafs", Ints{1}},
       {"leaf_targetids", Ints{0, 0}}, {"leaf_weights", weights}, {"n_targets", int64_t{1}}});
}

void add_ml_operators(Collector add) {
  const Tensor rows = f32({2, 3}), whole = sample_numbers(Shape{4}, DType::kI64), words = Tensor::strings(Shape{2}, Words{"a", "b"});
  add(ops::kMlScaler, {rows}, {{"offset", Floats{0.5f}}, {"scale", Floats{2}}});
  add(ops::kMlNormalizer, {rows}, {{"norm", "L2"}});
  add(ops::kMlBinarizer, {rows}, {{"threshold", 0.5f}});
  add(ops::kMlImputer, {rows}, {{"imputed_value_floats", Floats{1}}, {"replaced_value_float", 0.25f}});
  add(ops::kMlImputer, {whole}, {{"imputed_value_int64s", Ints{1}}, {"replaced_value_int64", int64_t{2}}});
  add(ops::kMlArrayFeatureExtractor, {rows, Tensor::of<int64_t>(Shape{2}, {2, 0})});
  add(ops::kMlFeatureVectorizer, {rows, rows}, {{"inputdimensions", Ints{3, 3}}});
  add(ops::kMlLabelEncoder, {whole}, {{"keys_int64s", Ints{0, 3}}, {"values_int64s", Ints{5, 6}}});
  add(ops::kMlLabelEncoder, {words}, {{"keys_strings", Words{"a"}}, {"values_int64s", Ints{5}}});
  add(ops::kMlLabelEncoder, {rows}, {{"keys_floats", Floats{0.25f}}, {"values_int64s", Ints{5}}});
  add(ops::kMlCategoryMapper, {words}, {{"cats_strings", Words{"a", "b"}}, {"cats_int64s", Ints{4, 5}}});
  add(ops::kMlCategoryMapper, {whole}, {{"cats_strings", Words{"a", "b"}}, {"cats_int64s", Ints{0, 1}}});
  add(ops::kMlOneHotEncoder, {whole}, {{"cats_int64s", Ints{0, 1}}});
  add(ops::kMlOneHotEncoder, {words}, {{"cats_strings", Words{"a", "b"}}});
  add(ops::kMlLinearRegressor, {rows}, {{"coefficients", Floats{1, 2, 3}}, {"intercepts", Floats{1}}});
  add(ops::kMlLinearClassifier, {rows}, {{"coefficients", Floats{1, 2, 3, 4, 5, 6}}, {"intercepts", Floats{0, 1}}, {"classlabels_ints", Ints{0, 1}}}, 2);
  const Attributes vectors = {{"kernel_type", "RBF"}, {"kernel_params", Floats{0.3f, 0, 0}}, {"support_vectors", Floats{1, 2, 3, 4, 5, 6}},
                              {"coefficients", Floats{1, -1}}, {"rho", Floats{0.5f}}};
  Attributes regressor = vectors, classifier = vectors;
  regressor.set("n_supports", int64_t{2});
  classifier.set("vectors_per_class", Ints{1, 1});
  classifier.set("classlabels_ints", Ints{0, 1});
  add(ops::kMlSVMRegressor, {rows}, regressor);
  add(ops::kMlSVMClassifier, {rows}, classifier, 2);
  add(ops::kMlZipMap, {rows}, {{"classlabels_int64s", Ints{0, 1, 2}}});
  add_trees(add);
}

}  // namespace

void add_contrib_operators(std::map<const OpDef*, std::vector<Sample>>& samples) {
  add_float_operators({samples});
  add_quantized_operators({samples});
  add_ml_operators({samples});
}

}  // namespace omni::suite
