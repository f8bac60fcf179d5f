// What convolutions and pools share: kernel, strides, dilations, pads, and the sizes that follow.
#pragma once

#include <array>
#include <span>

#include "graph/op_def.h"

namespace omni::ops {

using namespace graph;

// Concrete, per spatial dimension; auto_pad is resolved.
struct Window {
  static constexpr int kMaxSpatial = 3;
  int spatial = 0;
  std::array<int64_t, kMaxSpatial> kernel{}, stride{}, dilation{}, pad_begin{}, pad_end{}, out{};
};

// The attributes of a node whose input has `in` spatial sizes and whose kernel has `kernel`. `ceil_mode` as pools have it.
Window resolve_window(const Attributes& attributes, std::span<const int64_t> kernel, std::span<const int64_t> in, bool ceil_mode);

// Symbolic output sizes. Fails on attributes of the wrong length or sign and on a constant window larger than its padded input.
std::vector<Dim> infer_window(const InferContext& c, const std::vector<Dim>& kernel, std::span<const Dim> in, bool ceil_mode);

}  // namespace omni::ops
