// Depthwise convolution rows for every other instruction set.
#include "kernels/conv/depthwise_body.h"
#include "kernels/gemm/vector_portable.h"

namespace omni::kernels::portable {

extern const DepthwiseKernels depthwise_table;
constexpr DepthwiseKernels kDepthwise = make_depthwise_kernels<Vector128>();
const DepthwiseKernels depthwise_table = kDepthwise;

}  // namespace omni::kernels::portable
