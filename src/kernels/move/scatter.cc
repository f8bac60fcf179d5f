#include "kernels/move/scatter.h"

#include <algorithm>
#include <cstring>

namespace omni::kernels {

using core::DType;
using core::Shape;

namespace {

// Where element i of `indices` points in `data`; -1 (reported) when out of range.
int64_t element_at(const ElementsArgs& args, const int64_t* indices, int64_t i, core::StatusSlot& status) {
  const int64_t n = args.data[args.axis], raw = indices[i], index = raw < 0 ? raw + n : raw;
  if (index < 0 || index >= n) {
    status.fail(i, "index out of range", raw, n);
    return -1;
  }
  int64_t at = 0, step = 1, rest = i;
  for (int d = args.indices.rank() - 1; d >= 0; --d) {
    at += (d == args.axis ? index : rest % args.indices[d]) * step;
    rest /= args.indices[d];
    step *= args.data[d];
  }
  return at;
}

int64_t row_at(const RowsArgs& args, const int64_t* indices, int64_t r, core::StatusSlot& status) {
  int64_t at = r / args.rows_of_batch * args.batch_stride;
  for (int64_t k = 0; k < args.depth; ++k) {
    const int64_t raw = indices[r * args.depth + k], index = raw < 0 ? raw + args.dims[k] : raw;
    if (index < 0 || index >= args.dims[k]) {
      status.fail(r, "index out of range", raw, args.dims[k]);
      return -1;
    }
    at += index * args.strides[k];
  }
  return at;
}

template <class T>
T combined(T a, T b, ScatterOp op) {
  switch (op) {
    case ScatterOp::kAdd: return static_cast<T>(a + b);
    case ScatterOp::kMul: return static_cast<T>(a * b);
    case ScatterOp::kMax: return a > b || a != a ? a : b;
    case ScatterOp::kMin: return a < b || a != a ? a : b;
    default: return b;
  }
}

template <class T>
void combine(void* out, const void* updates, int64_t n, ScatterOp op) {
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(out)[i] = combined(static_cast<T*>(out)[i], static_cast<const T*>(updates)[i], op);
}

// n elements at `out` op= those at `updates`.
void put(DType dtype, ScatterOp op, char* out, const char* updates, int64_t n) {
  if (n == 0) return;
  if (op == ScatterOp::kSet) {
    std::memcpy(out, updates, static_cast<size_t>(n) * core::dtype_size(dtype));
    return;
  }
  switch (dtype) {
    case DType::kF32: return combine<float>(out, updates, n, op);
    case DType::kF64: return combine<double>(out, updates, n, op);
    case DType::kI32:
    case DType::kU32:
      return op == ScatterOp::kMax || op == ScatterOp::kMin ? combine<int32_t>(out, updates, n, op) : combine<uint32_t>(out, updates, n, op);
    default: return op == ScatterOp::kMax || op == ScatterOp::kMin ? combine<int64_t>(out, updates, n, op) : combine<uint64_t>(out, updates, n, op);
  }
}

}  // namespace

bool scatter_supports(DType dtype, ScatterOp op) {
  if (op == ScatterOp::kSet) return core::dtype_bits(dtype) >= 8;
  return dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kI32 || dtype == DType::kI64;
}

void run_gather_elements(const ElementsArgs& args, const void* data, const int64_t* indices, void* out, core::ThreadPool& pool,
                         core::StatusSlot& status) noexcept {
  constexpr int64_t kGrain = 1 << 12;
  const int64_t n = args.indices.count(), size = static_cast<int64_t>(core::dtype_size(args.dtype));
  pool.parallel_for((n + kGrain - 1) / kGrain, [&](int64_t task) {
    for (int64_t i = task * kGrain; i < std::min(n, (task + 1) * kGrain); ++i) {
      const int64_t at = element_at(args, indices, i, status);
      char* to = static_cast<char*>(out) + i * size;
      if (at < 0)
        std::memset(to, 0, static_cast<size_t>(size));
      else
        std::memcpy(to, static_cast<const char*>(data) + at * size, static_cast<size_t>(size));
    }
  });
}

void run_scatter_elements(const ElementsArgs& args, const int64_t* indices, const void* updates, void* out, core::StatusSlot& status) noexcept {
  const int64_t n = args.indices.count(), size = static_cast<int64_t>(core::dtype_size(args.dtype));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = element_at(args, indices, i, status);
    if (at >= 0) put(args.dtype, args.op, static_cast<char*>(out) + at * size, static_cast<const char*>(updates) + i * size, 1);
  }
}

void run_gather_rows(const RowsArgs& args, const void* data, const int64_t* indices, void* out, core::ThreadPool& pool,
                     core::StatusSlot& status) noexcept {
  const int64_t bytes = args.inner * static_cast<int64_t>(core::dtype_size(args.dtype)), size = static_cast<int64_t>(core::dtype_size(args.dtype));
  if (bytes == 0) return;
  const int64_t group = std::max<int64_t>(1, (1 << 15) / bytes);
  pool.parallel_for((args.rows + group - 1) / group, [&](int64_t task) {
    for (int64_t r = task * group; r < std::min(args.rows, (task + 1) * group); ++r) {
      const int64_t at = row_at(args, indices, r, status);
      char* to = static_cast<char*>(out) + r * bytes;
      if (at < 0)
        std::memset(to, 0, static_cast<size_t>(bytes));
      else
        std::memcpy(to, static_cast<const char*>(data) + at * size, static_cast<size_t>(bytes));
    }
  });
}

void run_scatter_rows(const RowsArgs& args, const int64_t* indices, const void* updates, void* out, core::StatusSlot& status) noexcept {
  const int64_t size = static_cast<int64_t>(core::dtype_size(args.dtype));
  for (int64_t r = 0; r < args.rows; ++r) {
    const int64_t at = row_at(args, indices, r, status);
    if (at >= 0) put(args.dtype, args.op, static_cast<char*>(out) + at * size, static_cast<const char*>(updates) + r * args.inner * size, args.inner);
  }
}

}  // namespace omni::kernels
