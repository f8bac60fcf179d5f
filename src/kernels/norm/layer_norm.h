// f32 layer normalization (Ba, Kiros, Hinton 2016) and its root-mean-square form (Zhang, Sennrich 2019) of rows of n contiguous values:
//   y = (x - mean) / sqrt(variance + epsilon) * scale + shift        centred: the population variance
//   y = x / sqrt(mean of squares + epsilon) * scale + shift          not centred
// Sums are carried in double; a row is one thread's, so any number of threads gives the same bytes. y may be x.
#pragma once

#include <cstdint>

#include "core/isa.h"
#include "core/thread_pool.h"

namespace omni::kernels {

struct LayerNormArgs {
  int64_t rows = 1, n = 1;
  bool centred = true;
  float epsilon = 1e-5f;
  const float* x = nullptr;
  const float* scale = nullptr;  // [n] or null
  const float* shift = nullptr;  // [n] or null
  float* y = nullptr;
};

using LayerNormRow = void (*)(const LayerNormArgs& args, const float* x, float* y) noexcept;

LayerNormRow select_layer_norm(core::Isa isa);
void run_layer_norm(LayerNormRow row, const LayerNormArgs& args, core::ThreadPool& pool) noexcept;

namespace scalar {
LayerNormRow layer_norm();  // the scalar truth
}
namespace avx2 {
LayerNormRow layer_norm();
}
namespace avx512 {
LayerNormRow layer_norm();
}

}  // namespace omni::kernels
