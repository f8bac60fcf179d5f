// GatherElements, GatherND, ScatterElements (once Scatter) and ScatterND (ai.onnx): elements and rows by computed positions.
#include "kernels/move/scatter.h"

#include <cstring>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

using kernels::ElementsArgs;
using kernels::RowsArgs;
using kernels::ScatterOp;

constexpr Formal kGatherInputs[] = {{"data"}, {"indices"}};
constexpr Formal kScatterInputs[] = {{"data"}, {"indices"}, {"updates"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAxis[] = {{"axis", AttributeKind::kInt}};
constexpr AttributeDef kBatchDims[] = {{"batch_dims", AttributeKind::kInt}};
constexpr AttributeDef kAxisReduction[] = {{"axis", AttributeKind::kInt}, {"reduction", AttributeKind::kString}};
constexpr AttributeDef kReductionAttribute[] = {{"reduction", AttributeKind::kString}};
constexpr OpVersion k13_11[] = {{13}, {11}};
constexpr OpVersion k13_12_11[] = {{13}, {12}, {11}};
constexpr OpVersion k18_16_13_11[] = {{18}, {16}, {13}, {11}};

ScatterOp reduction_of(const PlannedNode& n) {
  const std::string_view name = n.attributes.get_string("reduction", "none");
  if (name == "none") return ScatterOp::kSet;
  if (name == "add") return ScatterOp::kAdd;
  if (name == "mul") return ScatterOp::kMul;
  if (name == "max") return ScatterOp::kMax;
  if (name == "min") return ScatterOp::kMin;
  n.unsupported("reduction " + quoted(name));
}

void check_indices(const InferContext& c) {
  if (c.input(1).dtype != DType::kI64 && c.input(1).dtype != DType::kI32) c.fail("the indices are not i32 or i64");
}

// Indices as i64: i32 ones are widened into the scratch.
const int64_t* wide_indices(const KernelArgs& args) {
  const ConstTensorView& indices = args.inputs[1];
  if (indices.dtype == DType::kI64) return indices.as<int64_t>();
  int64_t* wide = reinterpret_cast<int64_t*>(args.scratch);
  for (int64_t i = 0; i < indices.count(); ++i) wide[i] = indices.as<int32_t>()[i];
  return wide;
}
size_t index_scratch(const PlannedNode& n) {
  return n.input(1).dtype == DType::kI64 ? 0 : static_cast<size_t>(n.input(1).shape.count()) * sizeof(int64_t);
}

ElementsArgs elements_of(const PlannedNode& n) {
  const int rank = n.input(0).shape.rank();
  const int64_t stated = n.attributes.get_int("axis", 0);
  ElementsArgs args{n.input(0).shape, n.input(1).shape, static_cast<int>(stated < 0 ? stated + rank : stated), n.input(0).dtype, ScatterOp::kSet};
  if (args.indices.rank() != rank) n.unsupported("data and indices have different ranks");
  for (int d = 0; d < rank; ++d) {
    if (d != args.axis && args.indices[d] > args.data[d]) n.unsupported("the indices reach outside the data");
  }
  return args;
}

void infer_gather_elements(InferContext& c) {
  check_indices(c);
  if (c.input(0).ranked) c.axis(c.attributes.get_int("axis", 0), c.input(0).rank());
  Type type = c.input(1);
  type.dtype = c.input(0).dtype;
  c.set(0, std::move(type));
}

void run_gather_elements(const KernelArgs& args) noexcept {
  kernels::run_gather_elements(*static_cast<const ElementsArgs*>(args.params), args.inputs[0].data, wide_indices(args), args.outputs[0].data,
                               *args.pool, *args.status);
}

Binding bind_gather_elements(const PlannedNode& n) {
  if (dtype_bits(n.input(0).dtype) < 8) n.unsupported("no kernel for this element type");
  return {run_gather_elements, std::make_shared<ElementsArgs>(elements_of(n)), index_scratch(n)};
}

void infer_scatter(InferContext& c) {
  check_indices(c);
  if (c.input(2).dtype != c.input(0).dtype) c.fail("the updates have another element type than the data");
  c.set(0, c.input(0));
}

void infer_scatter_elements(InferContext& c) {
  infer_scatter(c);
  if (c.input(0).ranked) c.axis(c.attributes.get_int("axis", 0), c.input(0).rank());
}

void copy_data(const KernelArgs& args) noexcept {
  if (const size_t bytes = args.outputs[0].bytes(); bytes != 0) std::memcpy(args.outputs[0].data, args.inputs[0].data, bytes);
}

void run_scatter_elements(const KernelArgs& args) noexcept {
  copy_data(args);
  kernels::run_scatter_elements(*static_cast<const ElementsArgs*>(args.params), wide_indices(args), args.inputs[2].data, args.outputs[0].data,
                                *args.status);
}

Binding bind_scatter_elements(const PlannedNode& n) {
  ElementsArgs args = elements_of(n);
  args.op = reduction_of(n);
  if (!kernels::scatter_supports(args.dtype, args.op)) n.unsupported("no kernel for this element type");
  if (n.input(2).shape != n.input(1).shape) n.unsupported("indices and updates have different shapes");
  return {run_scatter_elements, std::make_shared<ElementsArgs>(args), index_scratch(n)};
}

void infer_gather_nd(InferContext& c) {
  check_indices(c);
  const Type &x = c.input(0), &indices = c.input(1);
  if (!x.ranked || !indices.ranked) return c.set(0, Type::unranked(x.dtype));
  const int64_t batch = c.attributes.get_int("batch_dims", 0);
  if (indices.rank() < 1 || batch < 0 || batch >= indices.rank() || batch >= x.rank()) c.fail("batch_dims is not below the ranks");
  const Dim depth = indices.dim(-1);
  if (!depth.is_constant()) return c.set(0, Type::unranked(x.dtype));
  if (depth.value < 1 || batch + depth.value > x.rank()) c.fail("an index has " + std::to_string(depth.value) + " entries");
  std::vector<Dim> dims(indices.dims.begin(), indices.dims.end() - 1);
  dims.insert(dims.end(), x.dims.begin() + batch + depth.value, x.dims.end());
  c.set(0, Type(x.dtype, std::move(dims)));
}

// Rows of data below `batch` leading dimensions, `depth` of them indexed.
RowsArgs rows_of(const PlannedNode& n, int batch) {
  const Shape &data = n.input(0).shape, &indices = n.input(1).shape;
  RowsArgs args;
  args.depth = indices[-1];
  args.rows = indices.count(0, indices.rank() - 1);
  if (args.depth < 1 || args.depth > data.rank() - batch) n.unsupported("an index has more entries than the data has dimensions");
  args.inner = data.count(batch + static_cast<int>(args.depth));
  for (int64_t k = 0; k < args.depth; ++k) {
    args.dims[k] = data[batch + static_cast<int>(k)];
    args.strides[k] = data.count(batch + static_cast<int>(k) + 1);
  }
  args.rows_of_batch = std::max<int64_t>(1, batch == 0 ? args.rows : indices.count(batch, indices.rank() - 1));
  args.batch_stride = batch == 0 ? 0 : data.count(batch);
  args.dtype = n.input(0).dtype;
  for (int d = 0; d < batch; ++d) {
    if (data[d] != indices[d]) n.unsupported("data and indices have different batches");
  }
  return args;
}

void run_gather_nd(const KernelArgs& args) noexcept {
  kernels::run_gather_rows(*static_cast<const RowsArgs*>(args.params), args.inputs[0].data, wide_indices(args), args.outputs[0].data, *args.pool,
                           *args.status);
}

Binding bind_gather_nd(const PlannedNode& n) {
  if (dtype_bits(n.input(0).dtype) < 8) n.unsupported("no kernel for this element type");
  return {run_gather_nd, std::make_shared<RowsArgs>(rows_of(n, static_cast<int>(n.attributes.get_int("batch_dims", 0)))), index_scratch(n)};
}

void run_scatter_nd(const KernelArgs& args) noexcept {
  copy_data(args);
  kernels::run_scatter_rows(*static_cast<const RowsArgs*>(args.params), wide_indices(args), args.inputs[2].data, args.outputs[0].data, *args.status);
}

Binding bind_scatter_nd(const PlannedNode& n) {
  if (n.input(1).shape.rank() < 1) n.unsupported("the indices are a scalar");
  RowsArgs args = rows_of(n, 0);
  args.op = reduction_of(n);
  if (!kernels::scatter_supports(args.dtype, args.op)) n.unsupported("no kernel for this element type");
  if (n.input(2).shape.count() != args.rows * args.inner) n.unsupported("the updates have not the shape of what is indexed");
  return {run_scatter_nd, std::make_shared<RowsArgs>(args), index_scratch(n)};
}

Cost moved(const PlannedNode&) { return {0}; }

}  // namespace

constinit const OpDef kGatherElements = {.name = "GatherElements",
                                         .inputs = kGatherInputs,
                                         .outputs = kOutputs,
                                         .attributes = kAxis,
                                         .versions = k13_11,
                                         .traits = kMovesData,
                                         .infer = infer_gather_elements,
                                         .cost = moved,
                                         .bind = bind_gather_elements};
constinit const OpDef kGatherND = {.name = "GatherND",
                                   .inputs = kGatherInputs,
                                   .outputs = kOutputs,
                                   .attributes = kBatchDims,
                                   .versions = k13_12_11,
                                   .traits = kMovesData,
                                   .infer = infer_gather_nd,
                                   .cost = moved,
                                   .bind = bind_gather_nd};
constinit const OpDef kScatterElements = {.name = "ScatterElements",
                                          .inputs = kScatterInputs,
                                          .outputs = kOutputs,
                                          .attributes = kAxisReduction,
                                          .versions = k18_16_13_11,
                                          .traits = kMovesData,
                                          .infer = infer_scatter_elements,
                                          .cost = moved,
                                          .bind = bind_scatter_elements};
constinit const OpDef kScatterND = {.name = "ScatterND",
                                    .inputs = kScatterInputs,
                                    .outputs = kOutputs,
                                    .attributes = kReductionAttribute,
                                    .versions = k18_16_13_11,
                                    .traits = kMovesData,
                                    .infer = infer_scatter,
                                    .cost = moved,
                                    .bind = bind_scatter_nd};

namespace {

// Scatter was ScatterElements' name in opsets 9 and 10.
std::vector<ValueId> expand_scatter(Graph& g, const Node& n) {
  return {g.add1(kScatterElements, n.inputs, {{"axis", n.attributes.get_int("axis", 0)}})};
}
constexpr OpVersion k9[] = {{9}};

}  // namespace

constinit const OpDef kScatter = {.name = "Scatter",
                                  .inputs = kScatterInputs,
                                  .outputs = kOutputs,
                                  .attributes = kAxis,
                                  .versions = k9,
                                  .infer = infer_scatter_elements,
                                  .expand = expand_scatter};

namespace {

ValueId zeros_like(Graph& g, ValueId x) { return g.add1(kBroadcastLike, {number(g, x, 0), x}); }

std::vector<ValueId> gather_elements_gradient(GradContext& c) {
  const Attributes attributes = {{"axis", c.node.attributes.get_int("axis", 0)}, {"reduction", std::string("add")}};
  return {c.graph.add1(kScatterElements, {zeros_like(c.graph, c.input(0)), c.input(1), c.grad()}, attributes), kNone};
}

std::vector<ValueId> gather_nd_gradient(GradContext& c) {
  if (c.node.attributes.get_int("batch_dims", 0) != 0) return {kNone, kNone};
  return {c.graph.add1(kScatterND, {zeros_like(c.graph, c.input(0)), c.input(1), c.grad()}, {{"reduction", std::string("add")}}), kNone};
}

// Updates get the gradient of where they went; the data that of what was left ("none") or all of it ("add").
std::vector<ValueId> scatter_gradient(GradContext& c, const OpDef& scatter, const OpDef& gather, const Attributes& axis) {
  const std::string_view reduction = c.node.attributes.get_string("reduction", "none");
  if (reduction != "none" && reduction != "add") return {kNone, kNone, kNone};
  std::vector<ValueId> grads(3, kNone);
  if (c.wants(0)) grads[0] = reduction == "add" ? c.grad() : c.graph.add1(scatter, {c.grad(), c.input(1), zeros_like(c.graph, c.input(2))}, axis);
  if (c.wants(2)) grads[2] = c.graph.add1(gather, {c.grad(), c.input(1)}, axis);
  return grads;
}

std::vector<ValueId> scatter_elements_gradient(GradContext& c) {
  return scatter_gradient(c, kScatterElements, kGatherElements, {{"axis", c.node.attributes.get_int("axis", 0)}});
}
std::vector<ValueId> scatter_nd_gradient(GradContext& c) { return scatter_gradient(c, kScatterND, kGatherND, {}); }

}  // namespace

extern const GradDef kGatherElementsGradient, kGatherNDGradient, kScatterElementsGradient, kScatterNDGradient;
constinit const GradDef kGatherElementsGradient = {.op = &kGatherElements, .rule = gather_elements_gradient};
constinit const GradDef kGatherNDGradient = {.op = &kGatherND, .rule = gather_nd_gradient};
constinit const GradDef kScatterElementsGradient = {.op = &kScatterElements, .rule = scatter_elements_gradient};
constinit const GradDef kScatterNDGradient = {.op = &kScatterND, .rule = scatter_nd_gradient};

}  // namespace omni::ops
