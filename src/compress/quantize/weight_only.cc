#include "compress/quantize/weight_only.h"

#include <utility>

#include "compress/quantize/targets.h"
#include "compress/quantize/weights.h"
#include "ops/onnx_dtype.h"
#include "ops/op_list.h"

namespace omni::compress {

namespace {

void to_int8(Graph& graph, const WeightTarget& target) {
  const Value& v = graph.value(target.value);
  const std::string name = v.name;
  Int8Weights q = quantize_int8(v.data, target.axis);
  const ValueId stored = graph.add_constant(name + ".stored", std::move(q.values), v.role);
  const ValueId scales = graph.add_constant(name + ".scale", std::move(q.scales), Role::kScale);
  const ValueId read = graph.add1(ops::kDequantizeLinear, {stored, scales}, {{"axis", int64_t{target.axis}}}, {.output_names = {name + ".f32"}});
  replace_weight(graph, target.value, stored, read);
}

Tensor transposed(const Tensor& matrix) {
  const int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  Tensor out(DType::kF32, Shape{columns, rows});
  const float* from = matrix.values<float>().data();
  float* to = out.mutable_values<float>().data();
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
  }
  return out;
}

}  // namespace

Tensor weight_matrix(const Graph& graph, const WeightTarget& target) {
  const Tensor& data = graph.value(target.value).data;
  if (target.axis == 0) return data.reshaped(Shape{data.shape()[0], data.shape().count(1)});
  return transposed(data);
}

void store_blocks(Graph& graph, const WeightTarget& target, BlockWeights blocks) {
  const Value& v = graph.value(target.value);
  const std::string name = v.name;
  const Shape shape = v.data.shape();
  const ValueId stored = graph.add_constant(name + ".stored", std::move(blocks.values), v.role);
  const ValueId scales = graph.add_constant(name + ".scale", std::move(blocks.scales), Role::kScale);
  const ValueId zeros = graph.add_constant(name + ".zero_point", std::move(blocks.zero_points), Role::kConstant);
  const ValueId half = graph.add1(ops::kDequantizeLinear, {stored, scales, zeros}, {{"axis", int64_t{1}}, {"block_size", blocks.group}}, {.output_names = {name + ".f16"}});
  ValueId read = graph.add1(ops::kCast, {half}, {{"to", ops::to_onnx(DType::kF32)}}, {.output_names = {name + ".f32"}});
  if (target.axis != 0) {
    read = graph.add1(ops::kTranspose, {read}, {{"perm", std::vector<int64_t>{1, 0}}}, {.output_names = {name + ".transposed"}});
  } else if (shape.rank() > 2) {
    const ValueId to = graph.add_constant(name + ".shape", Tensor::of<int64_t>(Shape{shape.rank()}, shape.dims()));
    read = graph.add1(ops::kReshape, {read, to}, {}, {.output_names = {name + ".reshaped"}});
  }
  replace_weight(graph, target.value, stored, read);
}

namespace {

// Why a weight is kept at eight bits, or nothing.
const char* int8_reason(const WeightTarget& t, bool end, bool keep_ends, const Shape& shape) {
  if (t.depthwise) return "INT8: depthwise weights have too few values a group";
  if (shape.rank() > 2 && t.axis != 0) return "INT8: its output channels are not the first axis";
  if (keep_ends && t.table) return "INT8: an embedding";
  if (keep_ends && end) return "INT8: the first and the last layer keep eight bits";
  return nullptr;
}

// Calls kept(target, reason) for those that stay at eight bits and returns the others.
template <class Kept>
std::vector<WeightTarget> sort_targets(const Graph& graph, const BlockOptions& options, Kept kept) {
  const std::vector<WeightTarget> targets = weight_targets(graph);
  std::vector<WeightTarget> blocks;
  for (size_t i = 0; i < targets.size(); ++i) {
    const bool end = i == 0 || i + 1 == targets.size();
    const char* reason = int8_reason(targets[i], end, options.keep_ends_int8, graph.value(targets[i].value).data.shape());
    if (reason != nullptr) kept(targets[i], reason);
    else blocks.push_back(targets[i]);
  }
  return blocks;
}

}  // namespace

void quantize_weights_int8(Graph& graph, PassContext&) {
  for (const WeightTarget& target : weight_targets(graph)) to_int8(graph, target);
}

std::vector<WeightTarget> planned_block_targets(const Graph& graph, const BlockOptions& options) {
  return sort_targets(graph, options, [](const WeightTarget&, const char*) {});
}

std::vector<WeightTarget> block_targets(Graph& graph, const BlockOptions& options, PassContext& context) {
  return sort_targets(graph, options, [&](const WeightTarget& target, const char* reason) {
    context.notes.push_back(graph.value(target.value).name + ": " + reason);
    to_int8(graph, target);
  });
}

void quantize_weights_blocks(Graph& graph, const BlockOptions& options, PassContext& context) {
  for (const WeightTarget& target : block_targets(graph, options, context)) {
    store_blocks(graph, target, quantize_blocks(weight_matrix(graph, target), options.group, options.levels(), options.choice));
  }
}

}  // namespace omni::compress
