#include "kernels/move/copy.h"

#include <algorithm>
#include <cstring>

#include "kernels/x86.h"

namespace omni::kernels {

using core::Shape;
using core::ThreadPool;

namespace {

constexpr int64_t kTaskBytes = 1 << 17;
constexpr int64_t kTile = 64;  // rows of a transposing task: 64 lines of the input stay in L1 while 64 of the output are written

// By words of the copied type; memcpy-like, so the types of the caller do not matter.
template <class T>
void transpose_scalar(const void* in, int64_t in_stride, void* out, int64_t out_stride, int64_t rows, int64_t columns) noexcept {
  const T* x = static_cast<const T*>(in);
  T* y = static_cast<T*>(out);
  for (int64_t r0 = 0; r0 < rows; r0 += 16) {
    const int64_t r1 = std::min(rows, r0 + 16);
    for (int64_t c0 = 0; c0 < columns; c0 += 16) {
      const int64_t c1 = std::min(columns, c0 + 16);
      for (int64_t r = r0; r < r1; ++r) {
        for (int64_t c = c0; c < c1; ++c) y[r * out_stride + c] = x[c * in_stride + r];
      }
    }
  }
}

template <class T>
void copy_elements(const void* in, int64_t in_stride, void* out, int64_t out_stride, int64_t n) noexcept {
  const T* x = static_cast<const T*>(in);
  T* y = static_cast<T*>(out);
  if (in_stride == 0) {
    const T v = *x;
    for (int64_t i = 0; i < n; ++i) y[i * out_stride] = v;
  } else {
    for (int64_t i = 0; i < n; ++i) y[i * out_stride] = x[i * in_stride];
  }
}

void copy_run(const CopyPlan& plan, const char* in, char* out, int64_t n) noexcept {
  const int64_t from = plan.in_strides[plan.rank - 1], to = plan.out_strides[plan.rank - 1];
  if (plan.kind == CopyPlan::Kind::kRuns) {
    std::memcpy(out, in, static_cast<size_t>(n * plan.element_size));
    return;
  }
  switch (plan.element_size) {
    case 1: return copy_elements<uint8_t>(in, from, out, to, n);
    case 2: return copy_elements<uint16_t>(in, from, out, to, n);
    case 4: return copy_elements<uint32_t>(in, from, out, to, n);
    default: return copy_elements<uint64_t>(in, from, out, to, n);
  }
}

// Offsets of the flat index `i` over the first `rank` dimensions, `skip` left out.
void locate(const CopyPlan& plan, int rank, int skip, int64_t i, int64_t& in, int64_t& out) {
  in = plan.in_offset;
  out = plan.out_offset;
  for (int d = rank - 1; d >= 0; --d) {
    if (d == skip) continue;
    const int64_t at = i % plan.dims[d];
    i /= plan.dims[d];
    in += at * plan.in_strides[d];
    out += at * plan.out_strides[d];
  }
}

void choose_kind(CopyPlan& plan, core::Isa isa) {
  const int last = plan.rank - 1;
  plan.kind = CopyPlan::Kind::kElements;
  if (plan.out_strides[last] == 1 && plan.in_strides[last] == 1) plan.kind = CopyPlan::Kind::kRuns;
  if (plan.out_strides[last] == 1 && plan.in_strides[last] == 0) plan.kind = CopyPlan::Kind::kFill;
  if (plan.kind != CopyPlan::Kind::kElements || plan.out_strides[last] != 1) return;
  for (int d = 0; d < last; ++d) {
    if (plan.in_strides[d] != 1 || plan.dims[d] < 4) continue;
    plan.kind = CopyPlan::Kind::kTiles;
    plan.tile_dim = d;
  }
  switch (plan.element_size) {
    case 1: plan.transpose = transpose_scalar<uint8_t>; break;
    case 2: plan.transpose = transpose_scalar<uint16_t>; break;
    case 4: plan.transpose = transpose_scalar<uint32_t>; break;
    default: plan.transpose = transpose_scalar<uint64_t>; break;
  }
#if defined(__x86_64__)
  if (plan.element_size == 4 && runs_avx2(isa)) plan.transpose = avx2::transpose_32;
#endif
  static_cast<void>(isa);
}

void row_major(const Shape& shape, int64_t* strides) {
  int64_t step = 1;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    strides[d] = step;
    step *= shape[d];
  }
}

}  // namespace

CopyPlan plan_copy(std::span<const int64_t> dims, std::span<const int64_t> in_strides, std::span<const int64_t> out_strides, size_t element_size,
                   core::Isa isa) {
  CopyPlan plan;
  plan.element_size = static_cast<int>(element_size);
  plan.count = 1;
  plan.rank = 0;
  for (size_t d = 0; d < dims.size(); ++d) {
    plan.count *= dims[d];
    if (dims[d] == 1) continue;
    const int before = plan.rank - 1;
    if (plan.rank > 0 && plan.in_strides[before] == in_strides[d] * dims[d] && plan.out_strides[before] == out_strides[d] * dims[d]) {
      plan.dims[before] *= dims[d];
    } else {
      plan.dims[plan.rank++] = dims[d];
    }
    plan.in_strides[plan.rank - 1] = in_strides[d];
    plan.out_strides[plan.rank - 1] = out_strides[d];
  }
  if (plan.rank == 0) {
    plan.rank = 1;
    plan.dims[0] = 1;
    plan.in_strides[0] = plan.out_strides[0] = 1;
  }
  choose_kind(plan, isa);
  return plan;
}

CopyPlan plan_transpose(const Shape& in, std::span<const int> permutation, size_t element_size, core::Isa isa) {
  int64_t from[Shape::kMaxRank], dims[Shape::kMaxRank], strides[Shape::kMaxRank], to[Shape::kMaxRank];
  row_major(in, from);
  const size_t rank = static_cast<size_t>(in.rank());
  for (size_t d = 0; d < rank; ++d) {
    dims[d] = in[permutation[d]];
    strides[d] = from[permutation[d]];
  }
  row_major(Shape(std::span<const int64_t>(dims, rank)), to);
  return plan_copy({dims, rank}, {strides, rank}, {to, rank}, element_size, isa);
}

CopyPlan plan_expand(const Shape& in, const Shape& out, size_t element_size, core::Isa isa) {
  int64_t from[Shape::kMaxRank], strides[Shape::kMaxRank] = {}, to[Shape::kMaxRank];
  row_major(in, from);
  row_major(out, to);
  for (int d = 0; d < in.rank(); ++d) strides[d + out.rank() - in.rank()] = in[d] == 1 ? 0 : from[d];
  return plan_copy(out.dims(), {strides, static_cast<size_t>(out.rank())}, {to, static_cast<size_t>(out.rank())}, element_size, isa);
}

CopyPlan plan_slice(const Shape& in, const Shape& out, std::span<const int64_t> starts, std::span<const int64_t> steps, size_t element_size,
                    core::Isa isa) {
  int64_t from[Shape::kMaxRank], strides[Shape::kMaxRank], to[Shape::kMaxRank], offset = 0;
  row_major(in, from);
  row_major(out, to);
  const size_t rank = static_cast<size_t>(in.rank());
  for (size_t d = 0; d < rank; ++d) {
    strides[d] = from[d] * steps[d];
    offset += from[d] * starts[d];
  }
  CopyPlan plan = plan_copy(out.dims(), {strides, rank}, {to, rank}, element_size, isa);
  plan.in_offset = offset;
  return plan;
}

CopyPlan plan_insert(const Shape& in, const Shape& out, std::span<const int64_t> starts, size_t element_size, core::Isa isa) {
  int64_t from[Shape::kMaxRank], to[Shape::kMaxRank], offset = 0;
  row_major(in, from);
  row_major(out, to);
  const size_t rank = static_cast<size_t>(in.rank());
  for (size_t d = 0; d < rank; ++d) offset += to[d] * starts[d];
  CopyPlan plan = plan_copy(in.dims(), {from, rank}, {to, rank}, element_size, isa);
  plan.out_offset = offset;
  return plan;
}

void run_copy(const CopyPlan& plan, const void* in, void* out, ThreadPool& pool) noexcept {
  if (plan.count == 0) return;
  const char* from = static_cast<const char*>(in);
  char* to = static_cast<char*>(out);
  const int64_t size = plan.element_size;
  const int last = plan.rank - 1;
  const int64_t inner = plan.dims[last];
  if (plan.kind == CopyPlan::Kind::kTiles) {
    const int t = plan.tile_dim;
    const int64_t rows = plan.dims[t], pieces = (rows + kTile - 1) / kTile, outer = plan.count / (rows * inner);
    const int64_t group = std::max<int64_t>(1, kTaskBytes / (std::min(rows, kTile) * inner * size));  // pieces of a task
    pool.parallel_for((outer * pieces + group - 1) / group, [&](int64_t task) {
      for (int64_t p = task * group; p < std::min(outer * pieces, (task + 1) * group); ++p) {
        int64_t x, y;
        locate(plan, last, t, p / pieces, x, y);
        const int64_t first = p % pieces * kTile;
        plan.transpose(from + (x + first) * size, plan.in_strides[last], to + (y + first * plan.out_strides[t]) * size, plan.out_strides[t],
                       std::min(kTile, rows - first), inner);
      }
    });
    return;
  }
  const int64_t part = std::min(inner, std::max<int64_t>(1, kTaskBytes / size)), pieces = (inner + part - 1) / part;
  const int64_t units = plan.count / inner * pieces, group = std::max<int64_t>(1, kTaskBytes / (part * size));
  pool.parallel_for((units + group - 1) / group, [&](int64_t task) {
    for (int64_t u = task * group; u < std::min(units, (task + 1) * group); ++u) {
      int64_t x, y;
      locate(plan, last, -1, u / pieces, x, y);
      const int64_t first = u % pieces * part;
      copy_run(plan, from + (x + first * plan.in_strides[last]) * size, to + (y + first * plan.out_strides[last]) * size,
               std::min(part, inner - first));
    }
  });
}

void fill(void* out, int64_t n, const void* value, size_t element_size, ThreadPool& pool) noexcept {
  CopyPlan plan;
  plan.kind = CopyPlan::Kind::kFill;
  plan.element_size = static_cast<int>(element_size);
  plan.count = plan.dims[0] = n;
  plan.out_strides[0] = 1;
  run_copy(plan, value, out, pool);
}

namespace {

int64_t mapped_index(int64_t i, int64_t n, PadMode mode) {
  if (mode == PadMode::kEdge) return std::clamp<int64_t>(i, 0, n - 1);
  if (mode == PadMode::kWrap) return ((i % n) + n) % n;
  if (n == 1) return 0;
  const int64_t period = 2 * (n - 1), r = ((i % period) + period) % period;
  return r < n ? r : period - r;
}

template <class T>
void pad_rows(const Shape& in_shape, const Shape& out_shape, std::span<const int64_t> before, PadMode mode, const T* in, T* out,
              ThreadPool& pool) noexcept {
  const int last = out_shape.rank() - 1;
  const int64_t inner = out_shape[last], rows = out_shape.count(0, last);
  const int64_t group = std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(1, inner));
  pool.parallel_for((rows + group - 1) / group, [&](int64_t task) {
    for (int64_t row = task * group; row < std::min(rows, (task + 1) * group); ++row) {
      int64_t rest = row, from = 0, step = in_shape[last];
      for (int d = last - 1; d >= 0; --d) {
        from += mapped_index(rest % out_shape[d] - before[static_cast<size_t>(d)], in_shape[d], mode) * step;
        rest /= out_shape[d];
        step *= in_shape[d];
      }
      for (int64_t i = 0; i < inner; ++i) out[row * inner + i] = in[from + mapped_index(i - before[static_cast<size_t>(last)], in_shape[last], mode)];
    }
  });
}

}  // namespace

void run_pad(const Shape& in_shape, const Shape& out_shape, std::span<const int64_t> before, PadMode mode, size_t element_size, const void* in,
             void* out, ThreadPool& pool) noexcept {
  if (out_shape.count() == 0) return;
  if (out_shape.rank() == 0) {
    std::memcpy(out, in, element_size);
    return;
  }
  switch (element_size) {
    case 1: return pad_rows(in_shape, out_shape, before, mode, static_cast<const uint8_t*>(in), static_cast<uint8_t*>(out), pool);
    case 2: return pad_rows(in_shape, out_shape, before, mode, static_cast<const uint16_t*>(in), static_cast<uint16_t*>(out), pool);
    case 4: return pad_rows(in_shape, out_shape, before, mode, static_cast<const uint32_t*>(in), static_cast<uint32_t*>(out), pool);
    default: return pad_rows(in_shape, out_shape, before, mode, static_cast<const uint64_t*>(in), static_cast<uint64_t*>(out), pool);
  }
}

}  // namespace omni::kernels
