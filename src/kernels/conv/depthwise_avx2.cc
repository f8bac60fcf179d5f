// Depthwise convolution rows for AVX2+FMA.
#include "kernels/conv/depthwise_body.h"
#include "kernels/gemm/vector_avx2.h"

namespace omni::kernels::avx2 {

extern const DepthwiseKernels depthwise_table;
constexpr DepthwiseKernels kDepthwise = make_depthwise_kernels<Vector256>();
const DepthwiseKernels depthwise_table = kDepthwise;

}  // namespace omni::kernels::avx2
