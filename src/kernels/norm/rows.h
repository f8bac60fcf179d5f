// The normalization kernels of each instruction set, over `rows` rows of `channels` values.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace omni::kernels {

struct NormKernels {
  void (*scale_shift)(const float* x, int64_t rows, int64_t channels, const float* scale, const float* shift, float* y) noexcept;
  void (*scale_shift_plane)(const float* x, int64_t count, float scale, float shift, float* y) noexcept;
  void (*sums)(const float* x, int64_t rows, int64_t channels, float* sums) noexcept;
  // Mean of the rows, and sum of squares around it.
  void (*moments)(const float* x, int64_t rows, int64_t channels, float* mean, float* squares) noexcept;
  // Sums of dy, and of dy * (x - mean).
  void (*grad_sums)(const float* x, const float* dy, int64_t rows, int64_t channels, const float* mean, float* sums, float* products) noexcept;
  // dx = a * dy + b * (x - mean) + c, coefficients per channel.
  void (*grad_rows)(const float* x, const float* dy, int64_t rows, int64_t channels, const float* mean, const float* a, const float* b,
                    const float* c, float* dx) noexcept;
};

const NormKernels& norm_kernels(core::Isa isa);

}  // namespace omni::kernels
