#include <algorithm>
#include <cmath>

#include "compress/quantize/static.h"
#include "compress/quantize/targets.h"
#include "compress/quantize/weights.h"
#include "ops/op_list.h"

namespace omni::compress {

namespace {

// Beyond it an i32 bias could overflow the accumulator.
constexpr double kLargestBias = 1 << 30;

class Inserter {
 public:
  Inserter(Graph& graph, const StaticPlan& plan) : graph_(graph), plan_(plan) {}

  void set(ValueId id, QuantParams q) { params_[id] = q; }

  void run() {
    for (const auto& [id, source] : plan_.same_as) params_[id] = params_of(source);
    std::vector<ValueId> tensors;
    for (const auto& [id, q] : params_) tensors.push_back(id);
    // Weights first: the products still read the float activations, whose parameters are known by value id.
    for (const NodeId id : plan_.nodes) weights(id);
    for (const ValueId id : tensors) pair(id);
  }

 private:
  QuantParams params_of(ValueId id) const {
    const auto next = plan_.same_as.find(id);
    return next != plan_.same_as.end() ? params_of(next->second) : params_.at(id);
  }

  void pair(ValueId id) {
    const QuantParams q = params_.at(id);
    const std::string name = graph_.value(id).name;
    const bool output = graph_.is_output(id);
    const ValueId scale = graph_.add_constant(name + ".scale", Tensor::scalar(q.scale), Role::kScale);
    const ValueId zero = graph_.add_constant(name + ".zero_point", Tensor::scalar(static_cast<uint8_t>(q.zero_point)));
    const std::vector<Use> readers = graph_.value(id).uses;
    const ValueId quantized = graph_.add1(ops::kQuantizeLinear, {id, scale, zero}, {}, {.output_names = {name + ".u8"}});
    const ValueId real = graph_.add1(ops::kDequantizeLinear, {quantized, scale, zero}, {}, {.output_names = {name + ".dequantized"}});
    for (const Use& use : readers) graph_.set_node_input(use.node, use.index, real);
    if (!output) return;
    std::vector<ValueId> outputs = graph_.outputs();
    std::replace(outputs.begin(), outputs.end(), id, real);
    graph_.set_outputs(std::move(outputs));
    graph_.rename(id, name + ".float");
    graph_.rename(real, name);
  }

  void weights(NodeId id) {
    const Node& n = graph_.node(id);
    if (n.op != &ops::kConv && n.op != &ops::kGemm && n.op != &ops::kMatMul) return;
    const int axis = n.op == &ops::kConv ? 0 : n.op == &ops::kGemm && n.attributes.get_int("transB", 0) != 0 ? 0 : graph_.type(n.inputs[1]).rank() - 1;
    const ValueId weight = n.inputs[1], bias = n.inputs.size() > 2 ? n.inputs[2] : kNone;
    const double step = params_.at(n.inputs[0]).scale;
    Int8Weights q = quantize_int8(graph_.value(weight).data, axis);
    if (bias != kNone) raise_scales(q, graph_.value(weight).data, axis, graph_.value(bias).data, step);
    const std::string name = graph_.value(weight).name;
    const Tensor scales = q.scales;
    const ValueId stored = graph_.add_constant(name + ".i8", std::move(q.values), Role::kParameter);
    const ValueId scale = graph_.add_constant(name + ".scale", scales, Role::kScale);
    const ValueId read = graph_.add1(ops::kDequantizeLinear, {stored, scale}, {{"axis", int64_t{axis}}}, {.output_names = {name + ".f32"}});
    graph_.set_node_input(id, 1, read);
    if (graph_.use_count(weight) == 0) {
      graph_.erase_value(weight);
      graph_.rename(stored, name);
    }
    if (bias != kNone) integer_bias(id, bias, scales, step);
  }

  // A channel whose step is so small that its bias leaves 2^30 gets a larger weight scale.
  static void raise_scales(Int8Weights& q, const Tensor& weights, int axis, const Tensor& bias, double step) {
    const int64_t channels = q.scales.count(), outer = weights.shape().count(0, axis), inner = weights.shape().count(axis + 1);
    for (int64_t c = 0; c < channels; ++c) {
      float& scale = q.scales.mutable_values<float>()[static_cast<size_t>(c)];
      const double b = std::fabs(bias.values<float>()[static_cast<size_t>(c)]);
      if (b <= kLargestBias * step * scale) continue;
      scale = std::nextafter(static_cast<float>(b / (kLargestBias * step)), INFINITY);
      for (int64_t o = 0; o < outer; ++o) {
        for (int64_t i = 0; i < inner; ++i) {
          const size_t at = static_cast<size_t>((o * channels + c) * inner + i);
          q.values.mutable_values<int8_t>()[at] = static_cast<int8_t>(std::clamp(std::nearbyint(weights.values<float>()[at] / static_cast<double>(scale)), -127.0, 127.0));
        }
      }
    }
  }

  void integer_bias(NodeId id, ValueId bias, const Tensor& weight_scales, double step) {
    const Tensor& data = graph_.value(bias).data;
    const int64_t channels = data.count();
    Tensor integers(DType::kI32, Shape{channels}), scales(DType::kF32, Shape{channels});
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
      const float s = static_cast<float>(step * weight_scales.values<float>()[c]);
      scales.mutable_values<float>()[c] = s;
      integers.mutable_values<int32_t>()[c] = static_cast<int32_t>(std::clamp(std::nearbyint(data.values<float>()[c] / static_cast<double>(s)), -kLargestBias, kLargestBias));
    }
    const std::string name = graph_.value(bias).name;
    const ValueId stored = graph_.add_constant(name + ".i32", std::move(integers), Role::kParameter);
    const ValueId scale = graph_.add_constant(name + ".scale", std::move(scales), Role::kScale);
    const ValueId read = graph_.add1(ops::kDequantizeLinear, {stored, scale}, {{"axis", int64_t{0}}}, {.output_names = {name + ".f32"}});
    graph_.set_node_input(id, 2, read);
    if (graph_.use_count(bias) == 0) {
      graph_.erase_value(bias);
      graph_.rename(stored, name);
    }
  }

  Graph& graph_;
  const StaticPlan& plan_;
  std::map<ValueId, QuantParams> params_;
};

// Inputs of a Concat take the output's parameters, so that joining them copies bytes; one whose range is under a quarter of the joint one keeps its own.
void share_concat_params(const Graph& graph, const StaticPlan& plan, std::map<ValueId, Range>& ranges) {
  for (auto it = plan.nodes.rbegin(); it != plan.nodes.rend(); ++it) {
    const Node& n = graph.node(*it);
    const auto joint = n.op == &ops::kConcat ? ranges.find(n.outputs[0]) : ranges.end();
    if (joint == ranges.end()) continue;
    const Range whole = joint->second;
    for (const ValueId v : n.inputs) {
      const auto own = ranges.find(v);
      if (own != ranges.end() && own->second.hi - own->second.lo >= (whole.hi - whole.lo) / 4) own->second = whole;
    }
  }
}

}  // namespace

std::vector<TensorReport> apply_static(Graph& graph, const StaticPlan& plan, const std::map<ValueId, Histogram>& histograms, Observer observer,
                                       double percentile, PassContext& context) {
  std::map<ValueId, Range> ranges;
  for (const ValueId id : plan.observed) {
    const Histogram& h = histograms.at(id);
    if (h.not_a_number() > 0) context.notes.push_back(graph.value(id).name + ": " + std::to_string(h.not_a_number()) + " calibration values are not a number");
    ranges[id] = observe(h, observer, percentile);
  }
  share_concat_params(graph, plan, ranges);
  Inserter inserter(graph, plan);
  std::vector<TensorReport> report;
  for (const ValueId id : plan.observed) {
    const Histogram& h = histograms.at(id);
    inserter.set(id, to_u8(ranges.at(id)));
    report.push_back({graph.value(id).name, h.min(), h.max(), ranges.at(id), signal_to_noise_db(h, ranges.at(id))});
  }
  inserter.run();
  graph.erase_dead();
  return report;
}

}  // namespace omni::compress
