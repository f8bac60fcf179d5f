// Channels-last pooling rows for every other instruction set.
#include "kernels/gemm/vector_portable.h"
#include "kernels/pool/rows_body.h"

namespace omni::kernels::portable {

extern const PoolKernels pool_table;
constexpr PoolKernels kPool = make_pool_kernels<Vector128>();
const PoolKernels pool_table = kPool;

}  // namespace omni::kernels::portable
