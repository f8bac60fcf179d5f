// The activations of recurrent cells, on rows of floats, and their derivatives.
#pragma once

#include <cstdint>

#include "kernels/elementwise/unary.h"

namespace omni::kernels {

enum class CellActivation : uint8_t {
  kRelu,
  kTanh,
  kSigmoid,
  kAffine,
  kLeakyRelu,
  kThresholdedRelu,
  kScaledTanh,
  kHardSigmoid,
  kElu,
  kSoftsign,
  kSoftplus
};

struct CellFunction {
  CellActivation kind = CellActivation::kTanh;
  float alpha = 0, beta = 0;
};

// One activation bound to an instruction set, with the cell's clipping before it (0: none).
class BoundFunction {
 public:
  BoundFunction() = default;
  BoundFunction(const CellFunction& function, float clip, core::Isa isa);
  // y = f(clip(x)); y may be x.
  void apply(const float* x, float* y, int64_t n) const noexcept;
  // df/dx at x, where f gave y.
  float slope(float x, float y) const noexcept;

 private:
  CellFunction function_;
  float clip_ = 0;
  UnaryFn unary_ = nullptr;
  UnaryParams params_;
};

}  // namespace omni::kernels
