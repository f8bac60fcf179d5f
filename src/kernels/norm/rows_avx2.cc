// Normalization rows for AVX2+FMA.
#include "kernels/gemm/vector_avx2.h"
#include "kernels/norm/rows_body.h"

namespace omni::kernels::avx2 {

extern const NormKernels norm_table;
constexpr NormKernels kNorm = make_norm_kernels<Vector256>();
const NormKernels norm_table = kNorm;

}  // namespace omni::kernels::avx2
