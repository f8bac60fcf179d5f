// f32 matrix product C = clamp(alpha * op(A) op(B) + beta * addend + residual): the entry points of the family.
//
// B that never changes is packed once (gemm_pack_b); otherwise it is packed into scratch at each call, except where a product has so few rows
// that packing would cost more than it saves. Work is cut by shape alone and every sum runs over k in order (in blocks of at most 1024,
// added in order; a few rows times [n][k] run lane by lane), so any number of threads gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/isa.h"
#include "core/thread_pool.h"
#include "kernels/gemm/tile.h"

namespace omni::kernels {

struct GemmShape {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  bool trans_a = false;   // A is stored [k][m] instead of [m][k]
  bool trans_b = false;   // B is stored [n][k] instead of [k][n]
  bool packed_b = false;  // B comes from gemm_pack_b
  int64_t batch = 1;      // products of this shape in one call
  bool dot = true;        // few rows of A times the stored rows of a transposed B, unpacked, which adds up in another order
};

struct GemmArgs {
  GemmShape shape;
  const float* a = nullptr;
  int64_t a_row = 0;         // floats from one stored row to the next
  const float* b = nullptr;  // plain or, with shape.packed_b, what gemm_pack_b wrote
  int64_t b_row = 0;         // unused when packed
  float* c = nullptr;
  int64_t c_row = 0;
  Epilogue epilogue;  // addend and residual must not overlap C
  // Where each product of the batch starts, in floats; null means 0 for all.
  const int64_t* a_offsets = nullptr;
  const int64_t* b_offsets = nullptr;
  const int64_t* c_offsets = nullptr;
  const int64_t* addend_offsets = nullptr;
  std::byte* scratch = nullptr;  // gemm_scratch_bytes(isa, shape), aligned to 64
};

// Bytes for gemm_pack_b: B of shape.k x shape.n.
size_t gemm_packed_b_bytes(core::Isa isa, int64_t k, int64_t n);
// Packs B, stored [k][n] or with trans_b [n][k] and `b_row` floats from row to row, into `packed` (aligned to 64).
void gemm_pack_b(core::Isa isa, int64_t k, int64_t n, bool trans_b, const float* b, int64_t b_row, float* packed);

size_t gemm_scratch_bytes(core::Isa isa, const GemmShape& shape);
void gemm(core::Isa isa, const GemmArgs& args, core::ThreadPool& pool) noexcept;

// The scalar truth, sums in double. Needs plain B.
void gemm_reference(const GemmArgs& args) noexcept;

}  // namespace omni::kernels
