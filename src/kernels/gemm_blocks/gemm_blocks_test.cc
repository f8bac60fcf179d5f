// Products with block weights against the definition in double: both widths, tails of every size, half rounding, threads.
#include "kernels/gemm_blocks/gemm_blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "core/half.h"

namespace omni::kernels {
namespace {

struct Weights {
  BlockWeights w;
  std::vector<uint32_t> words;
  std::vector<float> scales, zeros;
  std::vector<double> values;  // [k][n]
};

Weights make(int64_t k, int64_t n, int bits, int64_t block, bool half) {
  Weights r;
  r.w = {k, n, bits, block, half};
  const BlockWeights& w = r.w;
  r.words.assign(static_cast<size_t>(w.groups() * w.words_per_column() * kBlockColumns), 0);
  r.scales.assign(static_cast<size_t>(w.groups() * w.blocks() * kBlockColumns), 0);
  r.zeros = r.scales;
  for (size_t i = 0; i < r.scales.size(); ++i) {
    r.scales[i] = 0.01f + 0.001f * static_cast<float>(i % 7);
    if (half) r.scales[i] = core::f16_to_f32(core::f32_to_f16(r.scales[i]));
    r.zeros[i] = static_cast<float>(i % (bits == 4 ? 16 : 256));
  }
  r.values.resize(static_cast<size_t>(k * n));
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const uint32_t q = static_cast<uint32_t>(i * 7 + j * 13 + i * j) & ((1u << bits) - 1);
      const int64_t group = j / kBlockColumns, column = j % kBlockColumns, at = (group * w.blocks() + i / block) * kBlockColumns + column;
      r.words[static_cast<size_t>((group * w.words_per_column() + i / w.steps_per_word()) * kBlockColumns + column)] |= q << (i % w.steps_per_word() * bits);
      float x = (static_cast<float>(q) - r.zeros[static_cast<size_t>(at)]) * r.scales[static_cast<size_t>(at)];
      if (half) x = core::f16_to_f32(core::f32_to_f16(x));
      r.values[static_cast<size_t>(i * n + j)] = static_cast<double>(x);
    }
  }
  r.w.words = r.words.data();
  r.w.scales = r.scales.data();
  r.w.zeros = r.zeros.data();
  return r;
}

void check(const Weights& weights, int64_t m, bool with_bias) {
  const BlockWeights& w = weights.w;
  std::vector<float> a(static_cast<size_t>(m * w.k)), bias(static_cast<size_t>(w.n), 0.5f);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(std::sin(static_cast<double>(i) * 1.3));
  core::ThreadPool one(1), five(5);
  for (const core::Isa isa : core::available_isas()) {
    std::vector<float> c(static_cast<size_t>(m * w.n) + 1, 77), again = c;
    BlockGemmArgs args{w, m, a.data(), with_bias ? bias.data() : nullptr, c.data(), 0.5f};
    gemm_blocks(isa, args, one);
    EXPECT_EQ(c.back(), 77);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < w.n; ++j) {
        double sum = 0, size = 0;
        for (int64_t s = 0; s < w.k; ++s) {
          const double x = static_cast<double>(a[static_cast<size_t>(i * w.k + s)]) * weights.values[static_cast<size_t>(s * w.n + j)];
          sum += x;
          size += std::fabs(x);
        }
        // A sum of k rounded products: k/2 units of the last place of half its size bound what was measured with a factor of ten to spare.
        ASSERT_NEAR(c[static_cast<size_t>(i * w.n + j)], 0.5 * sum + (with_bias ? 0.5 : 0), 1e-6 * size + 1e-6) << i << " " << j;
      }
    }
    args.c = again.data();
    gemm_blocks(isa, args, five);
    ASSERT_EQ(std::memcmp(c.data(), again.data(), c.size() * sizeof(float)), 0);
  }
}

TEST(GemmBlocks, EveryWidthAndTail) {
  for (const int bits : {4, 8}) {
    for (const int64_t k : {1, 8, 37, 96, 300}) {
      for (const int64_t n : {1, 16, 50, 129}) {
        const Weights weights = make(k, n, bits, 32, false);
        for (const int64_t m : {1, 2, 3, 4, 5, 40}) check(weights, m, m % 2 == 0);
      }
    }
  }
}

TEST(GemmBlocks, HalfRoundingAndBlocks) {
  for (const int bits : {4, 8}) {
    for (const int64_t block : {8, 64, 128}) {
      const Weights weights = make(200, 33, bits, block, true);
      for (const int64_t m : {1, 3, 9, 400}) check(weights, m, true);
    }
  }
}

}  // namespace
}  // namespace omni::kernels
