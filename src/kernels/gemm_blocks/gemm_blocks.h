// f32 matrix product C = A W with weights of 4 or 8 bits, one scale and zero point for a block of steps in a column:
//   W[k][n] = (q[k][n] - zero[k / block][n]) * scale[k / block][n], rounded to half precision where `half`.
// The weights stay as small as they are: each is made a float in a register (few rows of A) or in a piece of W that stays in the first-level
// cache while the rows pass, for the tiles of the f32 GEMM.
//
// Weights are packed by 16 columns: [columns / 16][steps / (32 / bits)][16] words of 32 bits, a word holds one column's next steps, the first one lowest.
// Each sum runs over the steps in order, in pieces that depend on the shape alone: any number of threads gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/isa.h"
#include "core/thread_pool.h"

namespace omni::kernels {

inline constexpr int64_t kBlockColumns = 16;

struct BlockWeights {
  int64_t k = 0, n = 0;
  int bits = 4;         // or 8
  int64_t block = 32;   // steps; a multiple of 32 / bits
  bool half = false;
  const uint32_t* words = nullptr;  // [groups][block_words(w)][16]
  const float* scales = nullptr;    // [groups][blocks][16]
  const float* zeros = nullptr;     // the same

  int64_t groups() const { return (n + kBlockColumns - 1) / kBlockColumns; }
  int64_t blocks() const { return (k + block - 1) / block; }
  int64_t steps_per_word() const { return 32 / bits; }
  int64_t words_per_column() const { return (k + steps_per_word() - 1) / steps_per_word(); }
};

struct BlockGemmArgs {
  BlockWeights w;
  int64_t m = 0;
  const float* a = nullptr;     // [m][k]
  const float* bias = nullptr;  // [n] or null
  float* c = nullptr;           // [m][n]
  float alpha = 1.0f;           // of the sum, not of the bias
};

void gemm_blocks(core::Isa isa, const BlockGemmArgs& args, core::ThreadPool& pool) noexcept;

// What an instruction set does with one group of 16 columns.
struct BlockKernels {
  // Steps [first, last) of a group as floats, `row` floats apart; `first` is where a word starts.
  void (*decode)(const BlockWeights& w, int64_t group, int64_t first, int64_t last, float* to, int64_t row) noexcept;
  // sums[16] of one row of A with all steps of a group.
  void (*row)(const BlockWeights& w, int64_t group, const float* a, float* sums) noexcept;
};
BlockKernels select_block_kernels(core::Isa isa);

namespace scalar {
BlockKernels block_kernels();
}
namespace avx2 {
BlockKernels block_kernels();
}
namespace avx512 {
BlockKernels block_kernels();
}

}  // namespace omni::kernels
