// Driver of the product with block weights: how work is cut, the loops around the tile.
#include "kernels/gemm_blocks/gemm_blocks.h"

#include <algorithm>

#include "core/half.h"
#include "kernels/gemm/tile.h"
#include "kernels/x86.h"

namespace omni::kernels {

namespace {

constexpr int64_t kPieceColumns = 48;     // three groups, the widest panel that every tile set divides
constexpr int64_t kPieceSteps = 128;      // 24 KB of floats
constexpr int64_t kRowChunk = 192;        // rows that one decoded piece serves at least: decoding costs as much as eight
constexpr int64_t kFewRows = 2;           // decoded anew for each: 1.9 ms instead of 2.5 for two rows by 4096 x 4096 of 4 bits (Zen 5, busy)
constexpr int64_t kTaskWork = 1 << 20;    // multiply-adds that make a task worth handing to a thread

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

float weight(const BlockWeights& w, int64_t group, int64_t k, int64_t column) {
  const int64_t at = (group * w.blocks() + k / w.block) * kBlockColumns + column;
  const uint32_t word = w.words[(group * w.words_per_column() + k / w.steps_per_word()) * kBlockColumns + column];
  const uint32_t q = word >> (k % w.steps_per_word() * w.bits) & ((1u << w.bits) - 1);
  const float x = (static_cast<float>(q) - w.zeros[at]) * w.scales[at];
  return w.half ? core::f16_to_f32(core::f32_to_f16(x)) : x;
}

void decode(const BlockWeights& w, int64_t group, int64_t first, int64_t last, float* to, int64_t row) noexcept {
  for (int64_t k = first; k < last; ++k) {
    for (int64_t c = 0; c < kBlockColumns; ++c) to[(k - first) * row + c] = weight(w, group, k, c);
  }
}

void row_of_group(const BlockWeights& w, int64_t group, const float* a, float* sums) noexcept {
  std::fill_n(sums, kBlockColumns, 0.0f);
  for (int64_t k = 0; k < w.k; ++k) {
    for (int64_t c = 0; c < kBlockColumns; ++c) sums[c] += a[k] * weight(w, group, k, c);
  }
}

void run_few(const BlockGemmArgs& g, const BlockKernels& kernels, int64_t group) {
  float sums[kBlockColumns];
  const int64_t n0 = group * kBlockColumns, n = std::min(kBlockColumns, g.w.n - n0);
  for (int64_t r = 0; r < g.m; ++r) {
    kernels.row(g.w, group, g.a + r * g.w.k, sums);
    for (int64_t c = 0; c < n; ++c) g.c[r * g.w.n + n0 + c] = g.alpha * sums[c] + (g.bias != nullptr ? g.bias[n0 + c] : 0.0f);
  }
}

// Rows [m0, m1) times one decoded piece: columns from n0, steps from k0.
void run_piece(const BlockGemmArgs& g, const TileSet& tiles, const float* piece, int64_t n0, int64_t k0, int64_t k1, int64_t m0, int64_t m1) {
  const int64_t n = std::min(kPieceColumns, g.w.n - n0);
  const PanelCut cut = cut_panels(tiles, n);
  const float* rows[kMaxTileRows];
  TileArgs t{};
  t.rows = rows;
  t.taps = 1;
  t.steps = k1 - k0;
  t.a_step = 1;
  t.b_step = kPieceColumns;
  t.c_row = g.w.n;
  t.accumulate = k0 > 0;
  t.last = k1 == g.w.k;
  t.epilogue.alpha = g.alpha;
  for (int64_t panel = 0; panel < cut.count; ++panel) {
    const int64_t vectors = cut.width(panel), column = cut.first_vector(panel) * tiles.lanes;
    t.b = piece + column;
    t.columns = std::min(vectors * tiles.lanes, n - column);
    t.epilogue.addend = g.bias == nullptr ? nullptr : g.bias + n0 + column;
    const int64_t blocks = ceil_div(m1 - m0, tiles.max_rows[vectors - 1]);
    for (int64_t i = 0; i < blocks; ++i) {
      const int64_t row = m0 + (m1 - m0) * i / blocks, count = m0 + (m1 - m0) * (i + 1) / blocks - row;
      for (int64_t j = 0; j < count; ++j) rows[j] = g.a + (row + j) * g.w.k + k0;
      t.c = g.c + row * g.w.n + n0 + column;
      tiles.tile[vectors - 1][count - 1](t);
    }
  }
}

void run_columns(const BlockGemmArgs& g, const BlockKernels& kernels, const TileSet& tiles, int64_t n0, int64_t m0, int64_t m1) {
  alignas(64) float piece[kPieceSteps * kPieceColumns];
  const int64_t groups = ceil_div(std::min(kPieceColumns, g.w.n - n0), kBlockColumns);
  for (int64_t k0 = 0; k0 < g.w.k; k0 += kPieceSteps) {
    const int64_t k1 = std::min(g.w.k, k0 + kPieceSteps);
    for (int64_t i = 0; i < groups; ++i) kernels.decode(g.w, n0 / kBlockColumns + i, k0, k1, piece + i * kBlockColumns, kPieceColumns);
    run_piece(g, tiles, piece, n0, k0, k1, m0, m1);
  }
}

}  // namespace

BlockKernels scalar::block_kernels() { return {decode, row_of_group}; }

BlockKernels select_block_kernels(core::Isa isa) {
#if defined(__x86_64__)
  if (runs_avx512(isa)) return avx512::block_kernels();
  if (runs_avx2(isa)) return avx2::block_kernels();
#endif
  static_cast<void>(isa);
  return scalar::block_kernels();
}

void gemm_blocks(core::Isa isa, const BlockGemmArgs& g, core::ThreadPool& pool) noexcept {
  const BlockKernels kernels = select_block_kernels(isa);
  if (g.m == 0) return;
  if (g.m <= kFewRows) {
    const int64_t each = std::max<int64_t>(1, kTaskWork / std::max<int64_t>(1, 4 * g.w.k * kBlockColumns));  // bound by reading the weights
    pool.parallel_for(ceil_div(g.w.groups(), each), [&](int64_t task) {
      for (int64_t group = task * each; group < std::min(g.w.groups(), (task + 1) * each); ++group) run_few(g, kernels, group);
    });
    return;
  }
  const TileSet& tiles = tile_set(isa, kPieceColumns);
  const int64_t chunks = std::max<int64_t>(1, g.m / kRowChunk), pieces = ceil_div(g.w.n, kPieceColumns);
  const int64_t each = std::max<int64_t>(1, kTaskWork / std::max<int64_t>(1, ceil_div(g.m, chunks) * g.w.k * kPieceColumns));
  pool.parallel_for(chunks * ceil_div(pieces, each), [&](int64_t task) {
    const int64_t chunk = task % chunks, first = task / chunks * each;
    for (int64_t piece = first; piece < std::min(pieces, first + each); ++piece)
      run_columns(g, kernels, tiles, piece * kPieceColumns, g.m * chunk / chunks, g.m * (chunk + 1) / chunks);
  });
}

}  // namespace omni::kernels
