// Shape and Size (ai.onnx): what the sizes of a tensor are, as i64.
#include <algorithm>
#include <cstring>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"data"}};
constexpr Formal kShapeOutput[] = {{"shape"}};
constexpr Formal kSizeOutput[] = {{"size"}};
constexpr AttributeDef kAttributes[] = {{"start", AttributeKind::kInt}, {"end", AttributeKind::kInt}};

void lower_part(const Graph&, NodeDraft& draft) {
  if (draft.attributes.get_int("start", 0) != 0 || draft.attributes.has("end")) {
    throw Error(ErrorCode::kUnsupported, "a part of the shape does not exist in this opset", draft.name);
  }
  draft.attributes.erase("start");
}

constexpr OpVersion kShapeVersions[] = {{21}, {19}, {15}, {13, nullptr, lower_part}, {1}};
constexpr OpVersion kSizeVersions[] = {{21}, {19}, {13}, {1}};

// The part [first, last) of `rank` dimensions.
std::pair<int, int> part(const Attributes& attributes, int rank) {
  const auto clamp = [&](int64_t v) { return static_cast<int>(std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank)); };
  const int first = clamp(attributes.get_int("start", 0)), last = clamp(attributes.get_int("end", rank));
  return {first, std::max(first, last)};
}

void infer_shape(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) return c.set(0, Type(DType::kI64, std::vector<Dim>{c.dims.fresh()}));
  const auto [first, last] = part(c.attributes, x.rank());
  c.set(0, Type(DType::kI64, std::vector<Dim>{last - first}), Contents(x.dims.begin() + first, x.dims.begin() + last));
}

void infer_size(InferContext& c) {
  std::optional<Contents> contents;
  if (c.input(0).ranked) contents = Contents{c.dims.product(c.input(0).dims)};
  c.set(0, Type(DType::kI64, Shape{}), std::move(contents));
}

void run(const KernelArgs& args) noexcept {
  if (const size_t bytes = args.outputs[0].bytes(); bytes != 0) std::memcpy(args.outputs[0].data, args.params, bytes);
}

struct Sizes {
  int64_t values[Shape::kMaxRank] = {};
};

Binding bind_shape(const PlannedNode& n) {
  const Shape& x = n.input(0).shape;
  const auto [first, last] = part(n.attributes, x.rank());
  auto sizes = std::make_shared<Sizes>();
  std::copy(x.begin() + first, x.begin() + last, sizes->values);
  return {run, sizes, 0};
}

Binding bind_size(const PlannedNode& n) {
  auto sizes = std::make_shared<Sizes>();
  sizes->values[0] = n.input(0).shape.count();
  return {run, sizes, 0};
}

Cost cost(const PlannedNode& n) { return {0, static_cast<int64_t>(n.output(0).bytes())}; }

}  // namespace

constinit const OpDef kShape = {.name = "Shape",
                                .inputs = kInputs,
                                .outputs = kShapeOutput,
                                .attributes = kAttributes,
                                .versions = kShapeVersions,
                                .layout = LayoutRule::kAny,
                                .infer = infer_shape,
                                .cost = cost,
                                .bind = bind_shape};
constinit const OpDef kSize = {.name = "Size",
                               .inputs = kInputs,
                               .outputs = kSizeOutput,
                               .versions = kSizeVersions,
                               .layout = LayoutRule::kAny,
                               .infer = infer_size,
                               .cost = cost,
                               .bind = bind_size};

}  // namespace omni::ops
