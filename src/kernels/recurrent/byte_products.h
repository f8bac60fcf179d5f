// The products of a recurrent cell whose weights are bytes: the left side becomes u8 by its own range (as DynamicQuantizeLinear does it), once for
// all inputs and once for the states of every step, whole numbers are multiplied, and the sums scaled.
#pragma once

#include "kernels/gemm_int8/gemm_int8.h"
#include "kernels/quantize/quantize.h"
#include "kernels/recurrent/cell.h"

namespace omni::kernels {

// W or R of one direction, [k, n] in bytes, with one scale and zero point or one a column.
struct ByteWeights {
  const Int8Layout* layout = nullptr;
  const int8_t* packed = nullptr;
  const int32_t* column_sums = nullptr;
  const float* scales = nullptr;  // in packed column order
};

class ByteProducts : public RecurrentProducts {
 public:
  // Bytes of scratch for the products of one direction.
  static size_t scratch_bytes(const RecurrentShape& shape, const Int8Layout& w, const Int8Layout& r);

  // What is pointed to outlives the object; `scratch` is aligned to 64.
  ByteProducts(const RecurrentShape& shape, const ByteWeights& w, const ByteWeights& r, std::byte* scratch)
      : shape_(shape), w_(w), r_(r), scratch_(scratch) {}

  void inputs(const Direction& d, const float* x, float* out, core::ThreadPool& pool) const noexcept override;
  void states(const Direction& d, int64_t step, const float* h, float* out, core::ThreadPool& pool) const noexcept override;

 private:
  void multiply(const ByteWeights& b, const float* a, int64_t rows, int64_t k, float low, float high, float* out,
                core::ThreadPool& pool) const noexcept;

  const RecurrentShape& shape_;
  ByteWeights w_, r_;
  std::byte* scratch_;
};

}  // namespace omni::kernels
