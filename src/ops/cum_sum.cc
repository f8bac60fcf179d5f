// CumSum and CumProd (ai.onnx): sums or products of what comes before along an axis, itself included unless `exclusive`; from the end on if `reverse`.
#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"axis"}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {{"exclusive", AttributeKind::kInt}, {"reverse", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{14}, {11}};
constexpr OpVersion kProdVersions[] = {{26}};

void infer(InferContext& c) {
  const Type& axis = c.input(1);
  if (axis.dtype != DType::kI64 && axis.dtype != DType::kI32) c.fail("the axis is not i32 or i64");
  if (axis.is_static() && axis.shape()->count() != 1) c.fail("the axis is not one number");
  c.set(0, c.input(0));
}

struct Params {
  bool exclusive, reverse;
};

// Floats are accumulated in double, integers wrap in 64 bits.
template <class T, class Sum, bool kProduct>
void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const Shape& shape = args.inputs[0].shape;
  const int64_t stated = args.inputs[1].dtype == DType::kI32 ? *args.inputs[1].as<int32_t>() : *args.inputs[1].as<int64_t>();
  if (stated < -shape.rank() || stated >= shape.rank()) {
    args.status->fail(0, "axis out of range", stated, shape.rank());
    return;
  }
  const int axis = static_cast<int>(stated < 0 ? stated + shape.rank() : stated);
  const int64_t n = shape[axis], inner = shape.count(axis + 1);
  args.pool->parallel_for(shape.count(0, axis), [&](int64_t o) {
    for (int64_t i = 0; i < inner; ++i) {
      const T* x = args.inputs[0].as<T>() + o * n * inner + i;
      T* y = args.outputs[0].as<T>() + o * n * inner + i;
      Sum sum = kProduct ? 1 : 0;
      for (int64_t k = 0; k < n; ++k) {
        const int64_t at = (p.reverse ? n - 1 - k : k) * inner;
        const Sum next = kProduct ? sum * static_cast<Sum>(x[at]) : sum + static_cast<Sum>(x[at]);
        y[at] = static_cast<T>(p.exclusive ? sum : next);
        sum = next;
      }
    }
  });
}

template <bool kProduct>
Binding bind(const PlannedNode& n) {
  const auto params = std::make_shared<Params>(Params{n.attributes.get_int("exclusive", 0) != 0, n.attributes.get_int("reverse", 0) != 0});
  switch (n.input(0).dtype) {
    case DType::kF32: return {run<float, double, kProduct>, params, 0};
    case DType::kF64: return {run<double, double, kProduct>, params, 0};
    case DType::kI32: return {run<int32_t, uint64_t, kProduct>, params, 0};
    case DType::kI64: return {run<int64_t, uint64_t, kProduct>, params, 0};
    case DType::kU32: return {run<uint32_t, uint64_t, kProduct>, params, 0};
    case DType::kU64: return {run<uint64_t, uint64_t, kProduct>, params, 0};
    default: n.unsupported("no kernel for this element type");
  }
}

// Every sum's gradient reaches what came before it: the same from the other end.
std::vector<ValueId> gradient(GradContext& c) {
  Attributes attributes = c.node.attributes;
  attributes.set("reverse", int64_t{attributes.get_int("reverse", 0) == 0});
  return {c.graph.add1(kCumSum, {c.grad(), c.input(1)}, std::move(attributes)), kNone};
}

}  // namespace

constinit const OpDef kCumSum = {
    .name = "CumSum", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes, .versions = kVersions, .infer = infer, .bind = bind<false>};
constinit const OpDef kCumProd = {
    .name = "CumProd", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes, .versions = kProdVersions, .infer = infer, .bind = bind<true>};

extern const GradDef kCumSumGradient;
constinit const GradDef kCumSumGradient = {.op = &kCumSum, .rule = gradient};

}  // namespace omni::ops
