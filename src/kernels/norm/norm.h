// f32 batch normalization on channels-last rows ([pixel][channel]) and plain planes: inference, training statistics, gradient; column sums.
//
// Statistics run over chunks of rows cut by shape alone; the chunks' results are combined in double, in order: any number of threads gives the
// same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/isa.h"
#include "core/thread_pool.h"

namespace omni::kernels {

// `rows` times `channels` values. Plain order is images x channels x positions instead (rows = images * positions).
struct NormShape {
  int64_t rows = 1, channels = 1;
};

// y = x * scale[channel] + shift[channel], clamped where asked. y may be x.
struct ScaleShiftArgs {
  NormShape shape;
  const float* x = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
  float* y = nullptr;
};
void scale_shift(core::Isa isa, const ScaleShiftArgs& args, core::ThreadPool& pool) noexcept;
// The same in plain order: planes of `positions` values.
void scale_shift_planes(core::Isa isa, const ScaleShiftArgs& args, int64_t positions, core::ThreadPool& pool) noexcept;

// sums[channel] = sum over rows. Scratch: norm_scratch_bytes.
void column_sums(core::Isa isa, const NormShape& shape, const float* x, float* sums, std::byte* scratch, core::ThreadPool& pool) noexcept;

// Mean and population variance of every channel.
void batch_moments(core::Isa isa, const NormShape& shape, const float* x, float* mean, float* variance, std::byte* scratch,
                   core::ThreadPool& pool) noexcept;

// Gradient of y = (x - mean) * inverse * scale + shift through the statistics too (mean and inverse deviation of this batch).
struct BatchNormGradArgs {
  NormShape shape;
  const float* x = nullptr;
  const float* dy = nullptr;
  const float* mean = nullptr;
  const float* inverse = nullptr;
  const float* scale = nullptr;
  float* dx = nullptr;      // may be null
  float* dscale = nullptr;  // [channels]
  float* dshift = nullptr;  // [channels]
  std::byte* scratch = nullptr;
};
void batch_norm_grad(core::Isa isa, const BatchNormGradArgs& args, core::ThreadPool& pool) noexcept;

size_t norm_scratch_bytes(const NormShape& shape);

// The scalar truth in double: column sums, moments, gradient.
void column_sums_reference(const NormShape& shape, const float* x, float* sums) noexcept;
void batch_moments_reference(const NormShape& shape, const float* x, float* mean, float* variance) noexcept;
void batch_norm_grad_reference(const BatchNormGradArgs& args) noexcept;

}  // namespace omni::kernels
