// Normalization rows for AVX-512.
#include "kernels/gemm/vector_avx512.h"
#include "kernels/norm/rows_body.h"

namespace omni::kernels::avx512 {

extern const NormKernels norm_table;
constexpr NormKernels kNorm = make_norm_kernels<Vector512>();
const NormKernels norm_table = kNorm;

}  // namespace omni::kernels::avx512
