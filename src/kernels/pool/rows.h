// The channels-last pooling kernels of each instruction set: one output row of one image, channels [c0, c1).
#pragma once

#include <cstdint>

#include "core/isa.h"
#include "kernels/pool/pool.h"

namespace omni::kernels {

struct PoolRow {
  const PoolShape* shape;
  const float* x;  // the image
  float* y;        // the output row
  int64_t oy, c0, c1;
};

struct PoolGradRow {
  const PoolShape* shape;
  const float* x;   // the image (max)
  const float* dy;  // the output row
  float* dx;        // the image, to which is added
  bool disjoint;    // windows share no pixel and leave none out: dx is written instead
  int64_t oy, c0, c1;
};

struct PoolKernels {
  void (*max_row)(const PoolRow&) noexcept;
  void (*average_row)(const PoolRow&) noexcept;
  void (*max_grad_row)(const PoolGradRow&) noexcept;
  void (*average_grad_row)(const PoolGradRow&) noexcept;
};

const PoolKernels& pool_kernels(core::Isa isa);

}  // namespace omni::kernels
