#include "compress/codebook/codebook.h"

#include <algorithm>
#include <cmath>

#include "compress/quantize/targets.h"
#include "core/error.h"
#include "ops/op_list.h"
#include "train/glob.h"

namespace omni::compress {

namespace {

std::string values_name(const Codebook& codebook) { return codebook.name + ".values"; }

Tensor dense(const Codebook& codebook, std::span<const float> values) {
  Tensor weight(DType::kF32, codebook.numbers.shape());
  const std::span<const int32_t> numbers = codebook.numbers.values<int32_t>();
  for (size_t i = 0; i < numbers.size(); ++i) weight.mutable_values<float>()[i] = numbers[i] == 0 ? 0.0F : values[static_cast<size_t>(numbers[i] - 1)];
  return weight;
}

Codebook make_codebook(const Value& weight, int64_t bits, const CodebookOptions& options) {
  const std::span<const float> all = weight.data.values<float>();
  std::vector<float> kept;
  std::copy_if(all.begin(), all.end(), std::back_inserter(kept), [](float v) { return v != 0; });
  if (!std::all_of(kept.begin(), kept.end(), [](float v) { return std::isfinite(v); })) {
    throw Error(ErrorCode::kInvalidData, "has values that are not finite", "weight " + quoted(weight.name), "mend the model");
  }
  Codebook codebook{weight.name, cluster(kept, (int64_t{1} << bits) - 1, options.init, options.seed), Tensor(DType::kI32, weight.data.shape())};
  const std::span<int32_t> numbers = codebook.numbers.mutable_values<int32_t>();
  for (size_t i = 0; i < all.size(); ++i) numbers[i] = all[i] == 0 ? 0 : 1 + static_cast<int32_t>(nearest(codebook.values, all[i]));
  return codebook;
}

void share_values(Graph& model, const Codebook& codebook, ValueId zero, std::vector<ValueId>& parameters) {
  const ValueId weight = model.find(codebook.name);
  const Tensor start = Tensor::of<float>(Shape{static_cast<int64_t>(codebook.values.size())}, std::span<const float>(codebook.values));
  const ValueId values = model.add_state(values_name(codebook), start, Role::kParameter);
  const ValueId numbers = model.add_constant(model.unique_name(codebook.name + ".numbers"), codebook.numbers);
  Attributes axis;
  axis.set("axis", int64_t{0});
  const ValueId table = model.add1(ops::kConcat, {zero, values}, axis);
  const ValueId shared = model.add1(ops::kGather, {table, numbers}, axis, {.output_names = {model.unique_name(codebook.name + ".shared")}});
  model.replace_uses(weight, shared);
  model.erase_value(weight);
  model.rename(shared, codebook.name);
  const auto trained = std::find(parameters.begin(), parameters.end(), weight);
  if (trained != parameters.end()) *trained = values;
}

}  // namespace

std::vector<Codebook> make_codebooks(const Graph& graph, const CodebookOptions& options, PassContext& context) {
  const std::vector<WeightTarget> targets = weight_targets(graph);
  std::vector<std::string> names;
  for (const WeightTarget& target : targets) names.push_back(graph.value(target.value).name);
  train::require_matches(options.keep, names, "weight that could share values", "keep");
  std::vector<Codebook> codebooks;
  for (const WeightTarget& target : targets) {
    const Value& weight = graph.value(target.value);
    if (train::matches_any(options.keep, weight.name)) {
      context.notes.push_back(weight.name + ": keeps its values, as asked");
      continue;
    }
    const OpDef* op = graph.node(target.node).op;
    const bool convolution = op == &ops::kConv || op == &ops::kConvTranspose;
    codebooks.push_back(make_codebook(weight, convolution ? options.convolution_bits : options.bits, options));
  }
  return codebooks;
}

void apply_codebooks(Graph& graph, const std::vector<Codebook>& codebooks) {
  for (const Codebook& codebook : codebooks) graph.value(graph.find(codebook.name)).data = dense(codebook, codebook.values);
}

train::TrainingEdit codebook_training(const std::vector<Codebook>& codebooks) {
  train::TrainingEdit edit;  // its tables and numbers are in the graph, which is part of the identity already
  edit.rewrite = [codebooks](Graph& model, std::vector<ValueId>& parameters) {
    const ValueId zero = model.add_constant(model.unique_name("pruned"), Tensor(DType::kF32, Shape{1}));
    for (const Codebook& codebook : codebooks) {
      if (!codebook.values.empty()) share_values(model, codebook, zero, parameters);
    }
  };
  return edit;
}

void finish_codebooks(Graph& graph, const std::vector<Codebook>& codebooks) {
  for (const Codebook& codebook : codebooks) {
    const ValueId values = graph.find(values_name(codebook)), shared = graph.find(codebook.name);
    if (values == kNone) continue;
    const ValueId weight = graph.add_constant(graph.unique_name(codebook.name), dense(codebook, graph.value(values).data.values<float>()), Role::kParameter);
    graph.replace_uses(shared, weight);
    graph.erase_dead();
    graph.rename(weight, codebook.name);
  }
}

}  // namespace omni::compress
