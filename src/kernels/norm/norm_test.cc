// Batch normalization kernels: every instruction set against double, thread counts, large means.
#include "kernels/norm/norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace omni::kernels {
namespace {

using core::Isa;
using core::ThreadPool;

std::vector<float> values(int64_t n, uint32_t seed, float offset) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = uniform(engine) + offset;
  return v;
}

void expect_near(const std::vector<float>& got, const std::vector<float>& want, double tolerance, Isa isa, const NormShape& s) {
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], tolerance * std::max(1.0f, std::abs(want[i])))
        << core::isa_name(isa) << " " << s.rows << "x" << s.channels << " at " << i;
  }
}

const NormShape kShapes[] = {{1, 1}, {5, 3}, {300, 16}, {1001, 37}, {4000, 6}, {64, 1200}};

// f(isa, pool, first run of this shape and isa)
template <class F>
void each(F&& f) {
  for (const NormShape& s : kShapes) {
    for (const Isa isa : core::available_isas()) {
      for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        f(s, isa, pool);
      }
    }
  }
}

// Equal bytes for every thread count of a shape and instruction set: `first` is filled by one thread.
void same_bytes(ThreadPool& pool, std::vector<float>& first, const std::vector<float>& now) {
  if (pool.threads() == 1) first = now;
  EXPECT_EQ(0, std::memcmp(first.data(), now.data(), now.size() * sizeof(float)));
}

TEST(Norm, SumsAndMoments) {
  std::vector<float> first_sums, first_means, first_variances;
  each([&](const NormShape& s, Isa isa, ThreadPool& pool) {
    const std::vector<float> x = values(s.rows * s.channels + 1, 1, 30.0f);
    const size_t c = static_cast<size_t>(s.channels);
    std::vector<float> sums(c), mean(c), variance(c), want_sums(c), want_mean(c), want_variance(c);
    std::vector<std::byte> scratch(norm_scratch_bytes(s));
    column_sums_reference(s, x.data() + 1, want_sums.data());
    batch_moments_reference(s, x.data() + 1, want_mean.data(), want_variance.data());
    column_sums(isa, s, x.data() + 1, sums.data(), scratch.data(), pool);
    batch_moments(isa, s, x.data() + 1, mean.data(), variance.data(), scratch.data(), pool);
    expect_near(sums, want_sums, 2e-6, isa, s);
    expect_near(mean, want_mean, 1e-6, isa, s);
    expect_near(variance, want_variance, 2e-5, isa, s);
    same_bytes(pool, first_sums, sums);
    same_bytes(pool, first_means, mean);
    same_bytes(pool, first_variances, variance);
  });
}

TEST(Norm, Gradient) {
  std::vector<float> first;
  each([&](const NormShape& s, Isa isa, ThreadPool& pool) {
    const std::vector<float> x = values(s.rows * s.channels, 1, 2.0f), dy = values(s.rows * s.channels, 2, 0.1f), scale = values(s.channels, 3, 1.5f);
    const size_t c = static_cast<size_t>(s.channels);
    std::vector<float> mean(c), inverse(c), dx(x.size()), dscale(c), dshift(c), want_dx(x.size()), want_dscale(c), want_dshift(c);
    batch_moments_reference(s, x.data(), mean.data(), inverse.data());
    for (float& v : inverse) v = 1 / std::sqrt(v + 1e-5f);
    std::vector<std::byte> scratch(norm_scratch_bytes(s));
    batch_norm_grad_reference(
        {s, x.data(), dy.data(), mean.data(), inverse.data(), scale.data(), want_dx.data(), want_dscale.data(), want_dshift.data(), nullptr});
    batch_norm_grad(isa, {s, x.data(), dy.data(), mean.data(), inverse.data(), scale.data(), dx.data(), dscale.data(), dshift.data(), scratch.data()},
                    pool);
    if (s.rows > 1) expect_near(dx, want_dx, 2e-5, isa, s);
    if (s.rows > 1) expect_near(dscale, want_dscale, 1e-4, isa, s);
    expect_near(dshift, want_dshift, 2e-5, isa, s);
    same_bytes(pool, first, dx);
  });
}

TEST(Norm, ScaleShift) {
  each([&](const NormShape& s, Isa isa, ThreadPool& pool) {
    const std::vector<float> x = values(s.rows * s.channels, 1, 0), scale = values(s.channels, 3, 0), shift = values(s.channels, 4, 0);
    std::vector<float> y(x.size()), want(x.size()), planes(x.size());
    for (size_t i = 0; i < x.size(); ++i) want[i] = x[i] * scale[i % scale.size()] + shift[i % scale.size()];
    scale_shift(isa, {s, x.data(), scale.data(), shift.data(), y.data()}, pool);
    expect_near(y, want, 1e-6, isa, s);
    for (size_t i = 0; i < x.size(); ++i) {  // one image: channel is the slow index
      const size_t c = i / static_cast<size_t>(s.rows);
      want[i] = x[i] * scale[c] + shift[c];
    }
    scale_shift_planes(isa, {s, x.data(), scale.data(), shift.data(), planes.data()}, s.rows, pool);
    expect_near(planes, want, 1e-6, isa, s);
  });
}

}  // namespace
}  // namespace omni::kernels
