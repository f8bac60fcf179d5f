#include "kernels/recurrent/cell_function.h"

#include <algorithm>
#include <cmath>

namespace omni::kernels {

namespace {

// The unary kernel that does it, or at its heart.
UnaryOp unary_of(CellActivation kind) {
  switch (kind) {
    case CellActivation::kRelu: return UnaryOp::kRelu;
    case CellActivation::kSigmoid: return UnaryOp::kSigmoid;
    case CellActivation::kLeakyRelu: return UnaryOp::kLeakyRelu;
    case CellActivation::kThresholdedRelu: return UnaryOp::kThresholdedRelu;
    case CellActivation::kHardSigmoid: return UnaryOp::kHardSigmoid;
    case CellActivation::kElu: return UnaryOp::kElu;
    case CellActivation::kSoftsign: return UnaryOp::kSoftsign;
    case CellActivation::kSoftplus: return UnaryOp::kSoftplus;
    case CellActivation::kTanh:
    case CellActivation::kScaledTanh:
    case CellActivation::kAffine: break;
  }
  return UnaryOp::kTanh;
}

}  // namespace

BoundFunction::BoundFunction(const CellFunction& function, float clip, core::Isa isa)
    : function_(function), clip_(clip), unary_(select_unary(unary_of(function.kind), core::DType::kF32, isa).fn) {
  params_.a = function.alpha;
  params_.b = function.beta;
}

void BoundFunction::apply(const float* x, float* y, int64_t n) const noexcept {
  if (clip_ > 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = std::min(clip_, std::max(-clip_, x[i]));
    x = y;
  }
  if (function_.kind == CellActivation::kAffine) {
    for (int64_t i = 0; i < n; ++i) y[i] = function_.alpha * x[i] + function_.beta;
    return;
  }
  if (function_.kind != CellActivation::kScaledTanh) return unary_(x, y, n, params_);
  for (int64_t i = 0; i < n; ++i) y[i] = function_.beta * x[i];
  unary_(y, y, n, params_);
  for (int64_t i = 0; i < n; ++i) y[i] *= function_.alpha;
}

float BoundFunction::slope(float x, float y) const noexcept {
  if (clip_ > 0 && (x < -clip_ || x > clip_)) return 0;
  const float a = function_.alpha, b = function_.beta;
  switch (function_.kind) {
    case CellActivation::kRelu: return x > 0 ? 1.0f : 0.0f;
    case CellActivation::kTanh: return 1 - y * y;
    case CellActivation::kSigmoid: return y * (1 - y);
    case CellActivation::kAffine: return a;
    case CellActivation::kLeakyRelu: return x < 0 ? a : 1.0f;
    case CellActivation::kThresholdedRelu: return x > a ? 1.0f : 0.0f;
    case CellActivation::kScaledTanh: {
      const float t = std::tanh(b * x);
      return a * b * (1 - t * t);
    }
    case CellActivation::kHardSigmoid: return y > 0 && y < 1 ? a : 0.0f;
    case CellActivation::kElu: return x < 0 ? y + a : 1.0f;
    case CellActivation::kSoftsign: {
      const float d = 1 + std::fabs(x);
      return 1 / (d * d);
    }
    case CellActivation::kSoftplus: return 1 / (1 + std::exp(-x));
  }
  return 0;
}

}  // namespace omni::kernels
