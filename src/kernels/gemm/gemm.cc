// Driver of the f32 GEMM: which operands are packed, how work is cut, the loops around the tile.
//
// Loops of a task (a chunk of rows x a chunk of panels): k blocks, panels, row blocks. The rows of A of a chunk (48 x 1024 floats, 192 KB) and one
// panel (at most 256 KB) stay in the second-level cache; a panel is read from memory once per row chunk. Blocks of 512 steps lost 1 to 5 % at
// 1024 x 1024 x 1024 on Zen 4, chunks of 96 rows 1 to 4 %.
#include "kernels/gemm/gemm.h"

#include <algorithm>

#include "kernels/gemm/pack.h"

namespace omni::kernels {

namespace {

constexpr int64_t kRowChunk = 48;          // a multiple of 8 and of 6 rows
constexpr int64_t kFewRows = 96;           // up to so many are one chunk
constexpr int64_t kBlockK = 1024;          // most steps of one pass over a tile
constexpr int64_t kTaskWork = 1 << 20;     // multiply-adds that make a task worth handing to a thread (tens of microseconds)
constexpr int64_t kPackTask = 1 << 16;     // floats of a packing task
constexpr int64_t kScratchGoal = 2 << 20;  // floats of packed operands of a batch held at once

int64_t up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }
int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Everything that follows from the shape.
struct Plan {
  const TileSet& tiles;
  PanelCut cut;
  bool dot = false;     // rows of A times rows of B
  bool direct = false;  // B read where it lies, [k][n]
  bool tail = false;    // direct: a last panel of one vector that is not full, for the masked tile
  bool pack_a = false, pack_b = false;
  int64_t a_row = 0;  // of transposed A in scratch
  int64_t a_floats = 0, b_floats = 0;
  int64_t group = 1;  // products of the batch packed at once
  int64_t blocks_k = 1, block_k = 0;
  int64_t row_chunk = 1, row_chunks = 1, panels = 0, panels_per_task = 1, panel_chunks = 1;
};

Plan make_plan(core::Isa isa, const GemmShape& s) {
  Plan p{tile_set(isa, s.n), {}};
  p.cut = cut_panels(p.tiles, s.n);
  p.dot = s.dot && !s.packed_b && s.trans_b && !s.trans_a && s.m <= kMaxDotRows;
  p.direct = !s.packed_b && !s.trans_b && s.m <= p.tiles.max_rows[0];
  p.pack_b = !s.packed_b && !p.dot && !p.direct;
  p.pack_a = s.trans_a && s.m > kMaxTileRows;
  // Rows a multiple of 4 KB apart share their cache sets.
  p.a_row = up(s.k, 16) % 512 == 0 ? up(s.k, 16) + 16 : up(s.k, 16);
  if (p.pack_a) p.a_floats = p.a_row * s.m;
  if (p.pack_b) p.b_floats = up(packed_panel_floats(p.tiles, s.k, s.n), 16);
  if (p.direct) {
    p.cut = cut_panels(p.tiles, s.n / p.tiles.lanes * p.tiles.lanes);
    p.tail = s.n % p.tiles.lanes != 0;
  }
  const int64_t floats = p.a_floats + p.b_floats;
  p.group = floats == 0 ? s.batch : std::min(s.batch, std::max<int64_t>(1, kScratchGoal / floats));
  p.blocks_k = std::max<int64_t>(1, ceil_div(s.k, kBlockK));
  p.block_k = up(ceil_div(s.k, p.blocks_k), 8);
  p.blocks_k = std::max<int64_t>(1, ceil_div(s.k, std::max<int64_t>(1, p.block_k)));
  p.row_chunk = s.m <= kFewRows ? std::max<int64_t>(1, s.m) : kRowChunk;
  p.row_chunks = ceil_div(s.m, p.row_chunk);
  const int64_t rows = std::max<int64_t>(std::min(s.m, p.row_chunk), 4);  // few rows are bound by reading B
  const int64_t panel_work = std::max<int64_t>(1, rows * s.k * p.tiles.lanes * std::max<int64_t>(1, p.cut.base));
  p.panels = p.cut.count + (p.tail ? 1 : 0);
  p.panels_per_task = std::max<int64_t>(1, std::min(p.panels, ceil_div(kTaskWork, panel_work)));
  p.panel_chunks = ceil_div(p.panels, p.panels_per_task);
  return p;
}

// One product of the batch, operands where the tiles read them.
struct Product {
  const float* a;
  int64_t a_row, a_step;
  const float* b;
  float* c;
  const float* addend;
};

Product product_of(const GemmArgs& g, const Plan& p, int64_t item, int64_t slot) {
  Product r{};
  r.a = g.a + (g.a_offsets != nullptr ? g.a_offsets[item] : 0);
  r.a_row = g.shape.trans_a ? 1 : g.a_row;
  r.a_step = g.shape.trans_a ? g.a_row : 1;
  r.b = g.b + (g.b_offsets != nullptr ? g.b_offsets[item] : 0);
  r.c = g.c + (g.c_offsets != nullptr ? g.c_offsets[item] : 0);
  r.addend = g.epilogue.addend;
  if (r.addend != nullptr && g.addend_offsets != nullptr) r.addend += g.addend_offsets[item];
  float* const scratch = reinterpret_cast<float*>(g.scratch) + slot * (p.a_floats + p.b_floats);
  if (p.pack_b) r.b = scratch;
  if (p.pack_a) {
    r.a = scratch + p.b_floats;
    r.a_row = p.a_row;
    r.a_step = 1;
  }
  return r;
}

void pack_operands(const GemmArgs& g, const Plan& p, int64_t first_item, int64_t items, core::ThreadPool& pool) {
  const GemmShape& s = g.shape;
  const int64_t b_tasks = p.pack_b ? std::min(p.cut.count, std::max<int64_t>(1, p.b_floats / kPackTask)) : 0;
  const int64_t a_tasks = p.pack_a ? std::min(ceil_div(s.m, 4), std::max<int64_t>(1, p.a_floats / kPackTask)) : 0;
  const int64_t each = a_tasks + b_tasks;
  pool.parallel_for(items * each, [&](int64_t task) {
    const int64_t item = first_item + task / each, part = task % each;
    const Product r = product_of(g, p, item, task / each);
    if (part < b_tasks) {
      const float* const b = g.b + (g.b_offsets != nullptr ? g.b_offsets[item] : 0);
      const MatrixView view{b, s.trans_b ? 1 : g.b_row, s.trans_b ? g.b_row : 1};
      pack_panels(p.tiles, view, s.k, s.n, p.cut.count * part / b_tasks, p.cut.count * (part + 1) / b_tasks, const_cast<float*>(r.b));
      return;
    }
    const int64_t i = part - b_tasks, quads = ceil_div(s.m, 4);
    const int64_t m0 = quads * i / a_tasks * 4, m1 = std::min(s.m, quads * (i + 1) / a_tasks * 4);
    const float* const a = g.a + (g.a_offsets != nullptr ? g.a_offsets[item] : 0);
    transpose(a + m0, g.a_row, s.k, m1 - m0, const_cast<float*>(r.a) + m0 * r.a_row, r.a_row);
  });
}

// Rows [m0, m1) times one panel over k block [k0, k1).
void run_panel(const GemmArgs& g, const Plan& p, const Product& r, int64_t panel, int64_t m0, int64_t m1, int64_t k0, int64_t k1) {
  const GemmShape& s = g.shape;
  const bool masked = panel == p.cut.count;
  const int64_t vectors = masked ? 1 : p.cut.width(panel), column = p.cut.first_vector(panel) * p.tiles.lanes, width = vectors * p.tiles.lanes;
  const float* rows[kMaxTileRows];
  TileArgs t{};
  t.rows = rows;
  t.taps = 1;
  t.steps = k1 - k0;
  t.a_step = r.a_step;
  t.b = p.direct ? r.b + k0 * g.b_row + column : r.b + s.k * column + k0 * width;
  t.b_step = p.direct ? g.b_row : width;
  t.c_row = g.c_row;
  t.columns = std::min(width, s.n - column);
  t.accumulate = k0 > 0;
  t.last = k1 == s.k;
  t.epilogue = g.epilogue;
  const int64_t blocks = ceil_div(m1 - m0, p.tiles.max_rows[vectors - 1]);
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t row = m0 + (m1 - m0) * i / blocks, count = m0 + (m1 - m0) * (i + 1) / blocks - row;
    for (int64_t j = 0; j < count; ++j) rows[j] = r.a + (row + j) * r.a_row + k0 * r.a_step;
    t.c = r.c + row * g.c_row + column;
    if (r.addend != nullptr) t.epilogue.addend = r.addend + row * g.epilogue.addend_row + column * g.epilogue.addend_column;
    if (g.epilogue.residual != nullptr) t.epilogue.residual = g.epilogue.residual + row * g.epilogue.residual_row + column;
    (masked ? p.tiles.masked[count - 1] : p.tiles.tile[vectors - 1][count - 1])(t);
  }
}

void run_dot(const GemmArgs& g, const Plan& p, const Product& r, int64_t n0, int64_t n1) {
  const GemmShape& s = g.shape;
  const Epilogue& e = g.epilogue;
  constexpr int64_t kColumns = 64;
  float sums[kMaxDotRows * kColumns];
  for (int64_t n = n0; n < n1; n += kColumns) {
    const int64_t count = std::min(kColumns, n1 - n);
    p.tiles.dot(r.a, r.a_row, s.m, r.b + n * g.b_row, g.b_row, count, s.k, sums, kColumns);
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = 0; j < count; ++j) {
        float y = e.alpha * sums[i * kColumns + j];
        if (r.addend != nullptr) y += e.beta * r.addend[i * e.addend_row + (n + j) * e.addend_column];
        if (e.residual != nullptr) y += e.residual[i * e.residual_row + n + j];
        if (e.clamp && y < e.lo) y = e.lo;
        if (e.clamp && y > e.hi) y = e.hi;
        r.c[i * g.c_row + n + j] = y;
      }
    }
  }
}

void run_task(const GemmArgs& g, const Plan& p, const Product& r, int64_t row_chunk, int64_t panel_chunk) {
  const GemmShape& s = g.shape;
  const int64_t first = panel_chunk * p.panels_per_task, last = std::min(p.panels, first + p.panels_per_task);
  if (p.dot) {
    const int64_t n1 = last == p.cut.count ? s.n : p.cut.first_vector(last) * p.tiles.lanes;
    return run_dot(g, p, r, p.cut.first_vector(first) * p.tiles.lanes, n1);
  }
  const int64_t m0 = row_chunk * p.row_chunk, m1 = std::min(s.m, m0 + p.row_chunk);
  for (int64_t block = 0; block < p.blocks_k; ++block) {
    const int64_t k0 = block * p.block_k, k1 = std::min(s.k, k0 + p.block_k);
    for (int64_t panel = first; panel < last; ++panel) run_panel(g, p, r, panel, m0, m1, k0, k1);
  }
}

}  // namespace

size_t gemm_packed_b_bytes(core::Isa isa, int64_t k, int64_t n) {
  return static_cast<size_t>(packed_panel_floats(tile_set(isa, n), k, n)) * sizeof(float);
}

void gemm_pack_b(core::Isa isa, int64_t k, int64_t n, bool trans_b, const float* b, int64_t b_row, float* packed) {
  const TileSet& tiles = tile_set(isa, n);
  pack_panels(tiles, {b, trans_b ? 1 : b_row, trans_b ? b_row : 1}, k, n, 0, cut_panels(tiles, n).count, packed);
}

size_t gemm_scratch_bytes(core::Isa isa, const GemmShape& shape) {
  const Plan p = make_plan(isa, shape);
  return static_cast<size_t>(p.group * (p.a_floats + p.b_floats)) * sizeof(float);
}

void gemm(core::Isa isa, const GemmArgs& g, core::ThreadPool& pool) noexcept {
  const Plan p = make_plan(isa, g.shape);
  const int64_t each = p.row_chunks * p.panel_chunks;
  if (each == 0) return;
  for (int64_t first = 0; first < g.shape.batch; first += p.group) {
    const int64_t items = std::min(p.group, g.shape.batch - first);
    if (p.pack_a || p.pack_b) pack_operands(g, p, first, items, pool);
    pool.parallel_for(items * each, [&](int64_t task) {
      const int64_t slot = task / each, part = task % each;
      // As many bytes are read again either way, but those of the smaller operand come from a nearer cache: 9 % at 512 x 32000 x 512 (Zen 5).
      const bool rows_first = g.shape.m < g.shape.n;
      run_task(g, p, product_of(g, p, first + slot, slot), rows_first ? part % p.row_chunks : part / p.panel_chunks,
               rows_first ? part / p.row_chunks : part % p.panel_chunks);
    });
  }
}

}  // namespace omni::kernels
