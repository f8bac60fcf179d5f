// f32 tiles for AVX-512: at most 28 accumulators, so that B, one broadcast and a spare fit beside them in 32 registers.
#include "kernels/gemm/tile_body.h"
#include "kernels/gemm/vector_avx512.h"

namespace omni::kernels::avx512 {

extern const TileSet gemm_tiles;
constexpr TileSet kTiles = make_tile_set<Vector512, 8, 8, 8, 6>(3);
const TileSet gemm_tiles = kTiles;

}  // namespace omni::kernels::avx512
