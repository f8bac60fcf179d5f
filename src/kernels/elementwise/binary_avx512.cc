#include "kernels/elementwise/binary.h"
#include "kernels/vector/avx512.h"

namespace omni::kernels::avx512 {
namespace {
#include "kernels/elementwise/binary_vector.inc"
}  // namespace

BinaryFn binary_f32(BinaryOp op) { return find_binary(op); }

}  // namespace omni::kernels::avx512
