// f32 attention, softmax(scale · Q Kᵀ + bias, under a mask) V, of many heads in one call, without the matrix of scores: for a block of queries the keys
// pass by in tiles, each tile's scores are weighed against the largest score so far (Milakov, Gimelshein 2018; Dao et al. 2022), and the sum of
// values is corrected when that grows.
//
// Order of the sums: by tiles of keys, which depend on the shape alone, so any number of threads gives the same bytes. A query all of whose scores are
// minus infinity, or one of whose scores is NaN, gives NaN as the softmax of its row would, or with `empty_is_zero` zeros for the first kind.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/isa.h"
#include "core/thread_pool.h"

namespace omni::kernels {

struct AttentionShape {
  int64_t queries = 0, keys = 0, size = 0, value_size = 0;
  bool keys_in_rows = true;  // K is stored [key][size], otherwise [size][key]
  int64_t items = 1;         // heads of the whole batch
  int64_t shared_keys = 1;   // so many items in a row have one K, the same K; divides items
};

struct AttentionArgs {
  AttentionShape shape;
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  float* y = nullptr;
  int64_t q_row = 0, k_row = 0, v_row = 0, y_row = 0;  // floats from one stored row to the next; a row's own values are adjacent
  float scale = 1.0f;
  const float* bias = nullptr;  // added to the scores: element (query, key) at query * bias_row + key * bias_column
  int64_t bias_row = 0, bias_column = 0;  // the second one 0 or 1
  bool bias_last = false;                 // after the mask instead of before it
  const uint8_t* mask = nullptr;          // scores whose mask is `hides` become `fill`
  int64_t mask_row = 0, mask_column = 0;
  bool hides = false;
  float fill = 0.0f;
  bool empty_is_zero = false;
  // Where each item starts, in elements; null means 0 for all.
  const int64_t *q_offsets = nullptr, *k_offsets = nullptr, *v_offsets = nullptr, *y_offsets = nullptr, *bias_offsets = nullptr, *mask_offsets = nullptr;
  std::byte* scratch = nullptr;  // attention_scratch_bytes(isa, shape), aligned to 64
};

size_t attention_scratch_bytes(core::Isa isa, const AttentionShape& shape);
void attention(core::Isa isa, const AttentionArgs& args, core::ThreadPool& pool) noexcept;

// What an instruction set does to one row of a tile of scores.
struct AttentionRow {
  // s = scale * s + bias[j * step], bias may be null
  void (*adjust)(float* s, int64_t n, float scale, const float* bias, int64_t step) noexcept;
  // s = mask[j * step] == hides ? fill : s
  void (*hide)(float* s, int64_t n, const uint8_t* mask, int64_t step, uint8_t hides, float fill) noexcept;
  // s = e^(s - best), `best` and `total` (the sum of all weights so far) brought up to date; returns what earlier weights are to be multiplied by.
  float (*weigh)(float* s, int64_t n, float* best, double* total) noexcept;
  void (*multiply)(float* y, int64_t n, float factor) noexcept;
};
AttentionRow select_attention_row(core::Isa isa);

namespace scalar {
AttentionRow attention_row();  // exponentials in double
}
namespace avx2 {
AttentionRow attention_row();
}
namespace avx512 {
AttentionRow attention_row();
}

}  // namespace omni::kernels
