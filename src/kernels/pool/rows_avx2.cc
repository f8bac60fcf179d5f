// Channels-last pooling rows for AVX2+FMA.
#include "kernels/gemm/vector_avx2.h"
#include "kernels/pool/rows_body.h"

namespace omni::kernels::avx2 {

extern const PoolKernels pool_table;
constexpr PoolKernels kPool = make_pool_kernels<Vector256>();
const PoolKernels pool_table = kPool;

}  // namespace omni::kernels::avx2
