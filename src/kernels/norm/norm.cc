// Drivers of the normalization family.
#include "kernels/norm/norm.h"

#include <algorithm>

#include "kernels/norm/rows.h"

namespace omni::kernels {

#define OMNI_NORM(isa, space)          \
  namespace space {                    \
  extern const NormKernels norm_table; \
  }
#include "kernels/norm/kernels.inc"
#undef OMNI_NORM

const NormKernels& norm_kernels(core::Isa isa) {
  if (isa == core::Isa::kAvx512Vnni) isa = core::Isa::kAvx512;
#define OMNI_NORM(name, space) \
  if (isa == core::Isa::name) return space::norm_table;
#include "kernels/norm/kernels.inc"
#undef OMNI_NORM
  return portable::norm_table;
}

namespace {

constexpr int64_t kChunkFloats = 1 << 13;  // values of a chunk: 32 KB, read twice by the moments
constexpr int64_t kMaxChunks = 256;

struct Chunks {
  int64_t rows, count;  // rows of a chunk
};

Chunks chunks_of(const NormShape& s) {
  const int64_t wanted = std::max<int64_t>(1, kChunkFloats / std::max<int64_t>(1, s.channels));
  const int64_t rows = std::max<int64_t>(wanted, (s.rows + kMaxChunks - 1) / kMaxChunks);
  return {rows, (s.rows + rows - 1) / rows};
}

// f(chunk, first row, rows).
template <class F>
void each_chunk(const NormShape& s, core::ThreadPool& pool, F&& f) {
  const Chunks chunks = chunks_of(s);
  pool.parallel_for(chunks.count, [&](int64_t chunk) {
    const int64_t first = chunk * chunks.rows;
    f(chunk, first, std::min(chunks.rows, s.rows - first));
  });
}

}  // namespace

// Two values per channel and chunk, three coefficients per channel.
size_t norm_scratch_bytes(const NormShape& s) { return static_cast<size_t>((2 * chunks_of(s).count + 3) * s.channels) * sizeof(float); }

void scale_shift(core::Isa isa, const ScaleShiftArgs& a, core::ThreadPool& pool) noexcept {
  const NormKernels& k = norm_kernels(isa);
  const int64_t channels = a.shape.channels;
  each_chunk(a.shape, pool, [&](int64_t, int64_t first, int64_t rows) {
    k.scale_shift(a.x + first * channels, rows, channels, a.scale, a.shift, a.y + first * channels);
  });
}

void scale_shift_planes(core::Isa isa, const ScaleShiftArgs& a, int64_t positions, core::ThreadPool& pool) noexcept {
  const NormKernels& k = norm_kernels(isa);
  const int64_t planes = positions == 0 ? 0 : a.shape.rows / positions * a.shape.channels;
  pool.parallel_for(planes, [&](int64_t p) {
    const int64_t c = p % a.shape.channels;
    k.scale_shift_plane(a.x + p * positions, positions, a.scale[c], a.shift[c], a.y + p * positions);
  });
}

void column_sums(core::Isa isa, const NormShape& s, const float* x, float* sums, std::byte* scratch, core::ThreadPool& pool) noexcept {
  const NormKernels& k = norm_kernels(isa);
  float* const parts = reinterpret_cast<float*>(scratch);
  each_chunk(s, pool,
             [&](int64_t chunk, int64_t first, int64_t rows) { k.sums(x + first * s.channels, rows, s.channels, parts + chunk * s.channels); });
  const int64_t count = chunks_of(s).count;
  for (int64_t c = 0; c < s.channels; ++c) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += parts[i * s.channels + c];
    sums[c] = static_cast<float>(sum);
  }
}

// Chunks are combined as Chan, Golub and LeVeque do: squares around a common mean.
void batch_moments(core::Isa isa, const NormShape& s, const float* x, float* mean, float* variance, std::byte* scratch,
                   core::ThreadPool& pool) noexcept {
  const NormKernels& k = norm_kernels(isa);
  const Chunks chunks = chunks_of(s);
  float* const means = reinterpret_cast<float*>(scratch);
  float* const squares = means + chunks.count * s.channels;
  each_chunk(s, pool, [&](int64_t chunk, int64_t first, int64_t rows) {
    k.moments(x + first * s.channels, rows, s.channels, means + chunk * s.channels, squares + chunk * s.channels);
  });
  for (int64_t c = 0; c < s.channels; ++c) {
    double n = 0, m = 0, q = 0;
    for (int64_t i = 0; i < chunks.count; ++i) {
      const double rows = static_cast<double>(std::min(chunks.rows, s.rows - i * chunks.rows));
      const double delta = means[i * s.channels + c] - m;
      q += squares[i * s.channels + c] + delta * delta * n * rows / (n + rows);
      m += delta * rows / (n + rows);
      n += rows;
    }
    mean[c] = static_cast<float>(m);
    variance[c] = n == 0 ? 0.0f : static_cast<float>(q / n);
  }
}

void batch_norm_grad(core::Isa isa, const BatchNormGradArgs& a, core::ThreadPool& pool) noexcept {
  const NormShape& s = a.shape;
  const NormKernels& k = norm_kernels(isa);
  const int64_t channels = s.channels, count = chunks_of(s).count;
  float* const sums = reinterpret_cast<float*>(a.scratch);
  float* const products = sums + count * channels;
  each_chunk(s, pool, [&](int64_t chunk, int64_t first, int64_t rows) {
    k.grad_sums(a.x + first * channels, a.dy + first * channels, rows, channels, a.mean, sums + chunk * channels, products + chunk * channels);
  });
  float* const ka = products + count * channels;
  float* const kb = ka + channels;
  float* const kc = kb + channels;
  const double n = static_cast<double>(std::max<int64_t>(1, s.rows));
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0, product = 0;
    for (int64_t i = 0; i < count; ++i) {
      sum += sums[i * channels + c];
      product += products[i * channels + c];
    }
    a.dshift[c] = static_cast<float>(sum);
    a.dscale[c] = static_cast<float>(product * a.inverse[c]);
    const double slope = static_cast<double>(a.scale[c]) * a.inverse[c];
    ka[c] = static_cast<float>(slope);
    kb[c] = static_cast<float>(-slope * a.inverse[c] * a.inverse[c] * product / n);
    kc[c] = static_cast<float>(-slope * sum / n);
  }
  if (a.dx == nullptr) return;
  each_chunk(s, pool, [&](int64_t, int64_t first, int64_t rows) {
    k.grad_rows(a.x + first * channels, a.dy + first * channels, rows, channels, a.mean, ka, kb, kc, a.dx + first * channels);
  });
}

}  // namespace omni::kernels
