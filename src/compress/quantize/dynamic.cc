#include "compress/quantize/dynamic.h"

#include <map>

#include "compress/quantize/targets.h"
#include "compress/quantize/weights.h"
#include "ops/onnx_dtype.h"
#include "ops/op_list.h"

namespace omni::compress {

namespace {

// What DynamicQuantizeLinear gives for an activation; made once for all its readers.
struct Quantized {
  ValueId values, scale, zero_point;
};

class DynamicQuantizer {
 public:
  DynamicQuantizer(Graph& graph, PassContext& context) : graph_(graph), context_(context) {}

  void run() {
    for (const WeightTarget& target : weight_targets(graph_)) {
      const Node& n = graph_.node(target.node);
      if (const char* reason = refuse(n, target)) {
        context_.notes.push_back(graph_.value(target.value).name + ": stays float, " + reason);
        continue;
      }
      replace(target);
    }
    graph_.erase_dead();
  }

 private:
  const char* refuse(const Node& n, const WeightTarget& target) const {
    if (graph_.use_count(target.value) != 1) return "several nodes share it";
    if (n.op == &ops::kConv) {
      if (n.attributes.get_int("group", 1) != 1) return "integer convolutions of several groups gain nothing at run time";
      return nullptr;
    }
    if (n.op == &ops::kGemm) {
      if (n.attributes.get_int("transA", 0) != 0) return "its activation is transposed";
      if (n.attributes.get_float("alpha", 1) != 1 || n.attributes.get_float("beta", 1) != 1) return "its product is scaled";
      return nullptr;
    }
    if (n.op == &ops::kMatMul && target.input == 1 && graph_.type(target.value).rank() == 2) return nullptr;
    return "this operator has no integer form";
  }

  Quantized quantized(ValueId x) {
    const auto found = activations_.find(x);
    if (found != activations_.end()) return found->second;
    const std::string name = graph_.value(x).name;
    const std::vector<ValueId> out =
        graph_.add(ops::kDynamicQuantizeLinear, {x}, {}, {.output_names = {name + ".u8", name + ".scale", name + ".zero_point"}});
    return activations_[x] = {out[0], out[1], out[2]};
  }

  void replace(const WeightTarget& target) {
    const Node& n = graph_.node(target.node);
    const bool conv = n.op == &ops::kConv;
    const std::string weight = graph_.value(target.value).name, result = graph_.value(n.outputs[0]).name;
    const ValueId x = n.inputs[0], bias = n.inputs.size() > 2 ? n.inputs[2] : kNone, old = n.outputs[0];
    Int8Weights q = quantize_int8(graph_.value(target.value).data, target.axis);
    const int64_t channels = q.scales.count();
    if (n.op == &ops::kGemm && target.axis == 0) q.values = transposed(q.values);
    const Shape per_channel = conv ? spread(channels, graph_.type(target.value).rank()) : Shape{channels};
    const ValueId values = graph_.add_constant(weight + ".i8", std::move(q.values), Role::kParameter);
    const ValueId scales = graph_.add_constant(weight + ".scale", q.scales.reshaped(per_channel), Role::kScale);
    const Quantized a = quantized(x);
    const OpDef& op = conv ? ops::kConvInteger : ops::kMatMulInteger;
    const Attributes attributes = conv ? n.attributes : Attributes{};
    const ValueId product = graph_.add1(op, {a.values, values, a.zero_point}, attributes, {.name = n.name, .output_names = {result + ".i32"}});
    const ValueId real = graph_.add1(ops::kCast, {product}, {{"to", ops::to_onnx(DType::kF32)}}, {.output_names = {result + ".cast"}});
    const ValueId step = graph_.add1(ops::kMul, {a.scale, scales}, {}, {.output_names = {result + ".step"}});
    ValueId out = graph_.add1(ops::kMul, {real, step}, {}, {.output_names = {result + ".scaled"}});
    if (bias != kNone) out = graph_.add1(ops::kAdd, {out, conv ? spread_bias(bias, per_channel) : bias}, {}, {.output_names = {result + ".biased"}});
    graph_.replace_uses(old, out);
    graph_.erase_node(target.node);
    graph_.rename(out, result);
    graph_.erase_value(target.value);
    graph_.rename(values, weight);
  }

  static Shape spread(int64_t channels, int rank) {
    Shape shape{1, channels};
    std::vector<int64_t> dims = {1, channels};
    dims.resize(static_cast<size_t>(rank), 1);
    return Shape(dims);
  }

  ValueId spread_bias(ValueId bias, const Shape& shape) {
    const std::string name = graph_.value(bias).name;
    if (graph_.is_constant(bias)) return graph_.add_constant(name + ".spread", graph_.value(bias).data.reshaped(shape), Role::kParameter);
    const ValueId to = graph_.add_constant(name + ".shape", Tensor::of<int64_t>(Shape{shape.rank()}, shape.dims()));
    return graph_.add1(ops::kReshape, {bias, to}, {}, {.output_names = {name + ".spread"}});
  }

  static Tensor transposed(const Tensor& matrix) {
    const int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
    Tensor out(DType::kI8, Shape{columns, rows});
    const int8_t* from = matrix.values<int8_t>().data();
    int8_t* to = out.mutable_values<int8_t>().data();
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
    }
    return out;
  }

  Graph& graph_;
  PassContext& context_;
  std::map<ValueId, Quantized> activations_;
};

}  // namespace

void quantize_dynamic(Graph& graph, PassContext& context) { DynamicQuantizer(graph, context).run(); }

}  // namespace omni::compress
