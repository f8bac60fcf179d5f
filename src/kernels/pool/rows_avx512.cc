// Channels-last pooling rows for AVX-512.
#include "kernels/gemm/vector_avx512.h"
#include "kernels/pool/rows_body.h"

namespace omni::kernels::avx512 {

extern const PoolKernels pool_table;
constexpr PoolKernels kPool = make_pool_kernels<Vector512>();
const PoolKernels pool_table = kPool;

}  // namespace omni::kernels::avx512
