// Which tiles an instruction set uses, and how columns are cut for them.
#include <algorithm>

#include "kernels/gemm/tile.h"

namespace omni::kernels {

#define OMNI_GEMM_TILES(isa, space) \
  namespace space {                 \
  extern const TileSet gemm_tiles;  \
  }
#include "kernels/gemm/kernels.inc"
#undef OMNI_GEMM_TILES

const TileSet& tile_set(core::Isa isa, int64_t columns) {
  if (isa == core::Isa::kAvx512Vnni) isa = core::Isa::kAvx512;
  if (isa == core::Isa::kAvx512 && columns <= 8) isa = core::Isa::kAvx2;
#define OMNI_GEMM_TILES(name, space) \
  if (isa == core::Isa::name) return space::gemm_tiles;
#include "kernels/gemm/kernels.inc"
#undef OMNI_GEMM_TILES
  return portable::gemm_tiles;
}

PanelCut cut_panels(const TileSet& tiles, int64_t columns) {
  const int64_t vectors = (columns + tiles.lanes - 1) / tiles.lanes;
  if (vectors == 0) return {0, 0, 0, 0};
  const int64_t count = std::max(vectors / tiles.preferred, (vectors + tiles.widest - 1) / tiles.widest);
  return {vectors, count, vectors / count, vectors % count};
}

}  // namespace omni::kernels
