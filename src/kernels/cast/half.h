// f16 and bf16 to f32 and back, n contiguous elements, as core/half.h defines them bit by bit: the way half tensors go through f32 kernels.
#pragma once

#include "core/dtype.h"
#include "core/isa.h"

namespace omni::kernels {

using WidenFn = void (*)(const uint16_t* x, float* y, int64_t n) noexcept;
using NarrowFn = void (*)(const float* x, uint16_t* y, int64_t n) noexcept;

// `half` is kF16 or kBF16.
WidenFn select_widen(core::DType half, core::Isa isa);
NarrowFn select_narrow(core::DType half, core::Isa isa);

namespace avx2 {
WidenFn widen(core::DType half);
NarrowFn narrow(core::DType half);
}  // namespace avx2

}  // namespace omni::kernels
