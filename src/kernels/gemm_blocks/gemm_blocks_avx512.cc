#include "kernels/gemm_blocks/gemm_blocks.h"
#include "kernels/vector/avx512.h"

namespace omni::kernels::avx512 {
namespace {

inline I load_words(const uint32_t* p) { return {_mm512_loadu_si512(p)}; }

// The permutation reads the low four bits of a lane, so it masks and converts at once.
template <int kBits>
inline F lowest(I words) {
  if constexpr (kBits == 4) return {_mm512_permutexvar_ps(words.v, _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))};
  return {_mm512_cvtepi32_ps(_mm512_and_si512(words.v, _mm512_set1_epi32(255)))};
}

inline F round_half(F x) { return {_mm512_cvtph_ps(_mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC))}; }

#include "kernels/gemm_blocks/gemm_blocks_vector.inc"

}  // namespace

BlockKernels block_kernels() { return {decode, row_of_group}; }

}  // namespace omni::kernels::avx512
