#include "kernels/gemm_int8/runtime_weights.h"

#include <algorithm>

namespace omni::kernels {

Int8RuntimeProduct::Int8RuntimeProduct(core::Isa isa, int64_t m, int64_t k, int64_t n, bool a_signed, bool b_signed)
    : m_(m), k_(k), n_(n), a_signed_(a_signed), b_signed_(b_signed), layout_(layout_gemm_int8(isa, Int8Output::kInt32, n, k)) {
  const auto aligned = [](int64_t bytes) { return static_cast<size_t>((bytes + 63) / 64 * 64); };
  sums_at_ = aligned(layout_.bytes);
  start_at_ = sums_at_ + aligned(layout_.packed_columns * 4);
  scratch_bytes_ = start_at_ + aligned(layout_.packed_columns * 4);
}

void Int8RuntimeProduct::run(const void* a, int32_t za, const void* b, const int32_t* zb, bool zb_per_column, int32_t* out, std::byte* scratch,
                             core::ThreadPool& pool) const noexcept {
  if (m_ == 0 || n_ == 0) return;
  // B as s8 about its type's middle; what its zero point differs from that comes in by the row sums of A.
  const int32_t middle = b_signed_ ? 0 : 128;
  const Int8Matrix matrix{b, b_signed_, 1, n_, &middle, false};
  int8_t* packed = reinterpret_cast<int8_t*>(scratch);
  int32_t* sums = reinterpret_cast<int32_t*>(scratch + sums_at_);
  int32_t* start = reinterpret_cast<int32_t*>(scratch + start_at_);
  pack_gemm_int8(layout_, matrix, packed, sums);
  start_values(layout_, sums, nullptr, ByteRange::of(a_signed_, za).as_unsigned().zero, start);
  Int8GemmArgs args;
  args.a = Int8Rows::matrix(a, a_signed_, m_, k_, k_);
  args.layout = &layout_;
  args.weights = packed;
  args.epilogue.start = start;
  args.out = out;
  args.out_stride = n_;
  gemm_int8(args, pool);
  const auto zero = [&](int64_t n) { return zb == nullptr ? 0 : zb[zb_per_column ? n : 0]; };
  bool centred = true;
  for (int64_t n = 0; n < (zb_per_column ? n_ : 1); ++n) centred = centred && zero(n) == middle;
  if (centred) return;
  constexpr int64_t kRows = 32;
  pool.parallel_for((m_ + kRows - 1) / kRows, [&](int64_t task) {
    for (int64_t m = task * kRows; m < std::min(m_, (task + 1) * kRows); ++m) {
      const uint8_t* row = static_cast<const uint8_t*>(a) + m * k_;
      uint32_t sum = 0;
      for (int64_t k = 0; k < k_; ++k) sum += static_cast<uint32_t>((a_signed_ ? static_cast<int8_t>(row[k]) : row[k]) - za);
      for (int64_t n = 0; n < n_; ++n) {
        int32_t& y = out[m * n_ + n];
        y = static_cast<int32_t>(static_cast<uint32_t>(y) + sum * static_cast<uint32_t>(middle - zero(n)));
      }
    }
  });
}

}  // namespace omni::kernels
