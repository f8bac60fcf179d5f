// Resampling of tensors along any axes, one axis after the other: a result is Σ weight · input over a few positions of that axis.
//
// Nearest copies elements of any size; the others are f32, or f64 where element_size is 8. Positions and weights follow ONNX's Resize 19 (coordinate transformations, nearest
// modes, cubic coefficient, antialiasing, excluded outside).
#pragma once

#include <vector>

#include "core/shape.h"
#include "core/thread_pool.h"

namespace omni::kernels {

enum class ResizeMode : uint8_t { kNearest, kLinear, kCubic };
enum class ResizeCoordinates : uint8_t { kHalfPixel, kHalfPixelSymmetric, kPytorchHalfPixel, kAsymmetric, kAlignCorners, kTfHalfPixelForNn };
enum class ResizeNearest : uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };

struct ResizeOptions {
  ResizeMode mode = ResizeMode::kNearest;
  ResizeCoordinates coordinates = ResizeCoordinates::kHalfPixel;
  ResizeNearest nearest = ResizeNearest::kRoundPreferFloor;
  double cubic_coefficient = -0.75;
  bool antialias = false;
  bool exclude_outside = false;
};

// One axis: output i is Σ_t weights[i * taps + t] · input[positions[i * taps + t]].
struct ResizeAxis {
  int axis = 0;
  int64_t in = 1, out = 1;
  int taps = 1;
  std::vector<int32_t> positions;
  std::vector<double> weights;  // empty for nearest
};

// `scale` is out / in as the operator states it (the size alone may not give it exactly). in and out are at least 1.
ResizeAxis plan_resize_axis(int axis, int64_t in, int64_t out, double scale, const ResizeOptions& options);

struct ResizePlan {
  core::Shape in;
  std::vector<ResizeAxis> axes;  // those that change, in the order they are done
  size_t element_size = 4;
};

// Bytes for the intermediate tensors, two of the largest.
size_t resize_scratch_bytes(const ResizePlan& plan);
void run_resize(const ResizePlan& plan, const void* x, void* y, void* scratch, core::ThreadPool& pool) noexcept;
// dX from dY, by the same plan and scratch; f32, or f64 (element_size 8). Axes without weights copy.
void run_resize_grad(const ResizePlan& plan, const void* dy, void* dx, void* scratch, core::ThreadPool& pool) noexcept;

}  // namespace omni::kernels
