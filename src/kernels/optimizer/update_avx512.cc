#include "kernels/optimizer/update.h"
#include "kernels/vector/avx512.h"

namespace omni::kernels::avx512 {
namespace {
#include "kernels/optimizer/update_vector.inc"
}  // namespace

UpdateKernels update() { return {sgd, adam, square_sum}; }

}  // namespace omni::kernels::avx512
