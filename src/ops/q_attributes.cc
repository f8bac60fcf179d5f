#include "ops/q_attributes.h"

namespace omni::ops {

namespace {

// A zero point of bytes; kernels add and multiply it without further looks.
int32_t zero_point(const PlannedNode& n, int64_t zero) {
  if (zero < -128 || zero > 255) n.unsupported("zero point " + std::to_string(zero) + ", which no byte holds");
  return static_cast<int32_t>(zero);
}

}  // namespace

TensorScale tensor_scale(const PlannedNode& n, std::string_view prefix) {
  const std::string p(prefix);
  return {n.attributes.get_float(p + "_scale", 1), zero_point(n, n.attributes.get_int(p + "_zero", 0))};
}

DType q_result_type(const InferContext& c, bool floats, std::string_view name) {
  const DType t = from_onnx(c.attributes.get_int(name, 0)).value_or(DType::kString);
  if (t != DType::kU8 && t != DType::kI8 && !(floats && t == DType::kF32))
    c.fail(std::string(name) + " is none of u8 and i8" + (floats ? " and f32" : ""));
  return t;
}

kernels::ByteRange q_range(const PlannedNode& n, std::string_view prefix) {
  const std::string p(prefix);
  const Attributes& a = n.attributes;
  const bool is_signed = a.get_int(p + "_type", 2) == to_onnx(DType::kI8);
  kernels::ByteRange r = kernels::ByteRange::of(is_signed, zero_point(n, a.get_int(p + "_zero", 0)));
  r.low = static_cast<int32_t>(std::clamp<int64_t>(a.get_int(p + "_low", r.low), r.low, r.high));
  r.high = static_cast<int32_t>(std::clamp<int64_t>(a.get_int(p + "_high", r.high), r.low, r.high));
  return r;
}

void require_bytes(const InferContext& c, int i) {
  if (c.input(i).dtype != DType::kU8 && c.input(i).dtype != DType::kI8) c.fail("input " + std::to_string(i) + " is neither u8 nor i8");
}

kernels::Int8Quantization q_product(const PlannedNode& n, int64_t channels, int weight_scale_input, int bias_input) {
  const auto constant = [&](int i, DType t) -> const Tensor& {
    const Tensor* data = n.input(i).constant;
    if (data == nullptr || data->dtype() != t) n.unsupported("weights, their scales and bias that are not constants");
    return *data;
  };
  const TensorScale x = tensor_scale(n, "x"), y = tensor_scale(n, "y");
  kernels::Int8Quantization q;
  q.x_signed = n.input(0).dtype == DType::kI8;
  q.zx = x.zero;
  const bool floats = n.attributes.get_int("y_type", 0) == to_onnx(DType::kF32);
  q.output = floats ? kernels::Int8Output::kFloat : kernels::Int8Output::kBytes;
  for (const float sw : constant(weight_scale_input, DType::kF32).values<float>()) {
    q.multiplier.push_back(floats ? kernels::product_scale(x.scale, sw) : kernels::product_multiplier(x.scale, sw, y.scale));
  }
  if (n.has_input(bias_input)) {
    const auto bias = constant(bias_input, DType::kI32).values<int32_t>();
    q.bias.assign(bias.begin(), bias.end());
    if (static_cast<int64_t>(q.bias.size()) != channels) n.unsupported("a bias that has not one value per output channel");
  }
  if (q.multiplier.size() != 1 && static_cast<int64_t>(q.multiplier.size()) != channels) n.unsupported("scales of which there are not one per output channel");
  if (!floats) q.y = q_range(n, "y");
  return q;
}

std::vector<int32_t> q_weight_zeros(const PlannedNode& n, int64_t channels, int input) {
  std::vector<int32_t> zeros;
  if (!n.has_input(input)) return zeros;
  if (n.input(input).constant == nullptr) n.unsupported("zero points of the weights that are not constants");
  for (const int64_t z : to_int64(*n.input(input).constant)) zeros.push_back(zero_point(n, z));
  if (zeros.size() != 1 && static_cast<int64_t>(zeros.size()) != channels) n.unsupported("zero points of which there are not one per output channel");
  return zeros;
}

QOrder::QOrder(const PlannedValue& v, Isa isa, size_t& scratch) {
  needed = v.present && v.layout == Layout::kPlain && v.shape.rank() >= 3 && !layout_free(v.shape);
  if (!needed) return;
  const int rank = v.shape.rank();
  std::vector<int> last = {0}, plain = {0, rank - 1};
  for (int i = 2; i < rank; ++i) last.push_back(i);
  last.push_back(1);
  for (int i = 1; i + 1 < rank; ++i) plain.push_back(i);
  to_last = kernels::plan_transpose(v.shape, last, dtype_size(v.dtype), isa);
  to_plain = kernels::plan_transpose(physical_shape(v.shape, Layout::kChannelsLast), plain, dtype_size(v.dtype), isa);
  offset = scratch;
  scratch += (v.bytes() + 63) / 64 * 64;
}

const void* QOrder::in(const void* data, std::byte* scratch, ThreadPool& pool) const noexcept {
  if (!needed) return data;
  kernels::run_copy(to_last, data, scratch + offset, pool);
  return scratch + offset;
}

void QOrder::finish(void* data, std::byte* scratch, ThreadPool& pool) const noexcept {
  if (needed) kernels::run_copy(to_plain, scratch + offset, data, pool);
}

}  // namespace omni::ops
