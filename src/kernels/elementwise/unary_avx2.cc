#include "kernels/elementwise/unary.h"
#include "kernels/vector/avx2.h"

namespace omni::kernels::avx2 {
namespace {
#include "kernels/vector/math.inc"
// the kernels
#include "kernels/elementwise/unary_vector.inc"
}  // namespace

UnaryFn unary_f32(UnaryOp op) { return find_unary(op); }

}  // namespace omni::kernels::avx2
