// Reductions over any axes. Floats are accumulated in double (max and min exactly), integers in 64 bits, wrapping.
//
// Work and the order of partial results are cut by shape alone: any thread count gives the same bytes. Two instruction sets may differ in
// the last bit of a float.
#pragma once

#include <span>

#include "core/dtype.h"
#include "core/isa.h"
#include "core/shape.h"
#include "core/thread_pool.h"

namespace omni::kernels {

enum class ReduceOp : uint8_t { kSum, kMean, kMax, kMin, kProd, kL1, kL2, kSumSquare, kLogSum, kLogSumExp };
inline constexpr int kReduceOps = 10;

// How elements are folded into accumulators of `size` bytes each. `row`: n contiguous elements into one accumulator; `columns`: `rows` rows
// `stride` elements apart into n accumulators; `finish`: n accumulators of `count` elements each to results.
struct ReduceFns {
  size_t size = 8;
  void (*start)(void* accumulators, int64_t n) noexcept = nullptr;
  void (*row)(const void* x, int64_t n, void* accumulator) noexcept = nullptr;
  void (*columns)(const void* x, int64_t rows, int64_t stride, int64_t n, void* accumulators) noexcept = nullptr;
  void (*combine)(void* accumulators, const void* others, int64_t n) noexcept = nullptr;
  void (*finish)(const void* accumulators, int64_t count, void* y, int64_t n) noexcept = nullptr;
};

struct ReducePlan {
  ReduceFns fns;
  core::DType dtype = core::DType::kF32;
  core::Isa isa = core::Isa::kScalar;
  int rank = 1;  // joined dimensions: reduced and kept ones alternate
  int64_t dims[core::Shape::kMaxRank] = {1}, strides[core::Shape::kMaxRank] = {1};
  bool reduced[core::Shape::kMaxRank] = {};
  int first_reduced = -1;  // the outermost reduced dimension, which is split
  int64_t outputs = 1;     // results
  int64_t count = 1;       // elements of one result
  int64_t splits = 1, split_size = 1;
  explicit operator bool() const { return fns.start != nullptr; }
};

// Bool for no operator; floats of every width; integers for all but the logarithms and L2. Empty plan where the type is not supported.
// `axes` are in [0, rank); none: nothing is reduced.
ReducePlan plan_reduce(ReduceOp op, const core::Shape& in, std::span<const int> axes, core::DType dtype, core::Isa isa);
size_t reduce_scratch_bytes(const ReducePlan& plan);
void run_reduce(const ReducePlan& plan, const void* x, void* y, void* scratch, core::ThreadPool& pool) noexcept;

// Index of the largest (or smallest) element along an axis of [outer, axis, inner]: the first one, or the last one; NaN wins. False: the type
// is not supported.
struct ArgReduceArgs {
  int64_t outer = 1, axis = 1, inner = 1;
  bool smallest = false, last = false;
  core::DType dtype = core::DType::kF32;
};
bool arg_reduce_supports(core::DType dtype);
void run_arg_reduce(const ArgReduceArgs& args, const void* x, int64_t* y, core::ThreadPool& pool) noexcept;

namespace scalar {
ReduceFns reduce(ReduceOp op, core::DType dtype);
}
namespace avx2 {
void reduce_f32(ReduceOp op, ReduceFns& fns);  // replaces row and columns where it has better ones
}
namespace avx512 {
void reduce_f32(ReduceOp op, ReduceFns& fns);
}

}  // namespace omni::kernels
