// Depthwise convolution rows for AVX-512.
#include "kernels/conv/depthwise_body.h"
#include "kernels/gemm/vector_avx512.h"

namespace omni::kernels::avx512 {

extern const DepthwiseKernels depthwise_table;
constexpr DepthwiseKernels kDepthwise = make_depthwise_kernels<Vector512>();
const DepthwiseKernels depthwise_table = kDepthwise;

}  // namespace omni::kernels::avx512
