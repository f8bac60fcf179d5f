// What elementwise operator files share: shape inference with broadcasting and small contents, shapes in the order of the bytes, and the few
// nodes that gradient rules emit.
#pragma once

#include <functional>

#include "kernels/elementwise/broadcast.h"
#include "ops/op_list.h"

namespace omni::ops {

// The broadcast of all inputs' shapes with this element type; unranked if any input is.
Type broadcast_type(const InferContext& c, DType dtype);

// Fails unless inputs [first, last) have the same element type (absent ones aside).
void require_same_dtype(const InferContext& c, int first, int last);

// Contents of an elementwise function of two integer inputs, as far as both are known; `f` gives nothing where it cannot say.
std::optional<Contents> combine_contents(const InferContext& c, int a, int b, const std::function<std::optional<Dim>(DimTable&, Dim, Dim)>& f);

// An operand's shape in the order of the bytes of `out`: under channels-last it is filled up to out's rank first. (Operands that the layout pass
// left plain have the same bytes either way.)
Shape physical_operand(const PlannedValue& operand, const PlannedValue& out);
// Where an ONNX axis in [0, rank) stands in the order of the bytes.
int physical_axis(int axis, int rank, Layout layout);

// An axis in [-rank, rank) as one in [0, rank); throws Error (kUnsupported) otherwise: inference did not see contents it does not keep.
int planned_axis(const PlannedNode& n, int64_t axis, int rank);

// Loops of {operands…} against output 0.
kernels::BroadcastPlan plan_operands(const PlannedNode& n, int operands);

// Nodes of gradient rules and expansions.
ValueId number(Graph& graph, ValueId like, double v);   // a scalar constant of like's element type
ValueId cast_to(Graph& graph, ValueId v, DType dtype);  // itself where it has that element type
// `grad` summed to the shape of `like`, whose broadcast it is; itself where both are known to be equal.
ValueId sum_to(Graph& graph, ValueId grad, ValueId like);

// For upgrades, which run before anybody counted: throws Error (kInvalidData) unless the first `count` inputs are there.
void require_inputs(const NodeDraft& draft, size_t count);
// Upgrades shared by old element-wise operators.
void drop_consumed_inputs(Graph&, NodeDraft& draft);          // an attribute of opset 1 that meant nothing
void upgrade_axis_broadcast(Graph& graph, NodeDraft& draft);  // before opset 7: `broadcast` and `axis` instead of NumPy's rule

}  // namespace omni::ops
