#include "compress/quantize/scaling.h"

#include <algorithm>
#include <cmath>

#include "ops/op_list.h"

namespace omni::compress {

namespace {

bool float_constant(const Graph& graph, const Node& n, size_t input) {
  return n.inputs.size() > input && n.inputs[input] != kNone && graph.is_constant(n.inputs[input]) && graph.type(n.inputs[input]).dtype == DType::kF32;
}

bool absent(const Node& n, size_t input) { return n.inputs.size() <= input || n.inputs[input] == kNone; }

bool plain_gemm(const Node& n) {
  return n.attributes.get_int("transA", 0) == 0 && n.attributes.get_float("alpha", 1) == 1 && n.attributes.get_float("beta", 1) == 1;
}

class Finder {
 public:
  Finder(const Graph& graph, bool clips) : graph_(graph), clips_(clips) {}

  std::vector<ScalePoint> run() {
    std::vector<ScalePoint> points;
    for (const ValueId input : graph_.inputs()) consider(input, points);
    for (const NodeId id : graph_.order()) {
      for (const ValueId v : graph_.node(id).outputs) {
        if (v != kNone) consider(v, points);
      }
    }
    return points;
  }

 private:
  void consider(ValueId value, std::vector<ScalePoint>& points) const {
    const Type& type = graph_.type(value);
    if (type.kind != TypeKind::kTensor || type.dtype != DType::kF32 || !type.ranked || type.rank() < 2) return;
    ScalePoint point;
    point.value = value;
    if (!find_readers(point)) return;
    if (find_writers(value, point, graph_.value(value).uses.size())) points.push_back(std::move(point));
  }

  // Products that all read the value's channels in the same place.
  bool find_readers(ScalePoint& point) const {
    const Value& v = graph_.value(point.value);
    if (v.uses.empty() || v.uses.size() != graph_.use_count(point.value)) return false;
    for (const Use& use : v.uses) {
      const Node& n = graph_.node(use.node);
      if (use.index != 0 || !float_constant(graph_, n, 1)) return false;
      const Shape w = graph_.value(n.inputs[1]).data.shape();
      int axis = v.type.rank() - 1, weight_axis = 0;
      if (n.op == &ops::kConv) {
        axis = 1;
        const int64_t groups = n.attributes.get_int("group", 1);
        if (groups != 1 && (w[1] != 1 || w[0] != groups)) return false;
        weight_axis = groups == 1 ? 1 : 0;
      } else if (n.op == &ops::kGemm) {
        if (!plain_gemm(n)) return false;
        weight_axis = n.attributes.get_int("transB", 0) != 0 ? 1 : 0;
      } else if (n.op != &ops::kMatMul || w.rank() != 2) {
        return false;
      }
      if (!point.readers.empty() && axis != point.axis) return false;
      point.axis = axis;
      point.channels = w[weight_axis];
      point.readers.push_back({use.node, 1, weight_axis});
    }
    return true;
  }

  bool find_writers(ValueId value, ScalePoint& point, size_t uses) const {
    if (graph_.use_count(value) != uses) return false;
    const Node* n = graph_.producer(value);
    if (n == nullptr || n->outputs[0] != value) return false;
    const NodeId id = graph_.value(value).producer;
    if (n->op == &ops::kConv || n->op == &ops::kGemm || n->op == &ops::kMatMul) return product(*n, id, point);
    if (n->op == &ops::kLayerNormalization || n->op == &ops::kRMSNormalization || n->op == &ops::kBatchNormalization) return normalization(*n, id, point);
    if (n->op == &ops::kAdd || n->op == &ops::kMul) return binary(*n, id, point);
    if (n->op == &ops::kClip) return clip(*n, id, point);
    const bool pool = n->op == &ops::kMaxPool || n->op == &ops::kAveragePool || n->op == &ops::kGlobalAveragePool || n->op == &ops::kGlobalMaxPool;
    const bool through = n->op == &ops::kRelu || n->op == &ops::kLeakyRelu || n->op == &ops::kIdentity || (pool && point.axis == 1);
    return through && find_writers(n->inputs[0], point, 1);
  }

  bool product(const Node& n, NodeId id, ScalePoint& point) const {
    if (!float_constant(graph_, n, 1) || !(absent(n, 2) || float_constant(graph_, n, 2))) return false;
    const Shape w = graph_.value(n.inputs[1]).data.shape();
    int axis = 0;
    if (n.op == &ops::kConv) {
      if (point.axis != 1) return false;
    } else {
      if (point.axis != graph_.type(n.outputs[0]).rank() - 1 || w.rank() != 2 || (n.op == &ops::kGemm && !plain_gemm(n))) return false;
      axis = n.op == &ops::kGemm && n.attributes.get_int("transB", 0) != 0 ? 0 : 1;
    }
    if (w[axis] != point.channels) return false;
    if (!absent(n, 2)) {
      if (graph_.type(n.inputs[2]).rank() != 1 || graph_.value(n.inputs[2]).data.count() != point.channels) return false;
      point.writers.push_back({id, 2, 0});
    }
    point.writers.push_back({id, 1, axis});
    point.weights = true;
    return true;
  }

  bool normalization(const Node& n, NodeId id, ScalePoint& point) const {
    const bool batch = n.op == &ops::kBatchNormalization;
    const int rank = graph_.type(n.outputs[0]).rank();
    if (batch ? point.axis != 1 || n.attributes.get_int("training_mode", 0) != 0 : point.axis != rank - 1) return false;
    if (!batch && n.attributes.get_int("axis", -1) != -1 && n.attributes.get_int("axis", -1) != rank - 1) return false;
    for (size_t i = 2; i >= 1; --i) {
      if (i == 2 && absent(n, 2)) continue;
      if (!float_constant(graph_, n, i) || graph_.value(n.inputs[i]).data.count() != point.channels) return false;
      point.writers.push_back({id, static_cast<uint32_t>(i), graph_.type(n.inputs[i]).rank() - 1});
    }
    return true;
  }

  // x + c and x · c with a constant of one value a channel.
  bool binary(const Node& n, NodeId id, ScalePoint& point) const {
    const uint32_t side = float_constant(graph_, n, 1) ? 1 : 0;
    if (!float_constant(graph_, n, side)) return false;
    const Shape c = graph_.value(n.inputs[side]).data.shape();
    const int behind = graph_.type(n.outputs[0]).rank() - 1 - point.axis;  // dimensions after the channels
    const int axis = c.rank() - 1 - behind;
    if (axis < 0 || c[axis] != point.channels || c.count() != point.channels) return false;
    point.writers.push_back({id, side, axis});
    return n.op == &ops::kMul || find_writers(n.inputs[1 - side], point, 1);
  }

  bool clip(const Node& n, NodeId id, ScalePoint& point) const {
    if (!clips_ || !float_constant(graph_, n, 1)) return false;
    const Tensor& low = graph_.value(n.inputs[1]).data;
    if (low.count() != 1 || low.values<float>()[0] != 0) return false;
    point.clips.push_back(id);
    return find_writers(n.inputs[0], point, 1);
  }

  const Graph& graph_;
  bool clips_;
};

// The node's operand times (or over) the factors, as a constant of its own.
void scale_operand(Graph& graph, const ChannelOperand& operand, std::span<const double> factors, bool divide) {
  const ValueId old = graph.node(operand.node).inputs[operand.input];
  const Value& v = graph.value(old);
  std::vector<double> values = to_double(v.data);
  const int64_t inner = v.data.shape().count(operand.axis + 1), channels = v.data.shape()[operand.axis];
  for (size_t i = 0; i < values.size(); ++i) {
    const double f = factors[static_cast<size_t>(static_cast<int64_t>(i) / inner % channels)];
    values[i] = divide ? values[i] / f : values[i] * f;
  }
  const std::string name = v.name;
  const ValueId scaled = graph.add_constant(name, from_double(DType::kF32, v.data.shape(), values), v.role);
  graph.set_node_input(operand.node, operand.input, scaled);
  if (graph.use_count(old) != 0) return;
  graph.erase_value(old);
  graph.rename(scaled, name);
}

void to_relu(Graph& graph, NodeId clip) {
  const Node& n = graph.node(clip);
  const ValueId old = n.outputs[0];
  const std::string name = graph.value(old).name;
  const ValueId relu = graph.add1(ops::kRelu, {n.inputs[0]}, {}, {.name = n.name, .output_names = {name + ".relu"}});
  graph.replace_uses(old, relu);
  graph.erase_node(clip);
  graph.rename(relu, name);
}

}  // namespace

std::vector<ScalePoint> scale_points(const Graph& graph, bool clips) { return Finder(graph, clips).run(); }

void apply_scale(Graph& graph, const ScalePoint& point, std::span<const double> factors) {
  for (const ChannelOperand& operand : point.writers) scale_operand(graph, operand, factors, true);
  for (const ChannelOperand& operand : point.readers) scale_operand(graph, operand, factors, false);
  for (const NodeId clip : point.clips) to_relu(graph, clip);
}

std::vector<double> channel_extremes(const Graph& graph, std::span<const ChannelOperand> operands, int64_t channels) {
  std::vector<double> extremes(static_cast<size_t>(channels), 0.0);
  for (const ChannelOperand& operand : operands) {
    const Tensor& data = graph.value(graph.node(operand.node).inputs[operand.input]).data;
    const int64_t inner = data.shape().count(operand.axis + 1);
    const std::span<const float> values = data.values<float>();
    for (size_t i = 0; i < values.size(); ++i) {
      double& extreme = extremes[static_cast<size_t>(static_cast<int64_t>(i) / inner % channels)];
      extreme = std::max(extreme, std::fabs(static_cast<double>(values[i])));
    }
  }
  return extremes;
}

}  // namespace omni::compress
