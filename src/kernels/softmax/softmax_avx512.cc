#include "kernels/softmax/softmax.h"
#include "kernels/vector/avx512.h"

namespace omni::kernels::avx512 {
namespace {
#include "kernels/vector/math.inc"
// rows and columns
#include "kernels/softmax/softmax_vector.inc"
}  // namespace

SoftmaxKernel softmax_f32() { return make_softmax(); }

}  // namespace omni::kernels::avx512
