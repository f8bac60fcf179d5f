// Conversion between element types. To integers: truncated towards zero and saturated, NaN gives 0 (ONNX leaves both open); integers to
// narrower integers wrap, as does everything to 4 bits; to bool: != 0; to floats: rounded to nearest even. 4-bit types are packed as stored; strings are not converted.
#pragma once

#include "core/dtype.h"
#include "core/isa.h"
#include "core/thread_pool.h"

namespace omni::kernels {

struct CastKernel {
  core::DType from = core::DType::kF32, to = core::DType::kF32;
  core::Isa isa = core::Isa::kScalar;
};

bool cast_supports(core::DType from, core::DType to);
void run_cast(const CastKernel& kernel, const void* x, void* y, int64_t n, core::ThreadPool& pool) noexcept;

}  // namespace omni::kernels
