// OneHot (ai.onnx): values[1] where the new axis equals the index, values[0] elsewhere. Indices below 0 count from the depth; out of range: all off.
#include <cstring>

#include "core/kernel_args.h"
#include "kernels/cast/cast.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"indices"}, {"depth"}, {"values"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{11}, {9}};

void infer(InferContext& c) {
  const Type& indices = c.input(0);
  const DType dtype = c.input(2).dtype;
  if (c.input(2).is_static() && c.input(2).shape()->count() != 2) c.fail("values are the off and the on value");
  if (!indices.ranked) return c.set(0, Type::unranked(dtype));
  const int axis = c.axis(c.attributes.get_int("axis", -1), indices.rank() + 1);
  Dim depth = c.dims.fresh();
  if (c.contents(1) != nullptr && c.contents(1)->size() == 1)
    depth = c.contents(1)->front();
  else if (c.constant(1) != nullptr && c.constant(1)->count() == 1) {
    const double stated = to_double(*c.constant(1))[0];
    if (!(stated >= 1 && stated < 1e15)) c.fail("the depth is not above 0");
    depth = static_cast<int64_t>(stated);
  }
  if (depth.is_constant() && depth.value < 1) c.fail("the depth is not above 0");
  std::vector<Dim> dims = indices.dims;
  dims.insert(dims.begin() + axis, depth);
  c.set(0, Type(dtype, std::move(dims)));
}

struct Params {
  int64_t outer, depth, inner;
  kernels::CastKernel cast;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const size_t size = dtype_size(args.outputs[0].dtype);
  const char *off = static_cast<const char*>(args.inputs[2].data), *on = off + size;
  char* y = static_cast<char*>(args.outputs[0].data);
  int64_t* indices = reinterpret_cast<int64_t*>(args.scratch);
  kernels::run_cast(p.cast, args.inputs[0].data, indices, p.outer * p.inner, *args.pool);
  args.pool->parallel_for(p.outer, [&](int64_t o) {
    char* to = y + static_cast<size_t>(o * p.depth * p.inner) * size;
    for (int64_t i = 0; i < p.depth * p.inner; ++i) std::memcpy(to + static_cast<size_t>(i) * size, off, size);
    for (int64_t i = 0; i < p.inner; ++i) {
      const int64_t raw = indices[o * p.inner + i], index = raw < 0 ? raw + p.depth : raw;
      if (index >= 0 && index < p.depth) std::memcpy(to + static_cast<size_t>(index * p.inner + i) * size, on, size);
    }
  });
}

Binding bind(const PlannedNode& n) {
  const PlannedValue &indices = n.input(0), &y = n.output(0);
  if (dtype_bits(y.dtype) < 8 || !kernels::cast_supports(indices.dtype, DType::kI64)) n.unsupported("no kernel for these element types");
  const int64_t stated = n.attributes.get_int("axis", -1);
  const int axis = static_cast<int>(stated < 0 ? stated + y.shape.rank() : stated);
  const Params params{indices.shape.count(0, axis), y.shape[axis], indices.shape.count(axis), {indices.dtype, DType::kI64, n.isa}};
  return {run, std::make_shared<Params>(params), static_cast<size_t>(indices.shape.count()) * sizeof(int64_t)};
}

}  // namespace

constinit const OpDef kOneHot = {
    .name = "OneHot", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes, .versions = kVersions, .infer = infer, .bind = bind};

}  // namespace omni::ops
