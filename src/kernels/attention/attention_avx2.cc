#include "kernels/attention/attention.h"
#include "kernels/vector/avx2.h"

namespace omni::kernels::avx2 {
namespace {
#include "kernels/vector/math.inc"
// rows of scores
#include "kernels/attention/attention_vector.inc"
}  // namespace

AttentionRow attention_row() { return {adjust, hide, weigh, multiply}; }

}  // namespace omni::kernels::avx2
