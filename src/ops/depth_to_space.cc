// DepthToSpace and SpaceToDepth (ai.onnx): composites of Reshape and Transpose.
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kDepthAttributes[] = {{"blocksize", AttributeKind::kInt, true}, {"mode", AttributeKind::kString}};

void lower_mode(const Graph&, NodeDraft& draft) {
  if (draft.attributes.get_string("mode", "DCR") == "CRD")
    throw Error(ErrorCode::kUnsupported, "SpaceToDepth in column-row-depth order needs opset 28", draft.name, "export with opset 28 or newer");
  draft.attributes.erase("mode");
}
constexpr OpVersion kDepthVersions[] = {{28}, {13}, {11}, {1}};
constexpr OpVersion kSpaceVersions[] = {{28}, {13, nullptr, lower_mode}, {1}};

int64_t block_of(const Attributes& a) { return a.get_int("blocksize", 1); }

template <bool kToSpace>
void infer(InferContext& c) {
  const Type& x = c.input(0);
  const int64_t b = block_of(c.attributes);
  if (!x.ranked || x.rank() != 4) c.fail("an input [N, C, H, W] is expected");
  const std::string_view mode = c.attributes.get_string("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") c.fail("mode " + quoted(mode) + " does not exist");
  if (b < 1 || b > 4096) c.fail("the blocksize is not above 0");
  const auto divided = [&](int d, int64_t by) {
    if (x.dim(d).is_constant() && x.dim(d).value % by != 0) c.fail("the blocksize does not divide dimension " + std::to_string(d));
    return c.dims.floor_div(x.dim(d), by);
  };
  if (kToSpace)
    c.set(0, Type(x.dtype, std::vector<Dim>{x.dim(0), divided(1, b * b), c.dims.mul(x.dim(2), b), c.dims.mul(x.dim(3), b)}));
  else
    c.set(0, Type(x.dtype, std::vector<Dim>{x.dim(0), c.dims.mul(x.dim(1), b * b), divided(2, b), divided(3, b)}));
}

// A dimension of x, divided, as an i64 tensor of one element.
ValueId size(Graph& g, ValueId x, int d, int64_t by, int64_t times = 1) {
  const Dim dim = g.type(x).dim(d);
  if (dim.is_constant()) return g.add_constant("size", Tensor::of<int64_t>(Shape{1}, {dim.value / by * times}));
  ValueId v = g.add1(kShape, {x}, {{"start", static_cast<int64_t>(d)}, {"end", static_cast<int64_t>(d) + 1}});
  if (by != 1) v = g.add1(kDiv, {v, g.add_constant("by", Tensor::of<int64_t>(Shape{1}, {by}))});
  if (times != 1) v = g.add1(kMul, {v, g.add_constant("times", Tensor::of<int64_t>(Shape{1}, {times}))});
  return v;
}
ValueId constant(Graph& g, int64_t v) { return g.add_constant("size", Tensor::of<int64_t>(Shape{1}, {v})); }
ValueId reshape(Graph& g, ValueId x, std::vector<ValueId> sizes) {
  return g.add1(kReshape, {x, g.add1(kConcat, std::move(sizes), {{"axis", int64_t{0}}})});
}

std::vector<ValueId> expand_depth(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0];
  const int64_t b = block_of(n.attributes);
  const bool columns_first = n.attributes.get_string("mode", "DCR") == "CRD";
  const ValueId c = size(g, x, 1, b * b), block = constant(g, b), batch = size(g, x, 0, 1), h = size(g, x, 2, 1), w = size(g, x, 3, 1);
  const ValueId cut = columns_first ? reshape(g, x, {batch, c, block, block, h, w}) : reshape(g, x, {batch, block, block, c, h, w});
  const std::vector<int64_t> perm = columns_first ? std::vector<int64_t>{0, 1, 4, 2, 5, 3} : std::vector<int64_t>{0, 3, 4, 1, 5, 2};
  return {reshape(g, g.add1(kTranspose, {cut}, {{"perm", perm}}), {batch, c, size(g, x, 2, 1, b), size(g, x, 3, 1, b)})};
}

std::vector<ValueId> expand_space(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0];
  const int64_t b = block_of(n.attributes);
  const ValueId c = size(g, x, 1, 1), block = constant(g, b), batch = size(g, x, 0, 1), h = size(g, x, 2, b), w = size(g, x, 3, b);
  const ValueId cut = reshape(g, x, {batch, c, h, block, w, block});
  const bool columns_first = n.attributes.get_string("mode", "DCR") == "CRD";
  const std::vector<int64_t> perm = columns_first ? std::vector<int64_t>{0, 1, 3, 5, 2, 4} : std::vector<int64_t>{0, 3, 5, 1, 2, 4};
  const ValueId moved = g.add1(kTranspose, {cut}, {{"perm", perm}});
  return {reshape(g, moved, {batch, size(g, x, 1, 1, b * b), h, w})};
}

}  // namespace

constinit const OpDef kDepthToSpace = {.name = "DepthToSpace",
                                       .inputs = kInputs,
                                       .outputs = kOutputs,
                                       .attributes = kDepthAttributes,
                                       .versions = kDepthVersions,
                                       .traits = kQuantTransparent | kF16Safe,
                                       .infer = infer<true>,
                                       .expand = expand_depth};
constinit const OpDef kSpaceToDepth = {.name = "SpaceToDepth",
                                       .inputs = kInputs,
                                       .outputs = kOutputs,
                                       .attributes = kDepthAttributes,
                                       .versions = kSpaceVersions,
                                       .traits = kQuantTransparent | kF16Safe,
                                       .infer = infer<false>,
                                       .expand = expand_space};

}  // namespace omni::ops
