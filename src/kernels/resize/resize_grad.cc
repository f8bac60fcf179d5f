// The transpose of resampling: every result's gradient goes back to the positions that it was made of.
#include <cstring>

#include "kernels/resize/resize.h"

namespace omni::kernels {

namespace {

constexpr int64_t kColumns = 256;  // of one task

// [outer, out, inner] to [outer, in, inner], sums in the order of the results.
template <class T>
void spread(const ResizeAxis& axis, int64_t outer, int64_t inner, const T* dy, T* dx, core::ThreadPool& pool) {
  const int64_t pieces = (inner + kColumns - 1) / kColumns;
  pool.parallel_for(outer * pieces, [&](int64_t task) {
    const int64_t o = task / pieces, begin = task % pieces * kColumns, n = std::min(kColumns, inner - begin);
    T* const to = dx + o * axis.in * inner + begin;
    const T* const from = dy + o * axis.out * inner + begin;
    for (int64_t i = 0; i < axis.in; ++i) {
      for (int64_t c = 0; c < n; ++c) to[i * inner + c] = 0;
    }
    for (int64_t i = 0; i < axis.out; ++i) {
      for (int t = 0; t < axis.taps; ++t) {
        const size_t tap = static_cast<size_t>(i * axis.taps + t);
        const T w = axis.weights.empty() ? T(1) : static_cast<T>(axis.weights[tap]);
        T* const row = to + axis.positions[tap] * inner;
        for (int64_t c = 0; c < n; ++c) row[c] += w * from[i * inner + c];
      }
    }
  });
}

}  // namespace

void run_resize_grad(const ResizePlan& plan, const void* dy, void* dx, void* scratch, core::ThreadPool& pool) noexcept {
  int64_t dims[core::Shape::kMaxRank];
  for (int d = 0; d < plan.in.rank(); ++d) dims[d] = plan.in[d];
  for (const ResizeAxis& a : plan.axes) dims[a.axis] = a.out;
  if (plan.axes.empty()) {
    if (plan.in.count() != 0) std::memcpy(dx, dy, static_cast<size_t>(plan.in.count()) * plan.element_size);
    return;
  }
  const size_t half = resize_scratch_bytes(plan) / (plan.axes.size() > 2 ? 2 : 1);
  const void* from = dy;
  for (size_t i = plan.axes.size(); i-- > 0;) {
    const ResizeAxis& axis = plan.axes[i];
    void* const to = i == 0 ? dx : static_cast<char*>(scratch) + ((i - 1) % 2) * half;
    int64_t outer = 1, inner = 1;
    for (int d = 0; d < axis.axis; ++d) outer *= dims[d];
    for (int d = axis.axis + 1; d < plan.in.rank(); ++d) inner *= dims[d];
    if (plan.element_size == sizeof(double))
      spread(axis, outer, inner, static_cast<const double*>(from), static_cast<double*>(to), pool);
    else
      spread(axis, outer, inner, static_cast<const float*>(from), static_cast<float*>(to), pool);
    dims[axis.axis] = axis.in;
    from = to;
  }
}

}  // namespace omni::kernels
