// ai.omni.Reorder: the same tensor with its bytes in another order (NCHW ↔ NHWC). Put by the layout pass; the output's layout tag says which.
#include <algorithm>
#include <cstring>

#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};

void infer(InferContext& c) { c.set(0, c.input(0)); }

struct Params {
  int64_t batch, rows, columns;  // each image: rows × columns elements, to be transposed
};

// Tiles of 16 × 16 keep both sides in L1.
template <class T>
void transpose(const KernelArgs& args) noexcept {
  constexpr int64_t kTile = 16;
  const Params& p = *static_cast<const Params*>(args.params);
  const T* x = args.inputs[0].as<T>();
  T* y = args.outputs[0].as<T>();
  const int64_t strips = (p.columns + kTile - 1) / kTile;
  args.pool->parallel_for(p.batch * strips, [&](int64_t task) {
    const int64_t image = (task / strips) * p.rows * p.columns, c0 = task % strips * kTile, c1 = std::min(c0 + kTile, p.columns);
    for (int64_t r0 = 0; r0 < p.rows; r0 += kTile) {
      const int64_t r1 = std::min(r0 + kTile, p.rows);
      for (int64_t c = c0; c < c1; ++c) {
        for (int64_t r = r0; r < r1; ++r) y[image + c * p.rows + r] = x[image + r * p.columns + c];
      }
    }
  });
}

void copy(const KernelArgs& args) noexcept {
  if (const size_t bytes = args.outputs[0].bytes(); bytes != 0) std::memcpy(args.outputs[0].data, args.inputs[0].data, bytes);
}

Binding bind(const PlannedNode& n) {
  const PlannedValue& x = n.input(0);
  const Shape& s = x.shape;
  if (x.layout == n.output(0).layout || layout_free(s)) return {copy, nullptr, 0};
  const int64_t channels = s[1], positions = s.count(2);
  const bool to_last = n.output(0).layout == Layout::kChannelsLast;
  auto params = std::make_shared<Params>(Params{s[0], to_last ? channels : positions, to_last ? positions : channels});
  switch (dtype_bits(x.dtype)) {
    case 8: return {transpose<uint8_t>, params, 0};
    case 16: return {transpose<uint16_t>, params, 0};
    case 32: return {transpose<uint32_t>, params, 0};
    case 64: return {transpose<uint64_t>, params, 0};
    default: n.unsupported("a reorder of this element type");
  }
}

}  // namespace

constinit const OpDef kReorder = {
    .name = "Reorder", .domain = "ai.omni", .inputs = kInputs, .outputs = kOutputs, .traits = kQuantTransparent | kF16Safe, .layout = LayoutRule::kAny, .infer = infer, .bind = bind};

}  // namespace omni::ops
