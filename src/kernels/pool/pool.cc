// Drivers of the pooling family: how rows, images and channels become tasks, and which kernels run them.
#include "kernels/pool/pool.h"

#include <algorithm>
#include <cstring>

#include "kernels/pool/rows.h"

namespace omni::kernels {

#define OMNI_POOL(isa, space)          \
  namespace space {                    \
  extern const PoolKernels pool_table; \
  }
#include "kernels/pool/kernels.inc"
#undef OMNI_POOL

const PoolKernels& pool_kernels(core::Isa isa) {
  if (isa == core::Isa::kAvx512Vnni) isa = core::Isa::kAvx512;
#define OMNI_POOL(name, space) \
  if (isa == core::Isa::name) return space::pool_table;
#include "kernels/pool/kernels.inc"
#undef OMNI_POOL
  return portable::pool_table;
}

namespace {

constexpr int64_t kTaskFloats = 1 << 15;  // input values of a task: some tens of microseconds
constexpr int64_t kChannelChunk = 64;     // channels of a gradient task: a cache line or more of each pixel

// f(image, c0, c1) for chunks of channels of images.
template <class F>
void each_image(const PoolShape& s, int64_t chunk, core::ThreadPool& pool, F&& f) {
  const int64_t chunks = (s.channels + chunk - 1) / chunk;
  pool.parallel_for(s.images * chunks, [&](int64_t task) {
    const int64_t c0 = task % chunks * chunk;
    f(task / chunks, c0, std::min(s.channels, c0 + chunk));
  });
}

int64_t scalar_chunk(const PoolShape& s) {
  const int64_t plane = std::max<int64_t>(1, s.out_h * s.out_w * s.kernel_h * s.kernel_w);
  return std::clamp<int64_t>(kTaskFloats / plane, 1, std::max<int64_t>(1, s.channels));
}

// Rows of a channels-last forward pass. A picture of few rows (global pooling) is cut by channels as well.
template <class Kernel>
void run_rows(const PoolArgs& a, Kernel kernel, core::ThreadPool& pool) {
  const PoolShape& s = a.shape;
  if (s.channels == 0) return;
  const int64_t window = std::max<int64_t>(1, s.kernel_h * s.kernel_w * s.out_w);
  const int64_t chunk = std::min(s.channels, std::max<int64_t>(kChannelChunk, kTaskFloats / window / kChannelChunk * kChannelChunk));
  const int64_t chunks = (s.channels + chunk - 1) / chunk, rows = s.images * s.out_h;
  const int64_t per_task = std::max<int64_t>(1, kTaskFloats / (window * chunk)), row_tasks = (rows + per_task - 1) / per_task;
  pool.parallel_for(row_tasks * chunks, [&](int64_t task) {
    const int64_t first = task / chunks * per_task, c0 = task % chunks * chunk;
    for (int64_t row = first; row < std::min(rows, first + per_task); ++row) {
      kernel({&s, a.x + row / s.out_h * s.in_h * s.in_w * s.channels, a.y + row * s.out_w * s.channels, row % s.out_h, c0,
              std::min(s.channels, c0 + chunk)});
    }
  });
}

bool disjoint(const PoolShape& s) {
  return s.kernel_h == s.stride_h && s.kernel_w == s.stride_w && s.dilation_h == 1 && s.dilation_w == 1 && s.pad_top == 0 && s.pad_left == 0 &&
         s.in_h == s.out_h * s.kernel_h && s.in_w == s.out_w * s.kernel_w;
}

template <class Kernel>
void run_grad_rows(const PoolGradArgs& a, Kernel kernel, core::ThreadPool& pool) {
  const PoolShape& s = a.shape;
  const int64_t chunk = s.channels < 2 * kChannelChunk ? std::max<int64_t>(1, s.channels) : kChannelChunk;
  each_image(s, chunk, pool, [&](int64_t image, int64_t c0, int64_t c1) {
    const int64_t in = image * s.in_h * s.in_w * s.channels, out = image * s.out_h * s.out_w * s.channels;
    const bool whole = disjoint(s);
    for (int64_t i = 0; !whole && i < s.in_h * s.in_w; ++i)
      std::memset(a.dx + in + i * s.channels + c0, 0, static_cast<size_t>(c1 - c0) * sizeof(float));
    for (int64_t oy = 0; oy < s.out_h; ++oy) {
      kernel({&s, a.x != nullptr ? a.x + in : nullptr, a.dy + out + oy * s.out_w * s.channels, a.dx + in, whole, oy, c0, c1});
    }
  });
}

}  // namespace

void max_pool(core::Isa isa, const PoolArgs& a, core::ThreadPool& pool) noexcept {
  if (a.shape.channels_last && a.indices == nullptr) return run_rows(a, pool_kernels(isa).max_row, pool);
  each_image(a.shape, scalar_chunk(a.shape), pool, [&](int64_t image, int64_t c0, int64_t c1) { max_pool_reference(a, image, c0, c1); });
}

void average_pool(core::Isa isa, const PoolArgs& a, core::ThreadPool& pool) noexcept {
  if (a.shape.channels_last) return run_rows(a, pool_kernels(isa).average_row, pool);
  each_image(a.shape, scalar_chunk(a.shape), pool, [&](int64_t image, int64_t c0, int64_t c1) { average_pool_reference(a, image, c0, c1); });
}

void max_pool_grad(core::Isa isa, const PoolGradArgs& a, core::ThreadPool& pool) noexcept {
  if (a.shape.channels_last) return run_grad_rows(a, pool_kernels(isa).max_grad_row, pool);
  each_image(a.shape, scalar_chunk(a.shape), pool, [&](int64_t image, int64_t c0, int64_t c1) { max_pool_grad_reference(a, image, c0, c1); });
}

void average_pool_grad(core::Isa isa, const PoolGradArgs& a, core::ThreadPool& pool) noexcept {
  if (a.shape.channels_last) return run_grad_rows(a, pool_kernels(isa).average_grad_row, pool);
  each_image(a.shape, scalar_chunk(a.shape), pool, [&](int64_t image, int64_t c0, int64_t c1) { average_pool_grad_reference(a, image, c0, c1); });
}

}  // namespace omni::kernels
