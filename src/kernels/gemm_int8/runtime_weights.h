// INT8 product of two matrices that are both known only when it runs: the second is packed into scratch first.
#pragma once

#include "kernels/gemm_int8/gemm_int8.h"

namespace omni::kernels {

class Int8RuntimeProduct {
 public:
  // A [m, k] times B [k, n], row-major.
  Int8RuntimeProduct(core::Isa isa, int64_t m, int64_t k, int64_t n, bool a_signed, bool b_signed);

  size_t scratch_bytes() const { return scratch_bytes_; }
  // out[m, n] = sum over k of (a - za)(b - zb), zero points in the types of A and B; zb one number, or [n].
  void run(const void* a, int32_t za, const void* b, const int32_t* zb, bool zb_per_column, int32_t* out, std::byte* scratch,
           core::ThreadPool& pool) const noexcept;

 private:
  int64_t m_, k_, n_;
  bool a_signed_, b_signed_;
  Int8Layout layout_;
  size_t scratch_bytes_, sums_at_, start_at_;
};

}  // namespace omni::kernels
