// Kernels that read channels-last only, bound to plain tensors: the way through scratch.
#pragma once

#include <cstring>

#include "core/kernel_args.h"
#include "graph/op_def.h"
#include "kernels/conv/order.h"

namespace omni::ops {

using namespace graph;

// How one f32 tensor reaches a channels-last kernel: as it is, or through `bytes` of scratch.
struct ThroughScratch {
  bool needed = false;
  int64_t images = 0, channels = 0, positions = 0;
  size_t offset = 0;  // into the scratch

  // Takes its part of the scratch, whose size so far is `scratch`.
  ThroughScratch() = default;
  ThroughScratch(const PlannedValue& v, size_t& scratch) {
    needed = v.layout == Layout::kPlain && v.shape.rank() >= 3 && !layout_free(v.shape);
    if (!needed) return;
    images = v.shape[0];
    channels = v.shape[1];
    positions = v.shape.count(2);
    offset = scratch;
    scratch += (v.bytes() + 63) / 64 * 64;
  }

  const float* in(const void* data, std::byte* scratch, ThreadPool& pool) const noexcept {
    if (!needed) return static_cast<const float*>(data);
    float* const to = reinterpret_cast<float*>(scratch + offset);
    kernels::exchange_order(static_cast<const float*>(data), images, channels, positions, to, pool);
    return to;
  }
  // Where the kernel writes; finish() brings it home.
  float* out(void* data, std::byte* scratch) const noexcept {
    return needed ? reinterpret_cast<float*>(scratch + offset) : static_cast<float*>(data);
  }
  void finish(void* data, std::byte* scratch, ThreadPool& pool) const noexcept {
    if (needed)
      kernels::exchange_order(reinterpret_cast<const float*>(scratch + offset), images, positions, channels, static_cast<float*>(data), pool);
  }
};

}  // namespace omni::ops
