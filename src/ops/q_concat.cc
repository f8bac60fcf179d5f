// ai.omni.QConcat: concatenation of bytes of different scales: each input goes through the table that brings it to the output's scale.
#include "core/kernel_args.h"
#include "kernels/elementwise_int8/elementwise_int8.h"
#include "ops/elementwise.h"
#include "ops/q_attributes.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"inputs", kVariadic}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {
    {"axis", AttributeKind::kInt, true}, {"x_scales", AttributeKind::kFloats, true}, {"x_zeros", AttributeKind::kInts, true}, OMNI_Q_RESULT};

void infer(InferContext& c) {
  const DType dtype = q_result_type(c, false);
  const size_t count = static_cast<size_t>(c.input_count());
  if (c.attributes.get_floats("x_scales").size() != count || c.attributes.get_ints("x_zeros").size() != count)
    c.fail("x_scales and x_zeros need one value per input");
  std::vector<Dim> dims;
  int axis = 0;
  for (int i = 0; i < c.input_count(); ++i) {
    require_bytes(c, i);
    const Type& x = c.input(i);
    if (!x.ranked) return c.set(0, Type::unranked(dtype));
    if (i == 0) {
      axis = c.axis(c.attributes.get_int("axis", 0), x.rank());
      dims = x.dims;
      continue;
    }
    if (x.dims.size() != dims.size()) c.fail("the inputs differ in rank");
    for (int d = 0; d < x.rank(); ++d) {
      Dim& mine = dims[static_cast<size_t>(d)];
      if (d == axis)
        mine = c.dims.add(mine, x.dim(d));
      else if (mine.is_constant() && x.dim(d).is_constant() && mine != x.dim(d))
        c.fail("the inputs differ in dimension " + std::to_string(d));
      else if (!mine.is_constant())
        mine = x.dim(d);
    }
  }
  c.set(0, Type(dtype, std::move(dims)));
}

struct Part {
  std::array<uint8_t, 256> table;
  int64_t offset, row;  // bytes
};

struct Params {
  Isa isa;
  int64_t rows, row;
  std::vector<Part> parts;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  for (size_t i = 0; i < p.parts.size(); ++i) {
    const Part& part = p.parts[i];
    kernels::lookup_int8(p.isa, part.table, args.inputs[i].data, part.row, p.rows, part.row,
                         static_cast<uint8_t*>(args.outputs[0].data) + part.offset, p.row, *args.pool);
  }
}

Binding bind(const PlannedNode& n) {
  const Shape y = n.output(0).physical();
  const int rank = n.output(0).shape.rank(), stated = static_cast<int>(n.attributes.get_int("axis", 0));
  const int axis = physical_axis(stated < 0 ? stated + rank : stated, rank, n.output(0).layout);
  const std::vector<float> scales = n.attributes.get_floats("x_scales");
  const std::vector<int64_t> zeros = n.attributes.get_ints("x_zeros");
  const kernels::ByteRange range = q_range(n, "y");
  const float sy = tensor_scale(n, "y").scale;
  auto p = std::make_shared<Params>();
  p->isa = n.isa;
  p->rows = y.count(0, axis);
  p->row = y.count(axis);
  int64_t offset = 0;
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    const int64_t row = n.inputs[i].physical().count(axis);
    const auto table =
        kernels::table_of(n.inputs[i].dtype == DType::kI8, scales[i], static_cast<int32_t>(zeros[i]), sy, range, [](double v) { return v; });
    p->parts.push_back({table, offset, row});
    offset += row;
  }
  return {run, p, 0};
}

}  // namespace

constinit const OpDef kQConcat = {.name = "QConcat",
                                  .domain = "ai.omni",
                                  .inputs = kInputs,
                                  .outputs = kOutputs,
                                  .attributes = kAttributes,
                                  .layout = LayoutRule::kAny,
                                  .infer = infer,
                                  .bind = bind};

}  // namespace omni::ops
