#include "kernels/reduce/reduce.h"
#include "kernels/vector/avx2.h"

namespace omni::kernels::avx2 {
namespace {
#include "kernels/reduce/reduce_vector.inc"
}  // namespace

void reduce_f32(ReduceOp op, ReduceFns& fns) { choose(op, fns); }

}  // namespace omni::kernels::avx2
