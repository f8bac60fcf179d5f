// Transpose (ai.onnx): output dimension i is input dimension perm[i]; without perm the order is reversed.
#include <algorithm>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/move/copy.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"data"}};
constexpr Formal kOutputs[] = {{"transposed"}};
constexpr AttributeDef kAttributes[] = {{"perm", AttributeKind::kInts}};
constexpr OpVersion kVersions[] = {{21}, {13}, {1}};

std::vector<int> permutation(const Attributes& attributes, int rank) {
  std::vector<int> perm;
  for (const int64_t p : attributes.get_ints("perm")) perm.push_back(static_cast<int>(p));
  if (!attributes.has("perm")) {
    for (int d = rank - 1; d >= 0; --d) perm.push_back(d);
  }
  return perm;
}

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  const std::vector<int> perm = permutation(c.attributes, x.rank());
  std::vector<int> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  for (int d = 0; d < static_cast<int>(sorted.size()); ++d) {
    if (sorted[static_cast<size_t>(d)] != d) c.fail("perm is no permutation of the dimensions");
  }
  if (static_cast<int>(perm.size()) != x.rank())
    c.fail("perm has " + std::to_string(perm.size()) + " entries for a tensor of rank " + std::to_string(x.rank()));
  std::vector<Dim> dims;
  for (const int p : perm) dims.push_back(x.dim(p));
  std::optional<Contents> contents;
  if (x.rank() <= 1 && c.contents(0) != nullptr) contents = *c.contents(0);
  c.set(0, Type(x.dtype, std::move(dims)), std::move(contents));
}

void run(const KernelArgs& args) noexcept {
  kernels::run_copy(*static_cast<const kernels::CopyPlan*>(args.params), args.inputs[0].data, args.outputs[0].data, *args.pool);
}

Binding bind(const PlannedNode& n) {
  const PlannedValue& x = n.input(0);
  if (dtype_bits(x.dtype) < 8) n.unsupported("no kernel for this element type");
  const std::vector<int> perm = permutation(n.attributes, x.shape.rank());
  return {run, std::make_shared<kernels::CopyPlan>(kernels::plan_transpose(x.shape, perm, dtype_size(x.dtype), n.isa)), 0};
}

Cost cost(const PlannedNode&) { return {0}; }

std::vector<ValueId> gradient(GradContext& c) {
  const std::vector<int> perm = permutation(c.node.attributes, c.graph.type(c.input(0)).rank());
  std::vector<int64_t> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return {c.graph.add1(kTranspose, {c.grad()}, {{"perm", inverse}})};
}

}  // namespace

constinit const OpDef kTranspose = {.name = "Transpose",
                                    .inputs = kInputs,
                                    .outputs = kOutputs,
                                    .attributes = kAttributes,
                                    .versions = kVersions,
                                    .traits = kQuantTransparent | kF16Safe | kMovesData,
                                    .infer = infer,
                                    .cost = cost,
                                    .bind = bind};

extern const GradDef kTransposeGradient;
constinit const GradDef kTransposeGradient = {.op = &kTranspose, .rule = gradient};

}  // namespace omni::ops
