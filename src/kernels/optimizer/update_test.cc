#include "kernels/optimizer/update.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace omni::kernels {
namespace {

using core::Isa;

std::vector<float> numbers(size_t n, unsigned seed, float low, float high) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> out(n);
  for (float& x : out) x = uniform(engine);
  return out;
}

constexpr int64_t kSizes[] = {0, 1, 7, 8, 15, 16, 17, 33, 1000, kUpdateGrain + 5};

// torch.optim.SGD in double.
TEST(Update, SgdAgainstDouble) {
  core::ThreadPool pool(2);
  for (const Isa isa : core::available_isas()) {
    for (const int64_t n : kSizes) {
      const auto w = numbers(n + 1, 1, -1, 1), g = numbers(n + 1, 2, -1, 1), v = numbers(n + 1, 3, -1, 1);
      for (const int form : {0, 1, 2}) {
        const SgdStep step{.rate = 0.05f, .scale = 0.5f, .decay = 0.01f, .momentum = form == 0 ? 0.0f : 0.9f, .nesterov = form == 2};
        std::vector<float> new_w(n + 1, 7.0f), new_v(n + 1, 7.0f);
        run_sgd(select_update(isa).sgd, w.data() + 1, g.data() + 1, form == 0 ? nullptr : v.data() + 1, new_w.data() + 1, new_v.data() + 1, n, step, pool);
        for (int64_t i = 1; i <= n; ++i) {
          const double d = double(step.scale) * g[i] + double(step.decay) * w[i];
          const double velocity = form == 0 ? d : double(step.momentum) * v[i] + d;
          const double move = form == 2 ? d + double(step.momentum) * velocity : velocity;
          ASSERT_NEAR(new_w[i], w[i] - double(step.rate) * move, 2e-7) << isa_name(isa) << " n " << n << " i " << i;
          if (form != 0) { ASSERT_NEAR(new_v[i], velocity, 3e-7); }
        }
        EXPECT_EQ(new_w[0], 7.0f);
        EXPECT_EQ(new_v[0], 7.0f);
      }
    }
  }
}

TEST(Update, AdamAgainstDouble) {
  core::ThreadPool pool(2);
  for (const Isa isa : core::available_isas()) {
    for (const int64_t n : kSizes) {
      const auto w = numbers(n, 1, -1, 1), g = numbers(n, 2, -1, 1), m = numbers(n, 3, -1, 1), v = numbers(n, 4, 0, 1);
      const AdamStep step{.rate = 0.01f, .scale = 0.25f, .decay = 0.01f, .keep = 0.999f, .one_minus_beta1 = 0.1f, .beta2 = 0.999f,
                          .one_minus_beta2 = 0.001f, .root = 1.25f, .epsilon = 1e-8f};
      std::vector<float> new_w(n), new_m(n), new_v(n);
      run_adam(select_update(isa).adam, w.data(), g.data(), m.data(), v.data(), new_w.data(), new_m.data(), new_v.data(), n, step, pool);
      for (int64_t i = 0; i < n; ++i) {
        const double d = double(step.scale) * g[i] + double(step.decay) * w[i];
        const double first = m[i] + double(step.one_minus_beta1) * (d - m[i]);
        const double second = double(step.beta2) * v[i] + double(step.one_minus_beta2) * d * d;
        ASSERT_NEAR(new_m[i], first, 2e-7);
        ASSERT_NEAR(new_v[i], second, 2e-7);
        const double move = double(step.rate) * first / (double(step.root) * std::sqrt(second) + double(step.epsilon));
        ASSERT_NEAR(new_w[i], double(step.keep) * w[i] - move, 2e-7 + 1e-6 * std::fabs(move)) << isa_name(isa) << " n " << n << " i " << i;
      }
    }
  }
}

TEST(Update, OutputsMayBeInputs) {
  core::ThreadPool pool(1);
  for (const Isa isa : core::available_isas()) {
    const auto w = numbers(101, 1, -1, 1), g = numbers(101, 2, -1, 1), v = numbers(101, 3, 0, 1);
    std::vector<float> a(101), b(101), c(101), w1 = w, v1 = v, g1 = g;
    const AdamStep adam{.rate = 0.01f, .one_minus_beta1 = 0.1f, .beta2 = 0.999f, .one_minus_beta2 = 0.001f, .epsilon = 1e-8f};
    select_update(isa).adam(w.data(), g.data(), v.data(), v.data(), a.data(), b.data(), c.data(), 101, adam);
    std::vector<float> m1 = v;
    select_update(isa).adam(w1.data(), g1.data(), m1.data(), v1.data(), w1.data(), m1.data(), v1.data(), 101, adam);
    EXPECT_EQ(w1, a);
    EXPECT_EQ(m1, b);
    EXPECT_EQ(v1, c);
    w1 = w, v1 = v;
    const SgdStep sgd{.rate = 0.1f, .decay = 0.1f, .momentum = 0.9f};
    select_update(isa).sgd(w.data(), g.data(), v.data(), a.data(), b.data(), 101, sgd);
    select_update(isa).sgd(w1.data(), g1.data(), v1.data(), g1.data(), v1.data(), 101, sgd);
    EXPECT_EQ(g1, a);
    EXPECT_EQ(v1, b);
  }
}

TEST(Update, SquareSums) {
  core::ThreadPool pool(2);
  for (const Isa isa : core::available_isas()) {
    for (const int64_t n : kSizes) {
      const auto x = numbers(n, 5, -3, 3);
      std::vector<double> parts(square_parts(n));
      run_square_sums(select_update(isa).square_sum, x.data(), n, parts.data(), pool);
      double got = 0, expected = 0;
      for (const double p : parts) got += p;
      for (const float f : x) expected += double(f) * f;
      EXPECT_NEAR(got, expected, 1e-12 * expected) << isa_name(isa) << " n " << n;
    }
  }
}

}  // namespace
}  // namespace omni::kernels
