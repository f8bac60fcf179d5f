#include "kernels/recurrent/byte_products.h"

#include <algorithm>

namespace omni::kernels {

namespace {

constexpr int64_t kTask = 16 << 10;  // elements quantized at a time

size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }
size_t column_bytes(const Int8Layout& layout) { return rounded(static_cast<size_t>(layout.packed_columns) * 4); }

}  // namespace

// Start values and multipliers of the columns, then the quantized rows.
size_t ByteProducts::scratch_bytes(const RecurrentShape& s, const Int8Layout& w, const Int8Layout& r) {
  const int64_t rows = std::max(s.steps * s.batch * s.inputs, s.batch * s.hidden);
  return 2 * std::max(column_bytes(w), column_bytes(r)) + rounded(static_cast<size_t>(rows));
}

void ByteProducts::multiply(const ByteWeights& b, const float* a, int64_t rows, int64_t k, float low, float high, float* out,
                            core::ThreadPool& pool) const noexcept {
  if (rows == 0 || b.layout->n == 0) return;
  const QuantizeKernels& kernels = select_quantize(shape_.isa);
  const DynamicScale scale = dynamic_scale(low, high);
  auto* const start = reinterpret_cast<int32_t*>(scratch_);
  auto* const multipliers = reinterpret_cast<float*>(scratch_ + column_bytes(*b.layout));
  auto* const bytes = reinterpret_cast<uint8_t*>(scratch_ + 2 * column_bytes(*b.layout));
  start_values(*b.layout, b.column_sums, nullptr, scale.zero, start);
  for (int64_t i = 0; i < b.layout->packed_columns; ++i) multipliers[i] = scale.scale * b.scales[i];
  const int64_t count = rows * k;
  pool.parallel_for((count + kTask - 1) / kTask, [&](int64_t t) {
    kernels.quantize(a + t * kTask, std::min(kTask, count - t * kTask), scale.scale, ByteRange::of(false, scale.zero), bytes + t * kTask);
  });
  Int8GemmArgs g;
  g.a = Int8Rows::matrix(bytes, false, rows, k, k);
  g.layout = b.layout;
  g.weights = b.packed;
  g.epilogue.start = start;
  g.epilogue.multiplier = multipliers;
  g.out = out;
  g.out_stride = b.layout->n;
  gemm_int8(g, pool);
}

// The range is that of the steps that some entry takes.
void ByteProducts::inputs(const Direction& d, const float* x, float* out, core::ThreadPool& pool) const noexcept {
  int64_t longest = 0;
  for (int64_t b = 0; b < shape_.batch; ++b) longest = std::max(longest, d.length(b));
  float low = 0, high = 0;
  const int64_t rows = shape_.steps * shape_.batch, seen = shape_.batch_first ? rows : longest * shape_.batch;
  select_quantize(shape_.isa).range(x, seen * shape_.inputs, &low, &high);
  multiply(w_, x, rows, shape_.inputs, low, high, out, pool);
}

// The range is that of the entries that have not ended.
void ByteProducts::states(const Direction& d, int64_t step, const float* h, float* out, core::ThreadPool& pool) const noexcept {
  float low = 0, high = 0;
  for (int64_t b = 0; b < shape_.batch; ++b) {
    if (step < d.length(b)) select_quantize(shape_.isa).range(h + b * shape_.hidden, shape_.hidden, &low, &high);
  }
  multiply(r_, h, shape_.batch, shape_.hidden, low, high, out, pool);
}

}  // namespace omni::kernels
