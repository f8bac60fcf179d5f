// Gather along one axis, and its gradient. Indices are i32 or i64, negative ones count from the end; one out of range is reported through
// `status` ("index out of range": index, size of the axis) and its elements are left as zeros.
#pragma once

#include "core/dtype.h"
#include "core/kernel_args.h"

namespace omni::kernels {

// in [outer, axis, inner], indices [count], out [outer, count, inner].
struct GatherArgs {
  int64_t outer = 1, axis = 1, inner = 1, count = 1;
  size_t element_size = 4;
  core::DType index_type = core::DType::kI64;
};

void run_gather(const GatherArgs& args, const void* in, const void* indices, void* out, core::ThreadPool& pool, core::StatusSlot& status) noexcept;

// out [outer, axis, inner] = 0; out[o, indices[i], :] += in[o, i, :] in the order of i. f32, or f64 where element_size is 8.
void run_scatter_add(const GatherArgs& args, const void* in, const void* indices, void* out, core::ThreadPool& pool, core::StatusSlot& status) noexcept;

}  // namespace omni::kernels
