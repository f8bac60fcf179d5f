// MaxUnpool (ai.onnx): values put back where MaxPool found them, zeros elsewhere. Indices count over the tensor that pooling would have had as its
// input; output_shape may be larger, the rest stays 0 at the end of each axis.
#include <algorithm>

#include "core/kernel_args.h"
#include "ops/op_list.h"
#include "ops/window.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"I"}, {"output_shape", kOptional}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {
    {"kernel_shape", AttributeKind::kInts, true}, {"pads", AttributeKind::kInts}, {"strides", AttributeKind::kInts}};
constexpr OpVersion kVersions[] = {{22}, {11}, {9}};

int64_t at(const std::vector<int64_t>& list, size_t i, int64_t fallback) { return i < list.size() ? list[i] : fallback; }

// What pooling with these attributes made `size` of.
int64_t unpooled(const Attributes& a, size_t axis, size_t axes, int64_t size) {
  const std::vector<int64_t> pads = a.get_ints("pads");
  return (size - 1) * at(a.get_ints("strides"), axis, 1) - at(pads, axis, 0) - at(pads, axis + axes, 0) + at(a.get_ints("kernel_shape"), axis, 1);
}

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (c.input(1).dtype != DType::kI64) c.fail("the indices are not i64");
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  const size_t axes = static_cast<size_t>(std::max(0, x.rank() - 2));
  if (axes < 1 || c.attributes.get_ints("kernel_shape").size() != axes) c.fail("kernel_shape has not one size a spatial dimension");
  for (const char* name : {"kernel_shape", "pads", "strides"}) {
    const std::vector<int64_t> values = c.attributes.get_ints(name);
    const size_t wanted = std::string_view(name) == "pads" ? 2 * axes : axes;
    if (!values.empty() && values.size() != wanted) c.fail("attribute " + std::string(name) + " has " + std::to_string(values.size()) + " values");
    for (const int64_t v : values) {
      if (v < (std::string_view(name) == "pads" ? 0 : 1) || v > INT32_MAX) c.fail("attribute " + std::string(name) + " holds " + std::to_string(v));
    }
  }
  std::vector<Dim> dims = {x.dim(0), x.dim(1)};
  if (c.has_input(2)) {
    const Contents* shape = c.contents(2);
    if (shape != nullptr && shape->size() != x.dims.size()) c.fail("output_shape has not one size a dimension");
    for (size_t i = 0; i < axes; ++i) dims.push_back(shape != nullptr ? (*shape)[i + 2] : c.dims.fresh());
  } else {
    for (size_t i = 0; i < axes; ++i) {
      const Dim d = x.dim(static_cast<int>(i) + 2);
      dims.push_back(d.is_constant() ? Dim(unpooled(c.attributes, i, axes, d.value)) : c.dims.fresh());
    }
  }
  for (const Dim d : dims) {
    if (d.is_constant() && d.value < 0) c.fail("the pads leave nothing");
  }
  c.set(0, Type(x.dtype, std::move(dims)));
}

struct Params {
  Shape inner;  // what the indices count over
};

template <class T>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const TensorView& y = k.outputs[0];
  std::fill(y.as<T>(), y.as<T>() + y.count(), T(0));
  for (int64_t i = 0; i < k.inputs[0].count(); ++i) {
    int64_t rest = k.inputs[1].as<int64_t>()[i], offset = 0, stride = 1;
    bool inside = rest >= 0 && rest < p.inner.count();
    for (int d = p.inner.rank() - 1; inside && d >= 0; --d) {
      const int64_t at_d = rest % p.inner[d];
      inside = at_d < y.shape[d];
      offset += at_d * stride;
      stride *= y.shape[d];
      rest /= p.inner[d];
    }
    if (!inside) return k.status->fail(i, "an index outside of the output", k.inputs[1].as<int64_t>()[i], p.inner.count());
    y.as<T>()[offset] = k.inputs[0].as<T>()[i];
  }
}

Binding bind(const PlannedNode& n) {
  const PlannedValue &x = n.input(0), &y = n.output(0);
  if (n.input(1).shape != x.shape) n.unsupported("X and I have different shapes");
  if (y.shape.rank() != x.shape.rank()) n.unsupported("output_shape has not one size a dimension");
  auto p = std::make_shared<Params>(Params{x.shape});
  const size_t axes = static_cast<size_t>(x.shape.rank()) - 2;
  for (size_t i = 0; i < axes; ++i) {
    const int d = static_cast<int>(i) + 2;
    p->inner.set(d, std::max<int64_t>(0, unpooled(n.attributes, i, axes, x.shape[d])));
  }
  switch (dtype_size(x.dtype)) {
    case 4: return {run<uint32_t>, p, 0};
    case 8: return {run<uint64_t>, p, 0};
    case 2: return {run<uint16_t>, p, 0};
    default: n.unsupported("no kernel for this element type");
  }
}

}  // namespace

constinit const OpDef kMaxUnpool = {
    .name = "MaxUnpool", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes, .versions = kVersions, .infer = infer, .bind = bind};

}  // namespace omni::ops
