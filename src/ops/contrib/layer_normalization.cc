// LayerNormalization, SimplifiedLayerNormalization, Skip(Simplified)LayerNormalization, EmbedLayerNormalization of ONNX Runtime (the simplified one
// also under the domain ai.onnx, where its optimizer writes it): sums before the normalizations of ai.onnx.
#include "ops/contrib/expansion.h"

namespace omni::ops {

namespace {

constexpr Formal kLayerInputs[] = {{"X"}, {"Scale", 0, ParamKind::kScale}, {"B", kOptional, ParamKind::kBias}};
constexpr Formal kLayerOutputs[] = {{"Y"}, {"Mean", kOptional}, {"InvStdDev", kOptional}};
constexpr Formal kSimpleInputs[] = {{"X"}, {"scale", 0, ParamKind::kScale}};
constexpr Formal kSimpleOutputs[] = {{"Y"}, {"inv_std_var", kOptional}};
constexpr Formal kSkipInputs[] = {
    {"input"}, {"skip"}, {"gamma", 0, ParamKind::kScale}, {"beta", kOptional, ParamKind::kBias}, {"bias", kOptional, ParamKind::kBias}};
constexpr Formal kSkipSimpleInputs[] = {{"input"}, {"skip"}, {"gamma", 0, ParamKind::kScale}, {"bias", kOptional, ParamKind::kBias}};
constexpr Formal kSkipOutputs[] = {{"output"}, {"mean", kOptional}, {"inv_std_var", kOptional}, {"input_skip_bias_sum", kOptional}};
constexpr Formal kEmbedInputs[] = {{"input_ids"},
                                   {"segment_ids", kOptional},
                                   {"word_embedding", 0, ParamKind::kTable},
                                   {"position_embedding", 0, ParamKind::kTable},
                                   {"segment_embedding", kOptional, ParamKind::kTable},
                                   {"gamma", 0, ParamKind::kScale},
                                   {"beta", 0, ParamKind::kBias},
                                   {"mask", kOptional},
                                   {"position_ids", kOptional}};
constexpr Formal kEmbedOutputs[] = {{"output"}, {"mask_index", kOptional}, {"embedding_sum", kOptional}};
constexpr AttributeDef kLayerAttributes[] = {{"axis", AttributeKind::kInt}, {"epsilon", AttributeKind::kFloat}, {"stash_type", AttributeKind::kInt}};
constexpr AttributeDef kSkipAttributes[] = {{"epsilon", AttributeKind::kFloat}};
constexpr AttributeDef kEmbedAttributes[] = {{"epsilon", AttributeKind::kFloat}, {"mask_index_type", AttributeKind::kInt}};

constexpr double kSkipEpsilon = 1e-12;

std::vector<ValueId> expand_layer(Graph& g, const Node& n) {
  const Parts p(g, n);
  const int outputs = p.wants(2) ? 3 : p.wants(1) ? 2 : 1;
  std::vector<ValueId> results = g.add(kLayerNormalization, p.inputs, p.attributes, {.output_count = outputs});
  results.resize(3, kNone);
  return results;
}

// x times 1 / sqrt(E x² + epsilon) over the axes from `axis`, times the scale; and that factor. In f32 for half types.
std::vector<ValueId> root_mean_square(const Parts& p, ValueId given, ValueId scale, int64_t axis, double epsilon) {
  const DType type = p.dtype(given);
  p.require(is_float(type), "the input is not of a float type");
  const int rank = p.rank(given);
  p.require(axis >= -rank && axis < rank, "axis is out of range");
  std::vector<int64_t> axes;
  for (int64_t d = axis < 0 ? axis + rank : axis; d < rank; ++d) axes.push_back(d);
  const ValueId x = p.as(given, type == DType::kF64 ? type : DType::kF32);
  const ValueId mean = p.reduce(kReduceMean, p.mul(x, x), axes, true);
  const ValueId factor = p.make(kReciprocal, {p.make(kSqrt, {p.add(mean, number(p.g, x, epsilon))})});
  return {p.mul(p.as(p.mul(x, factor), p.dtype(scale)), scale), factor};
}

std::vector<ValueId> expand_simple(Graph& g, const Node& n) {
  const Parts p(g, n);
  return root_mean_square(p, p.in(0), p.in(1), p.integer("axis", -1), p.real("epsilon", 1e-5));
}

// input + skip + bias, where skip may lack the batch.
ValueId skip_sum(const Parts& p, size_t bias) {
  p.require(p.rank(p.in(0)) >= 2 && is_float(p.dtype(p.in(0))), "the input is a float tensor of rank 2 or more");
  const ValueId sum = p.add(p.in(0), p.in(1));
  return p.has(bias) ? p.add(sum, p.in(bias)) : sum;
}

std::vector<ValueId> expand_skip(Graph& g, const Node& n) {
  const Parts p(g, n);
  const ValueId sum = skip_sum(p, 4);
  std::vector<ValueId> in = {sum, p.in(2)};
  if (p.has(3)) in.push_back(p.in(3));
  const int outputs = p.wants(2) ? 3 : p.wants(1) ? 2 : 1;
  std::vector<ValueId> results =
      g.add(kLayerNormalization, std::move(in), {{"epsilon", static_cast<float>(p.real("epsilon", kSkipEpsilon))}}, {.output_count = outputs});
  results.resize(3, kNone);
  results.push_back(sum);
  return results;
}

std::vector<ValueId> expand_skip_simple(Graph& g, const Node& n) {
  const Parts p(g, n);
  p.require_supported(!p.wants(1), "the mean of a normalization that has none");
  const ValueId sum = skip_sum(p, 3);
  const std::vector<ValueId> r = root_mean_square(p, sum, p.in(2), -1, p.real("epsilon", kSkipEpsilon));
  return {r[0], kNone, r[1], sum};
}

std::vector<ValueId> expand_embed(Graph& g, const Node& n) {
  const Parts p(g, n);
  p.require(p.rank(p.in(0)) == 2, "input_ids is not of rank 2");
  p.require(p.rank(p.in(2)) == 2 && p.rank(p.in(3)) == 2, "an embedding table is not of rank 2");
  const auto looked_up = [&](ValueId table, ValueId ids) { return p.make(kGather, {table, ids}, {{"axis", int64_t{0}}}); };
  const ValueId positions = p.has(8) ? p.in(8) : p.range(p.whole(0), p.size_scalar(p.in(0), 1));
  ValueId sum = p.add(looked_up(p.in(2), p.in(0)), looked_up(p.in(3), positions));
  p.require(p.has(1) == p.has(4), "segment_ids and segment_embedding go together");
  if (p.has(1)) sum = p.add(sum, looked_up(p.in(4), p.in(1)));
  const ValueId y = p.make(kLayerNormalization, {sum, p.in(5), p.in(6)}, {{"epsilon", static_cast<float>(p.real("epsilon", kSkipEpsilon))}});
  ValueId counts = kNone;
  if (p.wants(1) && p.has(7)) {
    counts = p.as(p.reduce(kReduceSum, p.as(p.in(7), DType::kI32), {1}, false), DType::kI32);
  } else if (p.wants(1)) {
    counts = p.as(p.make(kConstantOfShape, {p.size(p.in(0), 0)}, {{"value", Tensor::of<int32_t>(Shape{1}, {0})}}), DType::kI32);
  }
  return {y, counts, sum};
}

}  // namespace

constinit const OpDef kMsLayerNormalization = composite<expand_layer>("com.microsoft", "LayerNormalization", kLayerInputs, kLayerOutputs, kLayerAttributes);
constinit const OpDef kSimplifiedLayerNormalization = composite<expand_simple>("", "SimplifiedLayerNormalization", kSimpleInputs, kSimpleOutputs, kLayerAttributes);
constinit const OpDef kMsSimplifiedLayerNormalization = composite<expand_simple>("com.microsoft", "SimplifiedLayerNormalization", kSimpleInputs, kSimpleOutputs, kLayerAttributes);
constinit const OpDef kMsSkipLayerNormalization = composite<expand_skip>("com.microsoft", "SkipLayerNormalization", kSkipInputs, kSkipOutputs, kSkipAttributes);
constinit const OpDef kMsSkipSimplifiedLayerNormalization = composite<expand_skip_simple>("com.microsoft", "SkipSimplifiedLayerNormalization", kSkipSimpleInputs, kSkipOutputs, kSkipAttributes);
constinit const OpDef kMsEmbedLayerNormalization = composite<expand_embed>("com.microsoft", "EmbedLayerNormalization", kEmbedInputs, kEmbedOutputs, kEmbedAttributes);

}  // namespace omni::ops
