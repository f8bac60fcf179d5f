// Pooling and its gradients: every instruction set and both orders against the definition, thread counts.
#include "kernels/pool/pool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace omni::kernels {
namespace {

using core::Isa;
using core::ThreadPool;

std::vector<PoolShape> shapes() {
  std::vector<PoolShape> v;
  const auto add = [&](int64_t n, int64_t c, int64_t h, int64_t w, int64_t k, int64_t stride, int64_t dilation, int64_t pad, int64_t oh, int64_t ow,
                       bool include) {
    v.push_back({n, c, h, w, oh, ow, k, k, stride, stride, dilation, dilation, pad, pad, pad, pad, true, include});
  };
  add(3, 6, 28, 28, 2, 2, 1, 0, 14, 14, false);                                 // LeNet-5
  add(2, 37, 9, 11, 3, 2, 1, 1, 5, 6, false);                                   // ResNet
  add(2, 37, 9, 11, 3, 2, 1, 1, 5, 6, true);                                    //
  add(1, 16, 7, 7, 3, 1, 2, 2, 7, 7, true);                                     // dilated
  add(1, 20, 6, 6, 3, 2, 1, 0, 3, 3, true);                                     // ceil_mode: the last window overhangs
  add(1, 20, 5, 5, 3, 2, 1, 1, 3, 3, false);                                    //
  add(2, 130, 7, 7, 7, 1, 1, 0, 1, 1, false);                                   // global
  add(1, 3, 5, 7, 5, 3, 1, 0, 1, 1, false);                                     //
  v.push_back({2, 5, 1, 40, 1, 20, 1, 3, 1, 2, 1, 1, 0, 1, 0, 0, true, true});  // 1-D, asymmetric
  return v;
}

std::vector<float> values(int64_t n, uint32_t seed, bool ties) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = ties ? std::round(uniform(engine) * 2) : uniform(engine);
  return v;
}

// [image][y][x][c] to [image][c][y][x].
std::vector<float> plain(const std::vector<float>& x, int64_t images, int64_t pixels, int64_t channels) {
  std::vector<float> p(x.size());
  for (int64_t n = 0; n < images; ++n) {
    for (int64_t i = 0; i < pixels; ++i) {
      for (int64_t c = 0; c < channels; ++c)
        p[static_cast<size_t>((n * channels + c) * pixels + i)] = x[static_cast<size_t>((n * pixels + i) * channels + c)];
    }
  }
  return p;
}

using Forward = void (*)(Isa, const PoolArgs&, ThreadPool&) noexcept;
using Backward = void (*)(Isa, const PoolGradArgs&, ThreadPool&) noexcept;

void expect_near(const std::vector<float>& got, const std::vector<float>& want, float tolerance, Isa isa, int line) {
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], tolerance) << core::isa_name(isa) << " case " << line << " at " << i;
}

void check_forward(Forward run, void (*reference)(const PoolArgs&, int64_t, int64_t, int64_t) noexcept, float tolerance) {
  int line = 0;
  for (PoolShape s : shapes()) {
    ++line;
    const int64_t in = s.images * s.channels * s.in_h * s.in_w, out = s.images * s.channels * s.out_h * s.out_w;
    const std::vector<float> x = values(in + 1, 1, false);
    std::vector<float> want(static_cast<size_t>(out));
    for (int64_t n = 0; n < s.images; ++n) reference({s, x.data() + 1, want.data(), nullptr, false}, n, 0, s.channels);
    for (const Isa isa : core::available_isas()) {
      for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        std::vector<float> y(static_cast<size_t>(out) + 1, 7.0f);
        s.channels_last = true;
        run(isa, {s, x.data() + 1, y.data() + 1, nullptr, false}, pool);
        expect_near({y.begin() + 1, y.end()}, want, tolerance, isa, line);
        const std::vector<float> xp = plain({x.begin() + 1, x.end()}, s.images, s.in_h * s.in_w, s.channels);
        s.channels_last = false;
        run(isa, {s, xp.data(), y.data(), nullptr, false}, pool);
        y.pop_back();
        expect_near(y, plain(want, s.images, s.out_h * s.out_w, s.channels), tolerance, isa, line);
      }
    }
  }
}

void check_backward(Backward run, void (*reference)(const PoolGradArgs&, int64_t, int64_t, int64_t) noexcept, float tolerance) {
  int line = 0;
  for (PoolShape s : shapes()) {
    ++line;
    const int64_t in = s.images * s.channels * s.in_h * s.in_w, out = s.images * s.channels * s.out_h * s.out_w;
    const std::vector<float> x = values(in, 1, true), dy = values(out, 2, false);
    std::vector<float> want(static_cast<size_t>(in));
    for (int64_t n = 0; n < s.images; ++n) reference({s, x.data(), dy.data(), want.data()}, n, 0, s.channels);
    for (const Isa isa : core::available_isas()) {
      std::vector<float> first;
      for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        std::vector<float> dx(static_cast<size_t>(in), 7.0f);
        s.channels_last = true;
        run(isa, {s, x.data(), dy.data(), dx.data()}, pool);
        expect_near(dx, want, tolerance, isa, line);
        if (first.empty()) first = dx;
        EXPECT_EQ(0, std::memcmp(first.data(), dx.data(), dx.size() * sizeof(float)));
        s.channels_last = false;
        const std::vector<float> xp = plain(x, s.images, s.in_h * s.in_w, s.channels), dyp = plain(dy, s.images, s.out_h * s.out_w, s.channels);
        run(isa, {s, xp.data(), dyp.data(), dx.data()}, pool);
        expect_near(dx, plain(want, s.images, s.in_h * s.in_w, s.channels), tolerance, isa, line);
      }
    }
  }
}

TEST(Pool, Max) { check_forward(&max_pool, &max_pool_reference, 0.0f); }
TEST(Pool, Average) { check_forward(&average_pool, &average_pool_reference, 1e-6f); }
TEST(Pool, MaxGrad) { check_backward(&max_pool_grad, &max_pool_grad_reference, 1e-6f); }
TEST(Pool, AverageGrad) { check_backward(&average_pool_grad, &average_pool_grad_reference, 1e-6f); }

// 2x2 windows over [[1,5,2,2],[3,4,2,2]] of two channels, by hand.
TEST(Pool, Indices) {
  const PoolShape s{1, 2, 2, 4, 1, 2, 2, 2, 2, 2, 1, 1, 0, 0, 0, 0, false, false};
  const std::vector<float> x = {1, 5, 2, 2, 3, 4, 2, 2, 9, 1, 1, 1, 1, 1, 1, 8};
  std::vector<float> y(4);
  std::vector<int64_t> indices(4);
  ThreadPool pool(1);
  max_pool(core::detect_isa(), {s, x.data(), y.data(), indices.data(), false}, pool);
  EXPECT_EQ(y, (std::vector<float>{5, 2, 9, 8}));
  EXPECT_EQ(indices, (std::vector<int64_t>{1, 2, 8, 15}));
  max_pool(core::detect_isa(), {s, x.data(), y.data(), indices.data(), true}, pool);
  EXPECT_EQ(indices, (std::vector<int64_t>{2, 4, 8, 15}));
}

// Window of 2 at stride 2 over three values with ceil_mode: the second window holds one value and, counted with padding, still one.
TEST(Pool, AverageDoesNotCountWhatCeilModeAdds) {
  const PoolShape s{1, 1, 1, 3, 1, 2, 1, 2, 1, 2, 1, 1, 0, 0, 0, 0, true, true};
  const std::vector<float> x = {1, 3, 8};
  std::vector<float> y(2);
  ThreadPool pool(1);
  average_pool(core::detect_isa(), {s, x.data(), y.data(), nullptr, false}, pool);
  EXPECT_EQ(y, (std::vector<float>{2, 8}));
}

}  // namespace
}  // namespace omni::kernels
