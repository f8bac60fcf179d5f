// Sums, products and 256-entry tables of bytes.
//
// Add: rne(fl(fl(float(a - za) * ma) + fl(float(b - zb) * mb))), clamped before the conversion. Mul: requantize((a - za)(b - zb), ma).
// A table is any function of one byte: non-linear operators, rescaling for Concat.
#pragma once

#include <array>
#include <cstdint>

#include "core/isa.h"
#include "core/shape.h"
#include "core/thread_pool.h"
#include "kernels/quantize/requantize.h"

namespace omni::kernels {

struct BinaryInt8 {
  bool multiply = false;
  bool a_signed = false, b_signed = false;
  int32_t za = 0, zb = 0;
  float ma = 1, mb = 1;  // multiply: ma is the multiplier, mb is not read
  ByteRange y;
};

struct ElementwiseInt8Kernels {
  core::Isa isa;
  // y[i] = a[i * a_step] op b[i * b_step], steps 0 or 1.
  void (*binary)(const BinaryInt8& op, const uint8_t* a, int64_t a_step, const uint8_t* b, int64_t b_step, int64_t n, uint8_t* y) noexcept;
  void (*lookup)(const uint8_t* table, const uint8_t* x, int64_t n, uint8_t* y) noexcept;
};
const ElementwiseInt8Kernels& select_elementwise_int8(core::Isa isa);

// y = a op b with NumPy broadcasting to y's shape.
void binary_int8(core::Isa isa, const BinaryInt8& op, const void* a, const core::Shape& a_shape, const void* b, const core::Shape& b_shape, void* y,
                 const core::Shape& y_shape, core::ThreadPool& pool) noexcept;

// y[i] = table[x[i]] in `rows` rows of n bytes, each after the row strides.
void lookup_int8(core::Isa isa, const std::array<uint8_t, 256>& table, const void* x, int64_t x_stride, int64_t rows, int64_t n, void* y,
                 int64_t y_stride, core::ThreadPool& pool) noexcept;

// The table of f applied to what a byte of (sx, zx) stands for, quantized to (sy, range): computed in double, rounded to nearest even.
template <class F>
std::array<uint8_t, 256> table_of(bool x_signed, float sx, int32_t zx, float sy, const ByteRange& range, const F& f) {
  std::array<uint8_t, 256> table;
  for (int i = 0; i < 256; ++i) {
    const int32_t q = x_signed ? static_cast<int8_t>(i) : i;
    const double y = f(static_cast<double>(q - zx) * sx) / sy, low = range.low - range.zero, high = range.high - range.zero;
    const double clamped = y > low ? (y < high ? y : high) : low;
    table[static_cast<size_t>(i)] = static_cast<uint8_t>(static_cast<int32_t>(std::nearbyint(clamped)) + range.zero);
  }
  return table;
}

}  // namespace omni::kernels
