#include "kernels/gemm_blocks/gemm_blocks.h"
#include "kernels/vector/avx2.h"

namespace omni::kernels::avx2 {
namespace {

inline I load_words(const uint32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }

template <int kBits>
inline F lowest(I words) {
  return {_mm256_cvtepi32_ps(_mm256_and_si256(words.v, _mm256_set1_epi32((1 << kBits) - 1)))};
}

inline F round_half(F x) { return {_mm256_cvtph_ps(_mm256_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC))}; }

#include "kernels/gemm_blocks/gemm_blocks_vector.inc"

}  // namespace

BlockKernels block_kernels() { return {decode, row_of_group}; }

}  // namespace omni::kernels::avx2
