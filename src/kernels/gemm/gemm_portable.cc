// f32 tiles for every other instruction set: vectors of four, 4x8 (the product needs a register of its own: 12 of SSE2's 16).
#include "kernels/gemm/tile_body.h"
#include "kernels/gemm/vector_portable.h"

namespace omni::kernels::portable {

extern const TileSet gemm_tiles;
constexpr TileSet kTiles = make_tile_set<Vector128, 4, 4, 0, 0>(2);
const TileSet gemm_tiles = kTiles;

}  // namespace omni::kernels::portable
