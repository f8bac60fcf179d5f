// Broadcasting and tasks; the arithmetic is in the kernels of kernels.inc.
#include "kernels/elementwise_int8/elementwise_int8.h"

#include <algorithm>

namespace omni::kernels {

#define OMNI_ELEMENTWISE_INT8(isa, space)                       \
  namespace space {                                             \
  extern const ElementwiseInt8Kernels elementwise_int8_kernels; \
  }
#include "kernels/elementwise_int8/kernels.inc"
#undef OMNI_ELEMENTWISE_INT8

const ElementwiseInt8Kernels& select_elementwise_int8(core::Isa isa) {
  const ElementwiseInt8Kernels* best = &scalar::elementwise_int8_kernels;
#define OMNI_ELEMENTWISE_INT8(name, space) \
  if (core::Isa::name <= isa && (core::Isa::name == core::Isa::kScalar || isa < core::Isa::kNeon)) best = &space::elementwise_int8_kernels;
#include "kernels/elementwise_int8/kernels.inc"
#undef OMNI_ELEMENTWISE_INT8
  return *best;
}

namespace {

constexpr int64_t kTask = 16 << 10;  // elements: a few microseconds

// Axes merged as far as both operands allow: outermost first, the last one is the row.
struct Loop {
  int rank = 0;
  int64_t size[core::Shape::kMaxRank] = {}, a[core::Shape::kMaxRank] = {}, b[core::Shape::kMaxRank] = {};
};

Loop merge(const core::Shape& as, const core::Shape& bs, const core::Shape& ys) {
  Loop loop;
  int64_t a_stride = 1, b_stride = 1;
  for (int back = 1; back <= ys.rank(); ++back) {
    const int64_t n = ys[-back], an = back <= as.rank() ? as[-back] : 1, bn = back <= bs.rank() ? bs[-back] : 1;
    const int64_t a = an == 1 ? 0 : a_stride, b = bn == 1 ? 0 : b_stride;
    a_stride *= an;
    b_stride *= bn;
    if (n == 1) continue;
    const int at = loop.rank - 1;
    if (at >= 0 && a == loop.a[at] * loop.size[at] && b == loop.b[at] * loop.size[at]) {
      loop.size[at] *= n;
      continue;
    }
    loop.size[loop.rank] = n;
    loop.a[loop.rank] = a;
    loop.b[loop.rank] = b;
    ++loop.rank;
  }
  if (loop.rank == 0) loop = {1, {1}, {0}, {0}};
  return loop;  // innermost first
}

}  // namespace

void binary_int8(core::Isa isa, const BinaryInt8& op, const void* a, const core::Shape& a_shape, const void* b, const core::Shape& b_shape, void* y,
                 const core::Shape& y_shape, core::ThreadPool& pool) noexcept {
  const int64_t count = y_shape.count();
  if (count == 0) return;
  const ElementwiseInt8Kernels& kernels = select_elementwise_int8(isa);
  const Loop loop = merge(a_shape, b_shape, y_shape);
  const int64_t row = loop.size[0], pieces = (row + kTask - 1) / kTask, rows = count / row, each = std::max<int64_t>(1, kTask / row);
  pool.parallel_for((rows + each - 1) / each * pieces, [&](int64_t task) {
    const int64_t piece = task % pieces, begin = piece * kTask, n = std::min(kTask, row - begin);
    for (int64_t r = task / pieces * each; r < std::min(rows, (task / pieces + 1) * each); ++r) {
      int64_t at = r, a_at = begin * loop.a[0], b_at = begin * loop.b[0];
      for (int axis = 1; axis < loop.rank; ++axis) {
        a_at += at % loop.size[axis] * loop.a[axis];
        b_at += at % loop.size[axis] * loop.b[axis];
        at /= loop.size[axis];
      }
      kernels.binary(op, static_cast<const uint8_t*>(a) + a_at, loop.a[0], static_cast<const uint8_t*>(b) + b_at, loop.b[0], n,
                     static_cast<uint8_t*>(y) + r * row + begin);
    }
  });
}

void lookup_int8(core::Isa isa, const std::array<uint8_t, 256>& table, const void* x, int64_t x_stride, int64_t rows, int64_t n, void* y,
                 int64_t y_stride, core::ThreadPool& pool) noexcept {
  if (rows * n == 0) return;
  const ElementwiseInt8Kernels& kernels = select_elementwise_int8(isa);
  if (x_stride == n && y_stride == n) {
    n *= rows;
    rows = 1;
  }
  const int64_t pieces = (n + kTask - 1) / kTask, each = std::max<int64_t>(1, kTask / n);
  pool.parallel_for((rows + each - 1) / each * pieces, [&](int64_t task) {
    const int64_t begin = task % pieces * kTask, count = std::min(kTask, n - begin);
    for (int64_t r = task / pieces * each; r < std::min(rows, (task / pieces + 1) * each); ++r) {
      kernels.lookup(table.data(), static_cast<const uint8_t*>(x) + r * x_stride + begin, count, static_cast<uint8_t*>(y) + r * y_stride + begin);
    }
  });
}

}  // namespace omni::kernels
