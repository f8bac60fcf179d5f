#include "kernels/cast/half.h"

#include "core/half.h"
#include "kernels/x86.h"

namespace omni::kernels {

using core::DType;

WidenFn select_widen(DType half, core::Isa isa) {
#if defined(__x86_64__)
  if (runs_avx2(isa)) return avx2::widen(half);
#endif
  static_cast<void>(isa);
  if (half == DType::kF16) {
    return [](const uint16_t* x, float* y, int64_t n) noexcept {
      for (int64_t i = 0; i < n; ++i) y[i] = core::f16_to_f32(x[i]);
    };
  }
  return [](const uint16_t* x, float* y, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) y[i] = core::bf16_to_f32(x[i]);
  };
}

NarrowFn select_narrow(DType half, core::Isa isa) {
#if defined(__x86_64__)
  if (runs_avx2(isa)) return avx2::narrow(half);
#endif
  static_cast<void>(isa);
  if (half == DType::kF16) {
    return [](const float* x, uint16_t* y, int64_t n) noexcept {
      for (int64_t i = 0; i < n; ++i) y[i] = core::f32_to_f16(x[i]);
    };
  }
  return [](const float* x, uint16_t* y, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) y[i] = core::f32_to_bf16(x[i]);
  };
}

}  // namespace omni::kernels
