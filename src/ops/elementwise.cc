#include "ops/elementwise.h"

#include <array>

#include "ops/onnx_dtype.h"

namespace omni::ops {

Type broadcast_type(const InferContext& c, DType dtype) {
  std::vector<Dim> dims;
  for (int i = 0; i < c.input_count(); ++i) {
    if (!c.has_input(i)) continue;
    if (!c.input(i).ranked) return Type::unranked(dtype);
    dims = c.broadcast(dims, c.input(i).dims);
  }
  return Type(dtype, std::move(dims));
}

void require_same_dtype(const InferContext& c, int first, int last) {
  for (int i = first + 1; i < last; ++i) {
    if (c.has_input(i) && c.input(i).dtype != c.input(first).dtype) c.fail("the inputs have different element types", "insert a Cast");
  }
}

std::optional<Contents> combine_contents(const InferContext& c, int a, int b, const std::function<std::optional<Dim>(DimTable&, Dim, Dim)>& f) {
  const Contents *x = c.contents(a), *y = c.contents(b);
  if (x == nullptr || y == nullptr || x->empty() || y->empty()) return std::nullopt;
  if (x->size() != y->size() && x->size() != 1 && y->size() != 1) return std::nullopt;
  if (c.input(a).rank() > 1 || c.input(b).rank() > 1) return std::nullopt;  // two dimensions may broadcast crosswise
  Contents out(std::max(x->size(), y->size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const std::optional<Dim> d = f(c.dims, (*x)[x->size() == 1 ? 0 : i], (*y)[y->size() == 1 ? 0 : i]);
    if (!d) return std::nullopt;
    out[i] = *d;
  }
  return out;
}

Shape physical_operand(const PlannedValue& operand, const PlannedValue& out) {
  if (out.layout == Layout::kPlain) return operand.shape;
  std::array<int64_t, Shape::kMaxRank> dims;
  const int rank = out.shape.rank(), missing = rank - operand.shape.rank();
  for (int d = 0; d < rank; ++d) dims[static_cast<size_t>(d)] = d < missing ? 1 : operand.shape[d - missing];
  return physical_shape(Shape(std::span<const int64_t>(dims.data(), static_cast<size_t>(rank))), out.layout);
}

int physical_axis(int axis, int rank, Layout layout) {
  if (layout == Layout::kPlain || rank < 3 || axis == 0) return axis;
  return axis == 1 ? rank - 1 : axis - 1;
}

int planned_axis(const PlannedNode& n, int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) n.unsupported("axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

kernels::BroadcastPlan plan_operands(const PlannedNode& n, int operands) {
  std::array<Shape, kernels::BroadcastPlan::kMaxOperands> shapes;
  for (int i = 0; i < operands; ++i) shapes[static_cast<size_t>(i)] = physical_operand(n.input(i), n.output(0));
  return kernels::plan_broadcast({shapes.data(), static_cast<size_t>(operands)}, n.output(0).physical());
}

ValueId number(Graph& graph, ValueId like, double v) {
  return graph.add_constant("number", from_double(graph.type(like).dtype, Shape{}, std::span<const double>(&v, 1)));
}

ValueId cast_to(Graph& graph, ValueId v, DType dtype) { return graph.type(v).dtype == dtype ? v : graph.add1(kCast, {v}, {{"to", to_onnx(dtype)}}); }

ValueId sum_to(Graph& graph, ValueId grad, ValueId like) {
  const Type &from = graph.type(grad), &to = graph.type(like);
  if (from.ranked && to.ranked && from.dims == to.dims) return grad;
  return graph.add1(kSumTo, {grad, like});
}

void require_inputs(const NodeDraft& draft, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (i >= draft.inputs.size() || draft.inputs[i] == kNone)
      throw Error(ErrorCode::kInvalidData, "input " + std::to_string(i) + " is missing", draft.name);
  }
}

void drop_consumed_inputs(Graph&, NodeDraft& draft) { draft.attributes.erase("consumed_inputs"); }

void upgrade_axis_broadcast(Graph& graph, NodeDraft& draft) {
  const bool broadcasts = draft.attributes.get_int("broadcast", 0) != 0;
  const bool has_axis = draft.attributes.has("axis");
  const int64_t axis = draft.attributes.get_int("axis", 0);
  for (const char* name : {"broadcast", "axis", "consumed_inputs"}) draft.attributes.erase(name);
  require_inputs(draft, 2);
  if (!broadcasts || !has_axis) return;
  const Type &a = graph.type(draft.inputs[0]), &b = graph.type(draft.inputs[1]);
  if (!a.ranked || !b.ranked) throw Error(ErrorCode::kUnsupported, "broadcast from an axis of a tensor of unknown rank", draft.name);
  const int64_t at = axis < 0 ? axis + a.rank() : axis;
  if (at < 0 || at > a.rank()) throw Error(ErrorCode::kInvalidData, "axis " + std::to_string(axis) + " is outside the first input", draft.name);
  std::vector<int64_t> axes;
  for (int64_t d = at + b.rank(); d < a.rank(); ++d) axes.push_back(d - at);
  if (axes.empty()) return;
  const ValueId list = graph.add_constant(draft.name + ".axes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(axes.size())}, axes));
  draft.inputs[1] = graph.add1(kUnsqueeze, {draft.inputs[1], list});
}

}  // namespace omni::ops
