#include "operator_samples.h"

#include <algorithm>

#include "core/error.h"
#include "formats/onnx/import.h"
#include "ops/op_list.h"

namespace omni::suite {

using namespace graph;

namespace {

constexpr size_t kSamples = 4;  // of one operator

using Samples = std::map<const OpDef*, std::vector<Sample>>;

Tensor numbers(Shape shape, DType type = DType::kF32) { return sample_numbers(shape, type); }

Tensor list(std::initializer_list<int64_t> v) { return Tensor::of<int64_t>(Shape{static_cast<int64_t>(v.size())}, v); }

// Operators newer than the suite's release.
void add_new_operators(Samples& samples) {
  const Tensor vector = numbers(Shape{2, 3});
  const auto add = [&](const OpDef& op, std::vector<std::optional<Tensor>> inputs, Attributes attributes = {}, int outputs = 1) {
    samples[&op].push_back({std::move(inputs), std::move(attributes), outputs});
  };
  const Tensor heads = numbers(Shape{1, 2, 3, 4});
  add(ops::kAttention, {heads, heads, heads});
  add(ops::kRotaryEmbedding, {heads, numbers(Shape{1, 3, 2}), numbers(Shape{1, 3, 2})});
  add(ops::kRMSNormalization, {vector, numbers(Shape{3})});
  add(ops::kSwish, {vector});
  add(ops::kSwiGLU, {vector, vector});
  add(ops::kTensorScatter, {numbers(Shape{1, 4, 2}), numbers(Shape{1, 2, 2})});
  for (const int64_t to : {1, 11, 10, 3, 6, 7, 22}) add(ops::kBitCast, {vector}, {{"to", to}});
  add(ops::kCumProd, {vector, Tensor::scalar(int64_t{0})});
  add(ops::kCausalConvWithState, {numbers(Shape{1, 2, 4}), numbers(Shape{2, 1, 2})}, {}, 2);
  const Tensor tokens = numbers(Shape{1, 2, 2});
  add(ops::kLinearAttention, {tokens, tokens, tokens}, {{"update_rule", "linear"}, {"q_num_heads", int64_t{1}}, {"kv_num_heads", int64_t{1}}}, 2);
  add(ops::kCol2Im, {numbers(Shape{1, 4, 4}), list({3, 3}), list({2, 2})});
  add(ops::kCenterCropPad, {vector, list({3, 2})});
  add(ops::kDeformConv, {numbers(Shape{1, 1, 3, 3}), numbers(Shape{1, 1, 2, 2}), numbers(Shape{1, 8, 2, 2})});
  add(ops::kAffineGrid, {numbers(Shape{1, 2, 3}), list({1, 1, 2, 2})});
  add(ops::kLpPool, {numbers(Shape{1, 1, 3, 3})}, {{"kernel_shape", std::vector<int64_t>{2, 2}}});
  add(ops::kGlobalLpPool, {numbers(Shape{1, 1, 3, 3})});
  add(ops::kLpNormalization, {vector});
  add(ops::kMaxRoiPool, {numbers(Shape{1, 1, 3, 3}), Tensor::of<float>(Shape{1, 5}, {0, 0, 0, 2, 2})},
      {{"pooled_shape", std::vector<int64_t>{1, 1}}});
  add(ops::kGroupNormalization, {numbers(Shape{1, 2, 3}), numbers(Shape{2}), numbers(Shape{2})}, {{"num_groups", int64_t{1}}});
  add(ops::kMish, {vector});
  add(ops::kGelu, {vector});
  for (const OpDef* op : {&ops::kBitwiseAnd, &ops::kBitwiseOr, &ops::kBitwiseXor})
    add(*op, {numbers(Shape{2, 3}, DType::kI32), numbers(Shape{2, 3}, DType::kI32)});
  add(ops::kBitwiseNot, {numbers(Shape{2, 3}, DType::kI32)});
}

// The only node of a graph, with what goes in: constants, and the first data set.
void add_case(const Case& c, Samples& samples) {
  if (!missing_operators(c.folder + "/model.onnx").empty()) return;
  try {
    const Graph g = formats::import_onnx(c.folder + "/model.onnx");
    const std::vector<NodeId> order = g.order();
    if (order.size() != 1 || !g.node(order[0]).bodies.empty()) return;
    const Node& n = g.node(order[0]);
    std::vector<Sample>& list = samples[n.op];
    if (list.size() >= kSamples) return;
    const std::vector<Tensor> given = read_tensors(c, data_sets(c).at(0), "input");
    Sample sample{{}, n.attributes, static_cast<int>(n.outputs.size())};
    for (const ValueId id : n.inputs) {
      if (id == kNone) {
        sample.inputs.emplace_back();
      } else if (g.is_constant(id)) {
        sample.inputs.emplace_back(g.value(id).data);
      } else {
        const auto at = std::find(g.inputs().begin(), g.inputs().end(), id);
        sample.inputs.emplace_back(given.at(static_cast<size_t>(at - g.inputs().begin())));
      }
    }
    for (const auto& t : sample.inputs) {
      if (t && (t->is_sequence() || t->is_nothing() || t->count() > 20000)) return;
    }
    list.push_back(std::move(sample));
  } catch (const std::exception&) {  // what does not load is the suite's affair
  }
}

}  // namespace

Tensor sample_numbers(Shape shape, DType type) {
  std::vector<double> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<double>(i % 5) - 1 + (is_float(type) ? 0.25 : 0);
  return from_double(type, shape, v);
}

Samples operator_samples() {
  Samples samples;
  for (const Case& c : cases_of("node")) add_case(c, samples);
  add_new_operators(samples);
  add_contrib_operators(samples);
  return samples;
}

}  // namespace omni::suite
