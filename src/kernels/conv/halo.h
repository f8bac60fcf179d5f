// A channels-last picture copied with its padding, for kernels that want no borders.
#pragma once

#include <cstdint>

#include "core/thread_pool.h"
#include "kernels/conv/conv.h"

namespace omni::kernels {

inline int64_t up16(int64_t x) { return (x + 15) / 16 * 16; }

// Floats of the input, rounded up to a cache line.
inline int64_t picture_floats(const ConvShape& s) { return up16(s.images * s.in_h * s.in_w * s.in_c); }

// The same convolution of the copy.
ConvShape with_halo(ConvShape s);
void copy_with_halo(const ConvShape& s, const float* x, float* to, core::ThreadPool& pool) noexcept;

}  // namespace omni::kernels
