// Driver of the attention kernel: K is packed once for the items that share it, then every block of 24 queries of every item runs over the keys. Both
// products are the register tiles of the GEMM.
//
// A tile of 96 keys by a head of 64 is 24 KB of V beside 9 KB of scores: both stay in a first-level cache while a block's rows pass.
#include "kernels/attention/attention.h"

#include <algorithm>
#include <cmath>

#include "kernels/gemm/pack.h"
#include "kernels/x86.h"

namespace omni::kernels {

namespace {

constexpr int64_t kBlockRows = 24;         // a multiple of 8 and of 6 rows
constexpr int64_t kTileKeys = 96;          // most keys of a tile
constexpr int64_t kTaskWork = 1 << 20;     // multiply-adds that make a task worth handing to a thread
constexpr int64_t kPackTask = 1 << 16;     // floats of a packing task
constexpr int64_t kScratchGoal = 2 << 20;  // floats of packed keys held at once

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Plan {
  const TileSet &score, &mix;      // for the columns of the scores, and of V
  PanelCut score_cut, mix_cut;     // a last panel of one vector that is not full comes on top where `…_tail`
  bool score_tail = false, mix_tail = false;
  bool dot = false, direct = false;  // K read where it lies: rows times rows, or [size][key]
  int64_t packed = 0;                // floats of one packed K
  int64_t group = 1;                 // packed at once
  int64_t tile_panels = 1;
  int64_t blocks = 1, blocks_per_task = 1, tasks = 1;  // of queries; tasks of an item
  int64_t items_per_task = 1;
};

// B read where it lies: whole vectors, then a masked one.
PanelCut plain_cut(const TileSet& tiles, int64_t columns, bool& tail) {
  tail = columns % tiles.lanes != 0;
  return cut_panels(tiles, columns / tiles.lanes * tiles.lanes);
}

Plan make_plan(core::Isa isa, const AttentionShape& s) {
  Plan p{tile_set(isa, s.keys), tile_set(isa, s.value_size), {}, {}};
  p.dot = s.keys_in_rows && s.queries <= kMaxDotRows;
  p.direct = !s.keys_in_rows && s.queries <= p.score.max_rows[0];
  p.score_cut = p.direct ? plain_cut(p.score, s.keys, p.score_tail) : cut_panels(p.score, s.keys);
  p.mix_cut = plain_cut(p.mix, s.value_size, p.mix_tail);
  if (!p.dot && !p.direct) p.packed = packed_panel_floats(p.score, s.size, s.keys);
  const int64_t keys = s.items / s.shared_keys;
  p.group = p.packed == 0 ? keys : std::min(keys, std::max<int64_t>(1, kScratchGoal / p.packed));
  p.tile_panels = std::max<int64_t>(1, kTileKeys / (p.score.lanes * std::max<int64_t>(1, p.score_cut.base + (p.score_cut.extra > 0 ? 1 : 0))));
  p.blocks = ceil_div(s.queries, kBlockRows);
  const int64_t block_work = std::max<int64_t>(1, std::min(s.queries, kBlockRows) * s.keys * (s.size + s.value_size));
  p.blocks_per_task = std::clamp<int64_t>(kTaskWork / block_work, 1, p.blocks);
  p.tasks = ceil_div(p.blocks, p.blocks_per_task);
  if (p.tasks == 1) p.items_per_task = std::max<int64_t>(1, kTaskWork / (block_work * p.blocks));
  return p;
}

int64_t at(const int64_t* offsets, int64_t item) { return offsets != nullptr ? offsets[item] : 0; }

// `count` rows of A times one panel of B of `vectors` vectors: C of t.columns columns. `t` has what does not change from row to row.
void run_panel(const TileSet& tiles, int64_t vectors, bool masked, TileArgs& t, const float* a, int64_t a_row, int64_t count, float* c) {
  const float* rows[kMaxTileRows];
  t.rows = rows;
  t.taps = 1;
  t.a_step = 1;
  t.last = true;
  const float* const addend = t.epilogue.addend;
  const int64_t blocks = ceil_div(count, tiles.max_rows[vectors - 1]);
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t row = count * i / blocks, n = count * (i + 1) / blocks - row;
    for (int64_t j = 0; j < n; ++j) rows[j] = a + (row + j) * a_row;
    t.c = c + row * t.c_row;
    if (addend != nullptr) t.epilogue.addend = addend + row * t.epilogue.addend_row;
    (masked ? tiles.masked[n - 1] : tiles.tile[vectors - 1][n - 1])(t);
  }
  t.epilogue.addend = addend;
}

// What a block carries from tile to tile; not worth clearing.
struct Work {
  float scores[kBlockRows * kTileKeys];
  float best[kBlockRows];
  double total[kBlockRows];
};

// One block of queries of one item.
struct Block {
  const AttentionArgs& args;
  const Plan& p;
  const AttentionRow& row;
  const float *q, *k, *v;  // k: packed, or where it lies
  float* y;
  const float* bias;
  const uint8_t* mask;
  int64_t rows;
  Work& w;

  // Scores of keys [first, first + keys), which are panels [panel, last).
  void score(int64_t panel, int64_t last, int64_t first, int64_t keys) {
    const AttentionShape& s = args.shape;
    if (p.dot) return p.score.dot(q, args.q_row, rows, k + first * args.k_row, args.k_row, keys, s.size, w.scores, kTileKeys);
    for (; panel < last; ++panel) {
      const bool masked = panel == p.score_cut.count;
      const int64_t vectors = masked ? 1 : p.score_cut.width(panel), column = p.score_cut.first_vector(panel) * p.score.lanes;
      TileArgs t{};
      t.steps = s.size;
      t.b = p.direct ? k + column : k + s.size * column;
      t.b_step = p.direct ? args.k_row : vectors * p.score.lanes;
      t.c_row = kTileKeys;
      t.columns = std::min(vectors * p.score.lanes, s.keys - column);
      t.epilogue.alpha = args.scale;
      if (bias != nullptr && !args.bias_last) {
        t.epilogue.addend = bias + column * args.bias_column;
        t.epilogue.addend_row = args.bias_row;
        t.epilogue.addend_column = args.bias_column;
      }
      run_panel(p.score, vectors, masked, t, q, args.q_row, rows, w.scores + column - first);
    }
  }

  // What the scores still lack, and the weights they are.
  void weigh(int64_t first, int64_t keys) {
    for (int64_t r = 0; r < rows; ++r) {
      float* const s = w.scores + r * kTileKeys;
      const float* const b = bias == nullptr ? nullptr : bias + r * args.bias_row + first * args.bias_column;
      if (p.dot) row.adjust(s, keys, args.scale, args.bias_last ? nullptr : b, args.bias_column);
      if (mask != nullptr) {
        row.hide(s, keys, mask + r * args.mask_row + first * args.mask_column, args.mask_column, static_cast<uint8_t>(args.hides), args.fill);
      }
      if (b != nullptr && args.bias_last) row.adjust(s, keys, 1.0f, b, args.bias_column);
      const float correction = row.weigh(s, keys, &w.best[r], &w.total[r]);
      if (first > 0 && correction != 1.0f) row.multiply(y + r * args.y_row, args.shape.value_size, correction);
    }
  }

  // Adds the values of the keys by their weights.
  void mix(int64_t first, int64_t keys) {
    const AttentionShape& s = args.shape;
    const int64_t panels = p.mix_cut.count + (p.mix_tail ? 1 : 0);
    for (int64_t panel = 0; panel < panels; ++panel) {
      const bool masked = panel == p.mix_cut.count;
      const int64_t vectors = masked ? 1 : p.mix_cut.width(panel), column = p.mix_cut.first_vector(panel) * p.mix.lanes;
      TileArgs t{};
      t.steps = keys;
      t.b = v + first * args.v_row + column;
      t.b_step = args.v_row;
      t.c_row = args.y_row;
      t.columns = std::min(vectors * p.mix.lanes, s.value_size - column);
      t.accumulate = first > 0;
      run_panel(p.mix, vectors, masked, t, w.scores, kTileKeys, rows, y + column);
    }
  }

  void run() {
    const AttentionShape& s = args.shape;
    std::fill_n(w.best, rows, -INFINITY);
    std::fill_n(w.total, rows, 0.0);
    const int64_t panels = p.score_cut.count + (p.score_tail ? 1 : 0);
    for (int64_t panel = 0; panel < panels; panel += p.tile_panels) {
      const int64_t last = std::min(panels, panel + p.tile_panels), first = p.score_cut.first_vector(panel) * p.score.lanes;
      const int64_t end = last == panels ? s.keys : p.score_cut.first_vector(last) * p.score.lanes;
      score(panel, last, first, end - first);
      weigh(first, end - first);
      mix(first, end - first);
    }
    for (int64_t r = 0; r < rows; ++r) {
      float* const out = y + r * args.y_row;
      if (s.keys == 0 || (args.empty_is_zero && w.total[r] == 0)) {
        std::fill_n(out, s.value_size, 0.0f);
      } else {
        row.multiply(out, s.value_size, static_cast<float>(1.0 / w.total[r]));
      }
    }
  }
};

bool empty(const AttentionShape& s) { return s.items == 0 || s.queries == 0 || s.value_size == 0; }

void run_item(const AttentionArgs& a, const Plan& p, const AttentionRow& row, int64_t item, const float* packed, int64_t first_block, int64_t last_block) {
  const float* const k = packed != nullptr ? packed : a.k + at(a.k_offsets, item);
  Work work;
  for (int64_t block = first_block; block < last_block; ++block) {
    const int64_t m0 = a.shape.queries * block / p.blocks, m1 = a.shape.queries * (block + 1) / p.blocks;
    Block b{a, p, row, a.q + at(a.q_offsets, item) + m0 * a.q_row, k, a.v + at(a.v_offsets, item), a.y + at(a.y_offsets, item) + m0 * a.y_row,
            a.bias == nullptr ? nullptr : a.bias + at(a.bias_offsets, item) + m0 * a.bias_row,
            a.mask == nullptr ? nullptr : a.mask + at(a.mask_offsets, item) + m0 * a.mask_row, m1 - m0, work};
    b.run();
  }
}

void pack_keys(const AttentionArgs& a, const Plan& p, int64_t first, int64_t count, core::ThreadPool& pool) {
  const AttentionShape& s = a.shape;
  const int64_t each = std::clamp<int64_t>(p.packed / kPackTask, 1, std::max<int64_t>(1, p.score_cut.count));
  pool.parallel_for(count * each, [&](int64_t task) {
    const int64_t slot = task / each, part = task % each;
    const float* const k = a.k + at(a.k_offsets, (first + slot) * s.shared_keys);
    const MatrixView view{k, s.keys_in_rows ? 1 : a.k_row, s.keys_in_rows ? a.k_row : 1};
    pack_panels(p.score, view, s.size, s.keys, p.score_cut.count * part / each, p.score_cut.count * (part + 1) / each,
                reinterpret_cast<float*>(a.scratch) + slot * p.packed);
  });
}

}  // namespace

AttentionRow select_attention_row(core::Isa isa) {
#if defined(__x86_64__)
  if (runs_avx512(isa)) return avx512::attention_row();
  if (runs_avx2(isa)) return avx2::attention_row();
#endif
  static_cast<void>(isa);
  return scalar::attention_row();
}

size_t attention_scratch_bytes(core::Isa isa, const AttentionShape& shape) {
  if (empty(shape)) return 0;
  const Plan p = make_plan(isa, shape);
  return static_cast<size_t>(p.group * p.packed) * sizeof(float);
}

void attention(core::Isa isa, const AttentionArgs& a, core::ThreadPool& pool) noexcept {
  const AttentionShape& s = a.shape;
  if (empty(s)) return;
  const Plan p = make_plan(isa, s);
  const AttentionRow row = select_attention_row(isa);
  for (int64_t first = 0; first < s.items / s.shared_keys; first += p.group) {
    const int64_t keys = std::min(p.group, s.items / s.shared_keys - first), items = keys * s.shared_keys;
    if (p.packed != 0) pack_keys(a, p, first, keys, pool);
    pool.parallel_for(ceil_div(items, p.items_per_task) * p.tasks, [&](int64_t task) {
      const int64_t block = task % p.tasks * p.blocks_per_task, from = task / p.tasks * p.items_per_task;
      for (int64_t i = from; i < std::min(items, from + p.items_per_task); ++i) {
        const float* const packed = p.packed == 0 ? nullptr : reinterpret_cast<const float*>(a.scratch) + i / s.shared_keys * p.packed;
        run_item(a, p, row, first * s.shared_keys + i, packed, block, std::min(p.blocks, block + p.blocks_per_task));
      }
    });
  }
}

}  // namespace omni::kernels
