// CenterCropPad (ai.onnx 18): the middle of each axis, cut or filled up with zeros to the size wanted.
#include <algorithm>

#include "core/kernel_args.h"
#include "kernels/move/copy.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input_data"}, {"shape"}};
constexpr Formal kOutputs[] = {{"output_data"}};
constexpr AttributeDef kAttributes[] = {{"axes", AttributeKind::kInts}};
constexpr OpVersion kVersions[] = {{18}};

void infer(InferContext& c) {
  Type type = c.input(0);
  if (!type.ranked) return c.set(0, std::move(type));
  std::vector<int64_t> axes = c.attributes.get_ints("axes");
  if (!c.attributes.has("axes")) {
    for (int d = 0; d < type.rank(); ++d) axes.push_back(d);
  }
  const Contents* shape = c.contents(1);
  if (shape != nullptr && shape->size() != axes.size())
    c.fail("shape has " + std::to_string(shape->size()) + " sizes for " + std::to_string(axes.size()) + " axes");
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& d = type.dims[static_cast<size_t>(c.axis(axes[i], type.rank()))];
    d = shape != nullptr ? (*shape)[i] : c.dims.fresh();
    if (d.is_constant() && (d.value < 0 || d.value > (int64_t{1} << 40))) c.fail("a size of " + std::to_string(d.value));
  }
  c.set(0, std::move(type));
}

struct Params {
  kernels::CopyPlan inside;
  bool fills = false;
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const TensorView& y = k.outputs[0];
  const uint64_t zero = 0;
  if (p.fills) kernels::fill(y.data, y.count(), &zero, dtype_size(y.dtype), *k.pool);
  kernels::run_copy(p.inside, k.inputs[0].data, y.data, *k.pool);
}

Binding bind(const PlannedNode& n) {
  const Shape &x = n.input(0).shape, &y = n.output(0).shape;
  if (dtype_bits(n.input(0).dtype) < 8) n.unsupported("no kernel for this element type");
  auto p = std::make_shared<Params>();
  std::vector<int64_t> dims, from, to;
  int64_t in_offset = 0, out_offset = 0;
  for (int d = 0; d < x.rank(); ++d) {
    p->fills = p->fills || y[d] > x[d];
    dims.push_back(std::min(x[d], y[d]));
    from.push_back(x.count(d + 1));
    to.push_back(y.count(d + 1));
    in_offset += std::max<int64_t>(0, x[d] - y[d]) / 2 * from.back();
    out_offset += std::max<int64_t>(0, y[d] - x[d]) / 2 * to.back();
  }
  p->inside = kernels::plan_copy(dims, from, to, dtype_size(n.input(0).dtype), n.isa);
  p->inside.in_offset = in_offset;
  p->inside.out_offset = out_offset;
  return {run, p, 0};
}

Cost cost(const PlannedNode&) { return {0}; }

}  // namespace

constinit const OpDef kCenterCropPad = {.name = "CenterCropPad",
                                        .inputs = kInputs,
                                        .outputs = kOutputs,
                                        .attributes = kAttributes,
                                        .versions = kVersions,
                                        .traits = kF16Safe,
                                        .infer = infer,
                                        .cost = cost,
                                        .bind = bind};

}  // namespace omni::ops
