// Changing the order of a picture for kernels that read channels-last only.
#pragma once

#include <cstdint>

#include "core/thread_pool.h"

namespace omni::kernels {

// [image][channel][position] to [image][position][channel], and back with channels and positions exchanged.
void exchange_order(const float* x, int64_t images, int64_t rows, int64_t columns, float* y, core::ThreadPool& pool) noexcept;

}  // namespace omni::kernels
