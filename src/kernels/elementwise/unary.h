// y = f(x) element by element. A result depends on its own element only, so any cut gives the same bytes; y may be x itself.
//
// f32 has vector kernels (below 2 ulp for the transcendental ones); f64 and the integer types ONNX allows are scalar; f16 and bf16
// are widened to f32 block by block.
#pragma once

#include "core/dtype.h"
#include "core/isa.h"
#include "core/thread_pool.h"

namespace omni::kernels {

enum class UnaryOp : uint8_t {
#define OMNI_UNARY_VECTOR(name) k##name,
#define OMNI_UNARY_SCALAR(name) k##name,
#include "kernels/elementwise/unary.inc"
  kNot,         // bool
  kBitwiseNot,  // integers
  kIsNaN,       // floats to bool
  kIsInf,       // floats to bool; a != 0: detect -inf, b != 0: detect +inf
};
inline constexpr int kUnaryVectorLike = static_cast<int>(UnaryOp::kNot);  // the rows of unary.inc come first

// What the operator's attributes are called in ONNX: alpha, beta (Clip: low, high; low_int and high_int for integer types).
struct UnaryParams {
  double a = 0, b = 0;
  int64_t low_int = INT64_MIN, high_int = INT64_MAX;
};

// n contiguous elements.
using UnaryFn = void (*)(const void* x, void* y, int64_t n, const UnaryParams& params) noexcept;

struct UnaryKernel {
  UnaryFn fn = nullptr;  // null: this operator does not exist for this type
  core::DType input = core::DType::kF32, output = core::DType::kF32;
  core::Isa isa = core::Isa::kScalar;
  int64_t grain = 1 << 15;  // elements of a task
  explicit operator bool() const { return fn != nullptr; }
};

UnaryKernel select_unary(UnaryOp op, core::DType dtype, core::Isa isa);
void run_unary(const UnaryKernel& kernel, const void* x, void* y, int64_t n, const UnaryParams& params, core::ThreadPool& pool) noexcept;

namespace scalar {
// The scalar truth: f32 through double. Null where the type has no such operator.
UnaryFn unary(UnaryOp op, core::DType dtype);
}  // namespace scalar
namespace avx2 {
UnaryFn unary_f32(UnaryOp op);  // null for rows without vector code
}
namespace avx512 {
UnaryFn unary_f32(UnaryOp op);
}

}  // namespace omni::kernels
