#include "kernels/norm/layer_norm.h"
#include "kernels/vector/avx512.h"

namespace omni::kernels::avx512 {
namespace {
#include "kernels/norm/layer_norm_vector.inc"
}  // namespace

LayerNormRow layer_norm() { return layer_norm_row; }

}  // namespace omni::kernels::avx512
