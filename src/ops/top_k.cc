// TopK (ai.onnx): the k largest (or smallest) elements along an axis and where they stood; among equals the first.
#include <algorithm>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"K"}};
constexpr Formal kOutputs[] = {{"Values"}, {"Indices"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}, {"largest", AttributeKind::kInt}, {"sorted", AttributeKind::kInt}};

void upgrade_k(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  draft.inputs = {draft.inputs[0], graph.add_constant(draft.name + ".k", Tensor::of<int64_t>(Shape{1}, {draft.attributes.get_int("k", 0)}))};
  draft.attributes.erase("k");
}
constexpr OpVersion kVersions[] = {{24}, {11}, {10}, {1, upgrade_k}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  Type values = x;
  if (x.ranked) {
    const int axis = c.axis(c.attributes.get_int("axis", -1), x.rank());
    const Contents* k = c.contents(1);
    Dim& d = values.dims[static_cast<size_t>(axis)];
    if (k != nullptr && k->size() == 1 && k->front().is_constant()) {
      if (k->front().value < 0 || (d.is_constant() && k->front().value > d.value)) c.fail("k is " + std::to_string(k->front().value));
    }
    d = k != nullptr && k->size() == 1 ? k->front() : c.dims.fresh();
  }
  Type indices = values;
  indices.dtype = DType::kI64;
  c.set(0, std::move(values));
  c.set(1, std::move(indices));
}

struct Params {
  int64_t outer, axis, inner, k;
  bool largest;
};

template <class T>
void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const bool wants_values = args.outputs[0].data != nullptr, wants_indices = args.outputs.size() > 1 && args.outputs[1].data != nullptr;
  args.pool->parallel_for(p.outer * p.inner, [&](int64_t task) {
    const int64_t o = task / p.inner, i = task % p.inner;
    const T* x = args.inputs[0].as<T>() + o * p.axis * p.inner + i;
    int32_t* order = reinterpret_cast<int32_t*>(args.scratch) + task * p.axis;
    for (int64_t a = 0; a < p.axis; ++a) order[a] = static_cast<int32_t>(a);
    std::partial_sort(order, order + p.k, order + p.axis, [&](int32_t a, int32_t b) {
      const T u = x[a * p.inner], v = x[b * p.inner];
      if (u != u || v != v) return u != u && (v == v || a < b);  // NaN first, so that the order stays one
      return u == v ? a < b : p.largest ? u > v : u < v;
    });
    for (int64_t k = 0; k < p.k; ++k) {
      const int64_t to = (o * p.k + k) * p.inner + i;
      if (wants_values) args.outputs[0].as<T>()[to] = x[order[k] * p.inner];
      if (wants_indices) args.outputs[1].as<int64_t>()[to] = order[k];
    }
  });
}

Binding bind(const PlannedNode& n) {
  const Shape& x = n.input(0).shape;
  const PlannedValue& y = n.has_output(0) ? n.output(0) : n.output(1);
  const int64_t stated = n.attributes.get_int("axis", -1);
  const int axis = static_cast<int>(stated < 0 ? stated + x.rank() : stated);
  if (x[axis] > INT32_MAX) n.unsupported("an axis beyond 2^31 elements");
  const auto params =
      std::make_shared<Params>(Params{x.count(0, axis), x[axis], x.count(axis + 1), y.shape[axis], n.attributes.get_int("largest", 1) != 0});
  const size_t scratch = static_cast<size_t>(x.count()) * sizeof(int32_t);
  switch (n.input(0).dtype) {
    case DType::kF32: return {run<float>, params, scratch};
    case DType::kF64: return {run<double>, params, scratch};
    case DType::kI32: return {run<int32_t>, params, scratch};
    case DType::kI64: return {run<int64_t>, params, scratch};
    case DType::kU32: return {run<uint32_t>, params, scratch};
    case DType::kU64: return {run<uint64_t>, params, scratch};
    case DType::kI16: return {run<int16_t>, params, scratch};
    case DType::kU16: return {run<uint16_t>, params, scratch};
    case DType::kU8: return {run<uint8_t>, params, scratch};
    case DType::kI8: return {run<int8_t>, params, scratch};
    default: n.unsupported("no kernel for this element type");
  }
}

Cost cost(const PlannedNode& n) { return {n.input(0).shape.count() * 4}; }

// The gradient of each value goes to where it stood.
std::vector<ValueId> gradient(GradContext& c) {
  if (c.grad(0) == kNone || c.output(1) == kNone) return {kNone, kNone};
  const ValueId zeros = c.graph.add1(kBroadcastLike, {number(c.graph, c.input(0), 0), c.input(0)});
  return {c.graph.add1(kScatterElements, {zeros, c.output(1), c.grad(0)}, {{"axis", c.node.attributes.get_int("axis", -1)}}), kNone};
}

}  // namespace

constinit const OpDef kTopK = {.name = "TopK",
                               .inputs = kInputs,
                               .outputs = kOutputs,
                               .attributes = kAttributes,
                               .versions = kVersions,
                               .infer = infer,
                               .cost = cost,
                               .bind = bind};

extern const GradDef kTopKGradient;
constinit const GradDef kTopKGradient = {.op = &kTopK, .rule = gradient};

}  // namespace omni::ops
