#include "kernels/reduce/reduce.h"

#include <algorithm>
#include <cstddef>

#include "kernels/cast/half.h"
#include "kernels/x86.h"

namespace omni::kernels {

using core::DType;
using core::Shape;

namespace {

constexpr int64_t kColumns = 128;           // results of a block of columns: their accumulators stay in L1
constexpr int64_t kTaskElements = 1 << 15;  // input elements of a task
constexpr int64_t kMaxSplits = 64;

bool is_half(DType t) { return t == DType::kF16 || t == DType::kBF16; }

void row(const ReducePlan& plan, const char* x, int64_t n, void* accumulator) noexcept {
  if (!is_half(plan.dtype)) {
    plan.fns.row(x, n, accumulator);
    return;
  }
  const WidenFn widen = select_widen(plan.dtype, plan.isa);
  float wide[512];
  for (int64_t i = 0; i < n; i += 512) {
    const int64_t part = std::min<int64_t>(512, n - i);
    widen(reinterpret_cast<const uint16_t*>(x) + i, wide, part);
    plan.fns.row(wide, part, accumulator);
  }
}

void columns(const ReducePlan& plan, const char* x, int64_t rows, int64_t stride, int64_t n, void* accumulators) noexcept {
  if (!is_half(plan.dtype)) {
    plan.fns.columns(x, rows, stride, n, accumulators);
    return;
  }
  const WidenFn widen = select_widen(plan.dtype, plan.isa);
  float wide[kColumns];
  for (int64_t r = 0; r < rows; ++r) {
    widen(reinterpret_cast<const uint16_t*>(x) + r * stride, wide, n);
    plan.fns.columns(wide, 1, 0, n, accumulators);
  }
}

void finish(const ReducePlan& plan, const void* accumulators, char* y, int64_t n) noexcept {
  if (!is_half(plan.dtype)) {
    plan.fns.finish(accumulators, plan.count, y, n);
    return;
  }
  float wide[kColumns];
  plan.fns.finish(accumulators, plan.count, wide, n);
  select_narrow(plan.dtype, plan.isa)(wide, reinterpret_cast<uint16_t*>(y), n);
}

bool ends_reduced(const ReducePlan& plan) { return plan.reduced[plan.rank - 1]; }

// Folds what belongs to the results [first, first + n) (n > 1 only along a kept last dimension) and to one split into `accumulators`.
void accumulate(const ReducePlan& plan, const char* x, int64_t first, int64_t n, int64_t split, void* accumulators) noexcept {
  const int64_t size = static_cast<int64_t>(core::dtype_size(plan.dtype));
  const int last = plan.rank - 1, inner = ends_reduced(plan) ? last : last - 1;  // the innermost reduced dimension
  int64_t offset = 0, rest = first;
  for (int d = last; d >= 0; --d) {
    if (plan.reduced[d]) continue;
    offset += rest % plan.dims[d] * plan.strides[d];
    rest /= plan.dims[d];
  }
  int64_t begin[Shape::kMaxRank], length[Shape::kMaxRank], outer = 1;
  for (int d = 0; d <= last; ++d) {
    if (!plan.reduced[d]) continue;
    begin[d] = d == plan.first_reduced ? split * plan.split_size : 0;
    length[d] = d == plan.first_reduced ? std::min(plan.split_size, plan.dims[d] - begin[d]) : plan.dims[d];
    offset += begin[d] * plan.strides[d];
    if (d != inner) outer *= length[d];
  }
  for (int64_t o = 0; o < outer; ++o) {
    int64_t at = offset, left = o;
    for (int d = inner - 1; d >= 0; --d) {
      if (!plan.reduced[d]) continue;
      at += left % length[d] * plan.strides[d];
      left /= length[d];
    }
    if (inner == last)
      row(plan, x + at * size, length[inner], accumulators);
    else
      columns(plan, x + at * size, length[inner], plan.strides[inner], n, accumulators);
  }
}

}  // namespace

ReducePlan plan_reduce(ReduceOp op, const Shape& in, std::span<const int> axes, DType dtype, core::Isa isa) {
  ReducePlan plan;
  plan.dtype = dtype;
  plan.isa = isa;
  const DType compute = is_half(dtype) ? DType::kF32 : dtype;
  plan.fns = scalar::reduce(op, compute);
  if (!plan) return plan;
#if defined(__x86_64__)
  if (compute == DType::kF32 && runs_avx512(isa))
    avx512::reduce_f32(op, plan.fns);
  else if (compute == DType::kF32 && runs_avx2(isa))
    avx2::reduce_f32(op, plan.fns);
#endif
  bool is_reduced[Shape::kMaxRank] = {};
  for (const int axis : axes) is_reduced[axis] = true;
  plan.rank = 0;
  for (int d = 0; d < in.rank(); ++d) {
    (is_reduced[d] ? plan.count : plan.outputs) *= in[d];
    if (in[d] == 1) continue;
    if (plan.rank > 0 && plan.reduced[plan.rank - 1] == is_reduced[d]) {
      plan.dims[plan.rank - 1] *= in[d];
    } else {
      plan.reduced[plan.rank] = is_reduced[d];
      plan.dims[plan.rank++] = in[d];
    }
  }
  if (plan.rank == 0 || (plan.rank == 1 && !plan.reduced[0])) {  // every result from one element: a reduced dimension of size 1
    plan.reduced[plan.rank] = true;
    plan.dims[plan.rank++] = 1;
  }
  int64_t step = 1;
  for (int d = plan.rank - 1; d >= 0; --d) {
    plan.strides[d] = step;
    step *= plan.dims[d];
    if (plan.reduced[d]) plan.first_reduced = d;
  }
  if (plan.outputs == 0) return plan;  // no work to cut
  const int64_t tasks =
      ends_reduced(plan) ? plan.outputs : plan.outputs / plan.dims[plan.rank - 1] * ((plan.dims[plan.rank - 1] + kColumns - 1) / kColumns);
  const int64_t dim = plan.dims[plan.first_reduced], elements = plan.outputs * plan.count;
  plan.split_size = std::max<int64_t>(1, dim);
  if (tasks > 0 && tasks < 8 && elements >= 2 * kTaskElements) {
    const int64_t wanted = std::min({elements / kTaskElements, kMaxSplits, dim});
    plan.split_size = (dim + wanted - 1) / wanted;
    plan.splits = (dim + plan.split_size - 1) / plan.split_size;
  }
  return plan;
}

size_t reduce_scratch_bytes(const ReducePlan& plan) { return plan.splits > 1 ? static_cast<size_t>(plan.splits * plan.outputs) * plan.fns.size : 0; }

void run_reduce(const ReducePlan& plan, const void* x, void* y, void* scratch, core::ThreadPool& pool) noexcept {
  if (plan.outputs == 0) return;
  const int64_t out_size = static_cast<int64_t>(core::dtype_size(plan.dtype)), acc_size = static_cast<int64_t>(plan.fns.size);
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  // Blocks of results: columns along a kept last dimension, else single results.
  const bool rows = ends_reduced(plan);
  const int64_t width = rows ? 1 : plan.dims[plan.rank - 1], block = rows ? 1 : std::min(width, kColumns), per_row = (width + block - 1) / block;
  const int64_t blocks = plan.outputs / width * per_row;
  const auto block_start = [&](int64_t b) { return b / per_row * width + b % per_row * block; };
  const auto block_size = [&](int64_t b) { return std::min(block, width - b % per_row * block); };
  if (plan.splits == 1) {
    const int64_t group = std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, plan.count * block));
    pool.parallel_for((blocks + group - 1) / group, [&](int64_t task) {
      alignas(64) std::byte accumulators[kColumns * 16];
      for (int64_t b = task * group; b < std::min(blocks, (task + 1) * group); ++b) {
        const int64_t first = block_start(b), n = block_size(b);
        plan.fns.start(accumulators, n);
        if (plan.count > 0) accumulate(plan, from, first, n, 0, accumulators);
        finish(plan, accumulators, to + first * out_size, n);
      }
    });
    return;
  }
  char* partial = static_cast<char*>(scratch);  // [splits, outputs]
  pool.parallel_for(plan.splits * blocks, [&](int64_t task) {
    const int64_t split = task / blocks, b = task % blocks, first = block_start(b), n = block_size(b);
    char* accumulators = partial + (split * plan.outputs + first) * acc_size;
    plan.fns.start(accumulators, n);
    accumulate(plan, from, first, n, split, accumulators);
  });
  for (int64_t split = 1; split < plan.splits; ++split) plan.fns.combine(partial, partial + split * plan.outputs * acc_size, plan.outputs);
  for (int64_t first = 0; first < plan.outputs; first += kColumns) {
    finish(plan, partial + first * acc_size, to + first * out_size, std::min(kColumns, plan.outputs - first));
  }
}

}  // namespace omni::kernels
