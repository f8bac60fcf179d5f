// GPTQ (Frantar, Ashkboos, Hoefler, Alistarh 2022, arXiv 2210.17323): weights are rounded column by column, and what rounding does to the outputs is
// made up for by the columns that are not rounded yet, by the inverse of the inputs' Gram matrix H = X^T X.
#pragma once

#include "compress/quantize/blocks.h"
#include "core/thread_pool.h"

namespace omni::compress {

struct GptqOptions {
  int64_t group = 32;
  int levels = 15;
  double damping = 0.01;  // of the mean diagonal, added to it: 0.01 to 0.1
  // The columns with the largest inputs first. Blocks stay those of neighbours, with parameters from the weights as they were; without it, parameters are
  // chosen when a block's turn comes.
  bool act_order = true;
  BlockChoice choice = BlockChoice::kGrid;
};

// `matrix` f32 [rows, K]; `gram` f32 [groups, K, K], the rows of group g reading H[g]. Inputs that were always 0 are rounded to nearest. The result is the
// same for any number of threads. Throws Error (kInvalidData) when H is not positive definite in spite of the damping (it holds numbers that are not finite).
BlockWeights quantize_gptq(const Tensor& matrix, const Tensor& gram, const GptqOptions& options, ThreadPool& pool);

// tr(D H D^T) with D = a − b, rows as above: the squared error at the outputs.
double output_error(const Tensor& a, const Tensor& b, const Tensor& gram);

}  // namespace omni::compress
