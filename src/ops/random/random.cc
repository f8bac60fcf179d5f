// RandomNormal, RandomUniform, their Like forms and Bernoulli (ai.onnx). See stream.h for what their values are.
#include <algorithm>

#include "core/error.h"
#include "core/half.h"
#include "ops/onnx_dtype.h"
#include "ops/random/stream.h"

namespace omni::ops {

namespace {

constexpr Formal kInput[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kNormalAttributes[] = {{"dtype", AttributeKind::kInt},
                                              {"mean", AttributeKind::kFloat},
                                              {"scale", AttributeKind::kFloat},
                                              {"seed", AttributeKind::kFloat},
                                              {"shape", AttributeKind::kInts, true}};
constexpr AttributeDef kUniformAttributes[] = {{"dtype", AttributeKind::kInt},
                                               {"high", AttributeKind::kFloat},
                                               {"low", AttributeKind::kFloat},
                                               {"seed", AttributeKind::kFloat},
                                               {"shape", AttributeKind::kInts, true}};
constexpr AttributeDef kBernoulliAttributes[] = {{"dtype", AttributeKind::kInt}, {"seed", AttributeKind::kFloat}};
constexpr OpVersion kVersions[] = {{22}, {1}};
constexpr OpVersion kBernoulliVersions[] = {{22}, {15}};

DType float_dtype(const InferContext& c, DType fallback) {
  const std::optional<DType> t = random_dtype(c.attributes, fallback);
  if (!t || !is_float(*t)) c.fail("its element type must be a float type");
  return *t;
}

void infer_shape(InferContext& c) {
  const std::vector<int64_t> shape = c.attributes.get_ints("shape");
  if (shape.size() > Shape::kMaxRank || !checked_count(shape)) c.fail("the shape is no shape that a tensor can have");
  c.set(0, Type(float_dtype(c, DType::kF32), std::vector<Dim>(shape.begin(), shape.end())));
}

void infer_like(InferContext& c) {
  Type type = c.input(0);
  if (type.kind != TypeKind::kTensor) c.fail("its input must be a tensor");
  type.dtype = float_dtype(c, is_float(type.dtype) ? type.dtype : DType::kF32);
  c.set(0, type);
}

void infer_bernoulli(InferContext& c) {
  Type type = c.input(0);
  if (!is_float(type.dtype)) c.fail("the probabilities must be a float type");
  const std::optional<DType> t = random_dtype(c.attributes, type.dtype);
  if (!t || *t == DType::kString || dtype_bits(*t) < 8) c.fail("its element type is not one that can hold 0 and 1");
  type.dtype = *t;
  c.set(0, type);
}

struct Params {
  explicit Params(const PlannedNode& n) : stream(n) {}
  NodeStream stream;
  double a = 0, b = 1;  // mean and scale, or low and high
};

template <class F>
void each(const KernelArgs& k, F&& f) noexcept {
  const int64_t n = k.outputs[0].count();
  k.pool->parallel_for((n + kRandomGrain - 1) / kRandomGrain, [&](int64_t task) {
    for (int64_t i = task * kRandomGrain; i < std::min(n, (task + 1) * kRandomGrain); ++i) f(i);
  });
}

void run_normal(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const RandomStream stream = p.stream.next();
  each(k, [&](int64_t i) { store_random(k.outputs[0], i, p.a + p.b * static_cast<double>(stream.normal(static_cast<uint64_t>(i)))); });
}

void run_uniform(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const RandomStream stream = p.stream.next();
  each(k, [&](int64_t i) { store_random(k.outputs[0], i, p.a + (p.b - p.a) * static_cast<double>(stream.uniform(static_cast<uint64_t>(i)))); });
}

double probability(const ConstTensorView& x, int64_t i) {
  switch (x.dtype) {
    case DType::kF64: return x.as<double>()[i];
    case DType::kF16: return static_cast<double>(f16_to_f32(x.as<uint16_t>()[i]));
    case DType::kBF16: return static_cast<double>(bf16_to_f32(x.as<uint16_t>()[i]));
    default: return static_cast<double>(x.as<float>()[i]);
  }
}

void run_bernoulli(const KernelArgs& k) noexcept {
  const RandomStream stream = static_cast<const Params*>(k.params)->stream.next();
  each(k, [&](int64_t i) {
    const double p = probability(k.inputs[0], i);
    if (!(p >= 0 && p <= 1)) return k.status->fail(i, "a probability outside of 0 to 1 (element)", i);
    store_random(k.outputs[0], i, static_cast<double>(stream.uniform(static_cast<uint64_t>(i))) < p ? 1 : 0);
  });
}

Binding bind_normal(const PlannedNode& n) {
  auto p = std::make_shared<Params>(n);
  p->a = static_cast<double>(n.attributes.get_float("mean", 0));
  p->b = static_cast<double>(n.attributes.get_float("scale", 1));
  return {run_normal, p, 0};
}

Binding bind_uniform(const PlannedNode& n) {
  auto p = std::make_shared<Params>(n);
  p->a = static_cast<double>(n.attributes.get_float("low", 0));
  p->b = static_cast<double>(n.attributes.get_float("high", 1));
  return {run_uniform, p, 0};
}

Binding bind_bernoulli(const PlannedNode& n) { return {run_bernoulli, std::make_shared<Params>(n), 0}; }

constexpr OpDef random_op(std::string_view name, std::span<const Formal> inputs, std::span<const AttributeDef> attributes,
                          std::span<const OpVersion> versions, void (*infer)(InferContext&), Binding (*bind)(const PlannedNode&)) {
  return {.name = name,
          .inputs = inputs,
          .outputs = kOutputs,
          .attributes = attributes,
          .versions = versions,
          .traits = kRandom | kStopsGradient,
          .infer = infer,
          .bind = bind};
}

}  // namespace

std::optional<DType> random_dtype(const Attributes& a, DType fallback) {
  if (!a.has("dtype")) return fallback;
  return from_onnx(a.get_int("dtype", 0));
}

void store_random(const TensorView& y, int64_t i, double v) noexcept {
  switch (y.dtype) {
    case DType::kF32: y.as<float>()[i] = static_cast<float>(v); break;
    case DType::kF64: y.as<double>()[i] = v; break;
    case DType::kF16: y.as<uint16_t>()[i] = f32_to_f16(static_cast<float>(v)); break;
    case DType::kBF16: y.as<uint16_t>()[i] = f32_to_bf16(static_cast<float>(v)); break;
    case DType::kI8: y.as<int8_t>()[i] = static_cast<int8_t>(v); break;
    case DType::kU8:
    case DType::kBool: y.as<uint8_t>()[i] = static_cast<uint8_t>(v); break;
    case DType::kI16: y.as<int16_t>()[i] = static_cast<int16_t>(v); break;
    case DType::kU16: y.as<uint16_t>()[i] = static_cast<uint16_t>(v); break;
    case DType::kI32: y.as<int32_t>()[i] = static_cast<int32_t>(v); break;
    case DType::kU32: y.as<uint32_t>()[i] = static_cast<uint32_t>(v); break;
    case DType::kI64: y.as<int64_t>()[i] = static_cast<int64_t>(v); break;
    case DType::kU64: y.as<uint64_t>()[i] = static_cast<uint64_t>(v); break;
    case DType::kI4:
    case DType::kU4:
    case DType::kString: break;
  }
}

constexpr std::span<const AttributeDef> kNormalLike = std::span(kNormalAttributes).first(4), kUniformLike = std::span(kUniformAttributes).first(4);

constinit const OpDef kRandomNormal = random_op("RandomNormal", {}, kNormalAttributes, kVersions, infer_shape, bind_normal);
constinit const OpDef kRandomUniform = random_op("RandomUniform", {}, kUniformAttributes, kVersions, infer_shape, bind_uniform);
constinit const OpDef kRandomNormalLike = random_op("RandomNormalLike", kInput, kNormalLike, kVersions, infer_like, bind_normal);
constinit const OpDef kRandomUniformLike = random_op("RandomUniformLike", kInput, kUniformLike, kVersions, infer_like, bind_uniform);
constinit const OpDef kBernoulli = random_op("Bernoulli", kInput, kBernoulliAttributes, kBernoulliVersions, infer_bernoulli, bind_bernoulli);

}  // namespace omni::ops
