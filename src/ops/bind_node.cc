#include "ops/bind_node.h"

#include <algorithm>
#include <array>

#include "kernels/cast/cast.h"

namespace omni::ops {

namespace {

constexpr size_t kMaxTensors = 24;  // of one node; operators with more take half types themselves

bool is_half(DType t) { return t == DType::kF16 || t == DType::kBF16; }

struct Widened {
  size_t input = 0;   // which input or output
  size_t offset = 0;  // in the scratch
  kernels::CastKernel cast;
  Tensor constant;  // converted once
};

struct Params {
  Binding inner;
  size_t inner_scratch = 0;
  std::vector<Widened> inputs, outputs;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  std::array<ConstTensorView, kMaxTensors> inputs;
  std::array<TensorView, kMaxTensors> outputs;
  std::copy(args.inputs.begin(), args.inputs.end(), inputs.begin());
  std::copy(args.outputs.begin(), args.outputs.end(), outputs.begin());
  for (const Widened& w : p.inputs) {
    ConstTensorView& view = inputs[w.input];
    const void* from = view.data;
    view.dtype = DType::kF32;
    if (w.constant.count() != 0 || from == nullptr) {
      view.data = from == nullptr ? nullptr : w.constant.data();
      continue;
    }
    view.data = args.scratch + w.offset;
    kernels::run_cast(w.cast, from, args.scratch + w.offset, view.count(), *args.pool);
  }
  for (const Widened& w : p.outputs) {
    TensorView& view = outputs[w.input];
    view.dtype = DType::kF32;
    if (view.data != nullptr) view.data = args.scratch + w.offset;
  }
  KernelArgs inner = args;
  inner.inputs = {inputs.data(), args.inputs.size()};
  inner.outputs = {outputs.data(), args.outputs.size()};
  inner.params = p.inner.params.get();
  inner.scratch = args.scratch + p.inner_scratch;
  p.inner.fn(inner);
  for (const Widened& w : p.outputs) {
    if (args.outputs[w.input].data != nullptr) {
      kernels::run_cast(w.cast, outputs[w.input].data, args.outputs[w.input].data, args.outputs[w.input].count(), *args.pool);
    }
  }
}

size_t f32_bytes(const PlannedValue& v) { return (static_cast<size_t>(v.shape.count()) * sizeof(float) + 63) / 64 * 64; }

Binding widened(const PlannedNode& n) {
  auto p = std::make_shared<Params>();
  std::vector<PlannedValue> inputs(n.inputs.begin(), n.inputs.end()), outputs(n.outputs.begin(), n.outputs.end());
  size_t scratch = 0;
  ThreadPool one(1);
  for (size_t i = 0; i < inputs.size(); ++i) {
    PlannedValue& v = inputs[i];
    if (!v.present || !is_half(v.dtype)) continue;
    Widened w{i, scratch, {v.dtype, DType::kF32, n.isa}, Tensor(DType::kF32, Shape{0})};
    v.dtype = DType::kF32;
    if (v.constant != nullptr && v.shape.count() != 0) {
      w.constant = Tensor(DType::kF32, v.shape);
      kernels::run_cast(w.cast, v.constant->data(), w.constant.mutable_data(), v.shape.count(), one);
    } else {
      scratch += f32_bytes(v);
    }
    p->inputs.push_back(std::move(w));
  }
  for (Widened& w : p->inputs) inputs[w.input].constant = w.constant.count() != 0 ? &w.constant : nullptr;
  for (size_t i = 0; i < outputs.size(); ++i) {
    PlannedValue& v = outputs[i];
    if (!v.present || !is_half(v.dtype)) continue;
    p->outputs.push_back({i, scratch, {DType::kF32, v.dtype, n.isa}, {}});
    v.dtype = DType::kF32;
    scratch += f32_bytes(v);
  }
  p->inner_scratch = scratch;
  p->inner = n.op.bind({n.op, n.name, n.attributes, inputs, outputs, n.isa});
  return {run, p, scratch + p->inner.scratch_bytes};
}

bool has_half(std::span<const PlannedValue> values) {
  return std::any_of(values.begin(), values.end(), [](const PlannedValue& v) { return v.present && is_half(v.dtype); });
}

}  // namespace

Binding bind_node(const PlannedNode& n) {
  try {
    return n.op.bind(n);
  } catch (const Error& error) {
    const bool fits = n.inputs.size() <= kMaxTensors && n.outputs.size() <= kMaxTensors && (has_half(n.inputs) || has_half(n.outputs));
    if (error.code() != ErrorCode::kUnsupported || !fits) throw;
  }
  try {
    return widened(n);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
  }
  return n.op.bind(n);  // its own words
}

Cost node_cost(const PlannedNode& node) {
  Cost cost;
  if (node.op.has(kView) && node.op.bind == nullptr) return cost;
  if (node.op.cost != nullptr) {
    cost = node.op.cost(node);
  } else {
    for (const PlannedValue& v : node.outputs) cost.operations += v.present ? v.shape.count() : 0;
  }
  if (cost.bytes != 0) return cost;
  for (const PlannedValue& v : node.inputs) cost.bytes += v.present ? static_cast<int64_t>(v.bytes()) : 0;
  for (const PlannedValue& v : node.outputs) cost.bytes += v.present ? static_cast<int64_t>(v.bytes()) : 0;
  return cost;
}

}  // namespace omni::ops
