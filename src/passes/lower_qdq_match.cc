// Seeing through quantization: what a value is in bytes, where it is quantized again, weights and bias in integers.
#include <algorithm>
#include <cmath>

#include "core/thread_pool.h"
#include "ops/evaluate.h"
#include "passes/lower_qdq_rules.h"

namespace omni::passes {

namespace {

bool is_byte(DType t) { return t == DType::kU8 || t == DType::kI8; }

bool usable(double scale) { return std::isfinite(scale) && scale > 0; }

}  // namespace

std::optional<Tensor> QdqRewriter::constant(ValueId id, int depth) const {
  if (id == kNone || depth > 4) return std::nullopt;
  if (graph_.is_constant(id)) return graph_.value(id).data;
  const Node* n = graph_.producer(id);
  if (n == nullptr || !n->bodies.empty() || n->op->has(kRandom) || n->inputs.empty()) return std::nullopt;
  std::vector<std::optional<Tensor>> inputs;
  for (const ValueId input : n->inputs) {
    inputs.push_back(constant(input, depth + 1));
    if (!inputs.back() && input != kNone) return std::nullopt;
  }
  ThreadPool pool(1);
  const auto results = ops::evaluate(*n, inputs, pool, Isa::kScalar);
  if (!results) return std::nullopt;
  return (*results)[graph_.value(id).producer_index];
}

std::optional<float> QdqRewriter::scalar(ValueId id) const {
  const std::optional<Tensor> t = constant(id);
  if (!t || t->count() != 1 || !is_float(t->dtype())) return std::nullopt;
  return static_cast<float>(to_double(*t)[0]);
}

std::optional<Dequantized> QdqRewriter::dequantized(ValueId id) const {
  const Node* n = graph_.producer(id, ops::kDequantizeLinear);
  if (n == nullptr || n->attributes.get_int("block_size", 0) != 0 || graph_.type(id).dtype != DType::kF32) return std::nullopt;
  const Type& q = graph_.type(n->inputs[0]);
  const std::optional<float> scale = scalar(n->inputs[1]);
  if (!is_byte(q.dtype) || !scale || !usable(*scale)) return std::nullopt;
  Dequantized d{n->inputs[0], *scale, 0, q.dtype};
  if (n->inputs.size() > 2 && n->inputs[2] != kNone) {
    const std::optional<Tensor> zero = constant(n->inputs[2]);
    if (!zero || zero->count() != 1) return std::nullopt;
    d.zero = static_cast<int32_t>(to_int64(*zero)[0]);
  }
  return d;
}

std::optional<Wanted> QdqRewriter::wanted(ValueId id) const {
  const float infinity = std::numeric_limits<float>::infinity();
  float low = -infinity, high = infinity;
  for (int steps = 0; steps < 4; ++steps) {
    if (graph_.use_count(id) != 1 || graph_.is_output(id) || graph_.value(id).uses.empty()) return std::nullopt;
    const Use use = graph_.value(id).uses[0];
    const Node& n = graph_.node(use.node);
    if (use.index != 0) return std::nullopt;
    if (n.op == &ops::kQuantizeLinear) {
      const std::optional<float> scale = scalar(n.inputs[1]);
      const DType dtype = graph_.type(n.outputs[0]).dtype;
      if (!scale || !usable(*scale) || !is_byte(dtype) || n.attributes.get_int("block_size", 0) != 0) return std::nullopt;
      int32_t zero = 0;
      if (n.inputs.size() > 2 && n.inputs[2] != kNone) {
        const std::optional<Tensor> t = constant(n.inputs[2]);
        if (!t || t->count() != 1) return std::nullopt;
        zero = static_cast<int32_t>(to_int64(*t)[0]);
      }
      Wanted w{n.outputs[0], *scale, dtype, ops::ByteRange::of(dtype == DType::kI8, zero)};
      // Rounding keeps the order, so clamping floats is clamping bytes to the rounded bounds.
      const ops::ByteRange all = w.range;
      if (low > -infinity) w.range.low = ops::round_to_range(low / *scale, all);
      if (high < infinity) w.range.high = ops::round_to_range(high / *scale, all);
      if (w.range.low > w.range.high) w.range.low = w.range.high;
      return w;
    }
    if (is_op(n, "Relu")) {
      low = std::max(low, 0.0f);
      high = std::max(high, 0.0f);
    } else if (is_op(n, "Clip")) {
      const auto bound = [&](size_t i, float absent) -> std::optional<float> {
        if (n.inputs.size() <= i || n.inputs[i] == kNone) return absent;
        return scalar(n.inputs[i]);
      };
      const std::optional<float> least = bound(1, -infinity), most = bound(2, infinity);
      if (!least || !most || std::isnan(*least) || std::isnan(*most)) return std::nullopt;
      low = std::min(std::max(low, *least), *most);
      high = std::min(std::max(high, *least), *most);
    } else {
      return std::nullopt;
    }
    id = n.outputs[0];
  }
  return std::nullopt;
}

std::optional<QuantizedWeights> QdqRewriter::weights(ValueId id, int axis) const {
  const Node* n = graph_.producer(id, ops::kDequantizeLinear);
  if (n == nullptr || n->attributes.get_int("block_size", 0) != 0 || graph_.type(id).dtype != DType::kF32) return std::nullopt;
  const std::optional<Tensor> values = constant(n->inputs[0]), scale = constant(n->inputs[1]);
  if (!values || !scale || scale->dtype() != DType::kF32 || values->shape().rank() == 0) return std::nullopt;
  QuantizedWeights w;
  w.values = *values;
  if (values->dtype() == DType::kI4 || values->dtype() == DType::kU4) {
    w.values = from_double(values->dtype() == DType::kI4 ? DType::kI8 : DType::kU8, values->shape(), to_double(*values));
  }
  if (!is_byte(w.values.dtype())) return std::nullopt;
  const int rank = values->shape().rank();
  int64_t stated = n->attributes.get_int("axis", 1);
  if (stated < 0) stated += rank;
  if (scale->count() != 1 && stated != axis) return std::nullopt;
  w.channels = values->shape()[axis];
  for (const float s : scale->values<float>()) {
    if (!usable(s)) return std::nullopt;
    w.scales.push_back(s);
  }
  if (n->inputs.size() > 2 && n->inputs[2] != kNone) {
    const std::optional<Tensor> zero = constant(n->inputs[2]);
    if (!zero || zero->count() != scale->count()) return std::nullopt;
    for (const int64_t z : to_int64(*zero)) w.zeros.push_back(static_cast<int32_t>(z));
    if (std::all_of(w.zeros.begin(), w.zeros.end(), [](int32_t z) { return z == 0; })) w.zeros.clear();
  }
  return w;
}

std::optional<std::vector<int32_t>> QdqRewriter::bias(NodeId id, ValueId value, float sx, const QuantizedWeights& w) {
  std::vector<int32_t> out;
  if (value == kNone) return out;
  const auto refuse = [&](std::string text) -> std::optional<std::vector<int32_t>> {
    reason(id, std::move(text));
    return std::nullopt;
  };
  const std::optional<Tensor> b = constant(value);
  if (!b || (b->count() != 1 && b->count() != w.channels)) return refuse("its bias is not one constant per output channel");
  // An int32 bias in the steps of the sums is taken as it is.
  const Node* n = graph_.producer(value, ops::kDequantizeLinear);
  std::optional<Tensor> integers, steps;
  if (n != nullptr && graph_.type(n->inputs[0]).dtype == DType::kI32 &&
      (n->inputs.size() < 3 || n->inputs[2] == kNone || to_int64(constant(n->inputs[2]).value_or(Tensor::scalar<int32_t>(1)))[0] == 0)) {
    integers = constant(n->inputs[0]);
    steps = constant(n->inputs[1]);
  }
  const std::vector<double> real = to_double(*b);
  for (int64_t c = 0; c < w.channels; ++c) {
    const size_t i = b->count() == 1 ? 0 : static_cast<size_t>(c);
    const double step = static_cast<double>(sx) * w.scale(c);
    double v = real[i] / step;
    if (integers && steps) {
      const std::vector<double> s = to_double(*steps);
      const double stated = s[s.size() > 1 ? i : 0];
      if (std::abs(stated - step) <= 1e-6 * step) v = static_cast<double>(integers->values<int32_t>()[i]);
    }
    if (!(std::abs(v) <= 1073741824.0)) return refuse("the bias of channel " + std::to_string(c) + " is beyond 2^30 steps of its sums");
    out.push_back(static_cast<int32_t>(std::nearbyint(v)));
  }
  return out;
}

bool QdqRewriter::sums_fit(const QuantizedWeights& w, int64_t k, int64_t channel_stride, int64_t depth_stride, const std::vector<int32_t>& b) const {
  const bool is_signed = w.values.dtype() == DType::kI8;
  const uint8_t* p = static_cast<const uint8_t*>(w.values.data());
  for (int64_t c = 0; c < w.channels; ++c) {
    int64_t largest = 0;
    for (int64_t i = 0; i < k; ++i) {
      const uint8_t byte = p[c * channel_stride + i * depth_stride];
      largest = std::max<int64_t>(largest, std::abs((is_signed ? static_cast<int8_t>(byte) : static_cast<int32_t>(byte)) - w.zero(c)));
    }
    const int64_t offset = b.empty() ? 0 : std::abs(static_cast<int64_t>(b[static_cast<size_t>(c)]));
    if (k * 255 * largest + offset >= (int64_t{1} << 31)) return false;
  }
  return true;
}

void QdqRewriter::set_scale(Attributes& a, std::string_view prefix, const Dequantized& d) {
  a.set(std::string(prefix) + "_scale", d.scale);
  a.set(std::string(prefix) + "_zero", static_cast<int64_t>(d.zero));
}

}  // namespace omni::passes
