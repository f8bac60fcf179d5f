// Normalization rows for every other instruction set.
#include "kernels/gemm/vector_portable.h"
#include "kernels/norm/rows_body.h"

namespace omni::kernels::portable {

extern const NormKernels norm_table;
constexpr NormKernels kNorm = make_norm_kernels<Vector128>();
const NormKernels norm_table = kNorm;

}  // namespace omni::kernels::portable
