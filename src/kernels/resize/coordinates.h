// Where an output position lies in the input (ONNX Resize, coordinate_transformation_mode). In f32 it is what ONNX Runtime computes, whose last bit
// decides between neighbours; in f64 what the specification means. Internal to the family.
#pragma once

#include "kernels/resize/resize.h"

namespace omni::kernels {

// `exact` is the output's size before it became whole, as far as the mode asks for it.
template <class T>
T source_coordinate(T x, T in, T out, T exact, T scale, ResizeCoordinates coordinates) {
  const T half = T{1} / 2;
  switch (coordinates) {
    case ResizeCoordinates::kHalfPixel: return (x + half) / scale - half;
    case ResizeCoordinates::kHalfPixelSymmetric: {
      const T offset = in / 2 * (1 - out / exact);
      return static_cast<T>(static_cast<double>(offset) + (static_cast<double>(x) + 0.5) / static_cast<double>(scale) - 0.5);
    }
    case ResizeCoordinates::kPytorchHalfPixel: return out > 1 ? (x + half) / scale - half : 0;
    case ResizeCoordinates::kAsymmetric: return x / scale;
    case ResizeCoordinates::kAlignCorners: return exact > 1 ? x * (in - 1) / (exact - 1) : 0;
    case ResizeCoordinates::kTfHalfPixelForNn: return (x + half) / scale;
  }
  return x;
}

}  // namespace omni::kernels
