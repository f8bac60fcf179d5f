// f32 tiles for AVX2+FMA: 12 accumulators in 16 registers (6x16, 4x24), the best measured.
#include "kernels/gemm/tile_body.h"
#include "kernels/gemm/vector_avx2.h"

namespace omni::kernels::avx2 {

extern const TileSet gemm_tiles;
constexpr TileSet kTiles = make_tile_set<Vector256, 8, 6, 4, 0>(2);
const TileSet gemm_tiles = kTiles;

}  // namespace omni::kernels::avx2
