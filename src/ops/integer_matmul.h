// What MatMulInteger and QMatMul share: shapes of a batched product, and which matrices belong together.
#pragma once

#include "ops/op_list.h"

namespace omni::ops {

// The type of A[…, M, K] × B[…, K, N] as NumPy's matmul has it.
Type infer_matmul_int8(const InferContext& c, DType dtype);

struct MatMulShape {
  int64_t m = 1, k = 1, n = 1;
  Shape batch, a_batch, b_batch;  // leading dimensions of the output, of A and of B

  int64_t count() const { return batch.count(); }
  // Index of the matrix of A and of B for the i'th of the output.
  int64_t a_at(int64_t i) const { return at(i, a_batch); }
  int64_t b_at(int64_t i) const { return at(i, b_batch); }

 private:
  int64_t at(int64_t i, const Shape& s) const;
};
MatMulShape matmul_shape(const Shape& a, const Shape& b);

}  // namespace omni::ops
