// y = f(a, b) element by element with NumPy broadcasting. A result depends on its own elements only: any cut gives the same bytes. y may be
// a or b where that has y's shape.
//
// Max and Min keep NaN. Integers wrap; a division by zero is reported and gives 0. MaskPositive is a where b > 0, else 0 (the gradient of
// Relu). PowDouble takes its exponent as f64 whatever the base. Mod has the divisor's sign (Python), Fmod the dividend's (C).
#pragma once

#include "core/dtype.h"
#include "core/isa.h"
#include "core/kernel_args.h"
#include "kernels/elementwise/broadcast.h"

namespace omni::kernels {

enum class BinaryOp : uint8_t {
#define OMNI_BINARY_VECTOR(name) k##name,
#define OMNI_BINARY_COMPARE(name) k##name,
#define OMNI_BINARY_SCALAR(name) k##name,
#include "kernels/elementwise/binary.inc"
};
inline constexpr int kBinaryOps = static_cast<int>(BinaryOp::kShiftRight) + 1;

// n results; a and b step by step_a and step_b elements (0 or 1). False when a divisor was 0.
using BinaryFn = bool (*)(const void* a, int64_t step_a, const void* b, int64_t step_b, void* y, int64_t n) noexcept;

struct BinaryKernel {
  BinaryFn fn = nullptr;  // null: this operator does not exist for this type
  core::DType input = core::DType::kF32, output = core::DType::kF32;
  core::DType second = core::DType::kF32;  // b's type: `input` but for PowDouble
  core::Isa isa = core::Isa::kScalar;
  explicit operator bool() const { return fn != nullptr; }
};

BinaryKernel select_binary(BinaryOp op, core::DType dtype, core::Isa isa);
// `plan` is plan_broadcast of {a, b}. Reports "division by zero" through `status`.
void run_binary(const BinaryKernel& kernel, const BroadcastPlan& plan, const void* a, const void* b, void* y, core::ThreadPool& pool,
                core::StatusSlot& status) noexcept;

// y = condition ? a : b, elements of 1, 2, 4 or 8 bytes; `plan` is plan_broadcast of {condition, a, b}.
void run_where(const BroadcastPlan& plan, size_t element_size, const void* condition, const void* a, const void* b, void* y,
               core::ThreadPool& pool) noexcept;

namespace scalar {
BinaryFn binary(BinaryOp op, core::DType dtype);
}
namespace avx2 {
BinaryFn binary_f32(BinaryOp op);  // null for rows without vector code
}
namespace avx512 {
BinaryFn binary_f32(BinaryOp op);
}

}  // namespace omni::kernels
