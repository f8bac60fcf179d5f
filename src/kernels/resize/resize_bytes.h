// Linear resampling of u8 and s8 as ONNX Runtime does it, to the last byte: positions and weights in f32, all axes at once (Σ over the corners of a
// cell, the last axis fastest), the sum cut to a whole number towards zero.
#pragma once

#include "kernels/resize/resize.h"

namespace omni::kernels {

// Between positions low and high of an axis, with their weights.
struct LinearAxis {
  int axis = 0;
  std::vector<int32_t> low, high;
  std::vector<float> low_weight, high_weight;
};

struct ResizeBytesPlan {
  core::Shape in, out;
  std::vector<LinearAxis> axes;  // by rising number, three at most
  bool is_signed = false;
};

inline constexpr int kMaxLinearAxes = 3;

// in and out are at least 1.
LinearAxis plan_linear_axis(int axis, int64_t in, int64_t out, float scale, ResizeCoordinates coordinates);
void run_resize_bytes(const ResizeBytesPlan& plan, const void* x, void* y, core::ThreadPool& pool) noexcept;

}  // namespace omni::kernels
