// Convolution and its gradients: every instruction set against sums in double, all shapes of padding, stride, dilation and groups, thread counts.
#include "kernels/conv/conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace omni::kernels {
namespace {

using core::Isa;
using core::ThreadPool;

std::vector<float> random_floats(int64_t n, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = uniform(engine);
  return v;
}

struct Aligned {
  std::vector<std::byte> bytes;
  std::byte* data;
  explicit Aligned(size_t n) : bytes(n + 64) { data = bytes.data() + (64 - reinterpret_cast<uintptr_t>(bytes.data()) % 64) % 64; }
  float* floats() { return reinterpret_cast<float*>(data); }
};

std::string text(const ConvShape& s, Isa isa) {
  std::string t(core::isa_name(isa));
  for (const int64_t v : {s.images, s.in_h, s.in_w, s.in_c, s.out_c, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w, s.dilation_h, s.dilation_w,
                          s.pad_top, s.pad_left, s.pad_bottom, s.pad_right, s.groups}) {
    t += " " + std::to_string(v);
  }
  return t;
}

// images, height, width, in_c, out_c, kernel, stride, dilation, pad, groups
ConvShape square(int64_t n, int64_t h, int64_t w, int64_t ci, int64_t co, int64_t k, int64_t stride, int64_t dilation, int64_t pad, int64_t groups) {
  return {n, h, w, ci, co, k, k, stride, stride, dilation, dilation, pad, pad, pad, pad, groups};
}

std::vector<ConvShape> shapes() {
  std::vector<ConvShape> v = {
      square(2, 28, 28, 1, 6, 5, 1, 1, 2, 1),     // LeNet-5
      square(3, 14, 14, 6, 16, 5, 1, 1, 0, 1),    //
      square(1, 9, 11, 3, 20, 3, 2, 1, 1, 1),     // stem
      square(2, 7, 7, 40, 70, 3, 1, 1, 1, 1),     // every window at a border
      square(1, 10, 10, 17, 33, 1, 1, 1, 0, 1),   // GEMM
      square(1, 10, 9, 17, 33, 1, 2, 1, 0, 1),    //
      square(2, 8, 8, 5, 7, 3, 3, 2, 2, 1),       // stride and dilation share no factor
      square(1, 12, 12, 4, 6, 3, 2, 2, 2, 1),     // some inputs have no tap
      square(1, 8, 8, 12, 18, 3, 1, 1, 1, 3),     // groups
      square(2, 6, 6, 8, 16, 3, 2, 1, 1, 8),      // channel multiplier 2
      square(2, 11, 13, 37, 37, 3, 1, 1, 1, 37),  // depthwise
      square(1, 15, 15, 16, 16, 5, 2, 1, 2, 16), square(1, 12, 20, 24, 24, 3, 1, 2, 2, 24),
      square(1, 6, 6, 520, 8, 3, 1, 1, 1, 1),                                               // passes over single taps
      square(1, 3, 3, 130, 50, 3, 1, 1, 1, 1),                                              //
      square(2, 2, 2, 3, 4, 3, 1, 1, 2, 1),                                                 // padding wider than the picture
      square(1, 5, 5, 2, 3, 1, 4, 1, 0, 1),      square(3, 12, 12, 20, 50, 5, 1, 1, 0, 1),  // input gradient by columns
      square(19, 9, 9, 5, 30, 3, 2, 2, 1, 1),                                               //
  };
  v.push_back({1, 1, 300, 2, 5, 1, 100, 1, 3, 1, 1, 0, 30, 0, 7, 1});  // 1-D, long kernel
  v.push_back({2, 1, 50, 8, 9, 1, 3, 1, 1, 1, 4, 0, 8, 0, 0, 1});      // causal 1-D
  v.push_back({1, 9, 8, 6, 10, 3, 2, 1, 2, 2, 1, 0, 1, 2, 0, 1});      // asymmetric
  v.push_back({1, 9, 300, 3, 4, 2, 5, 2, 1, 1, 1, 0, 1, 1, 3, 1});
  return v;
}

template <class F>
void expect_close(const std::vector<float>& got, const std::vector<float>& want, double terms, F&& where) {
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(got[i]) - want[i]));
  EXPECT_LE(worst, 1e-6 * (4 + 2 * std::sqrt(terms))) << where();
}

// Runs with 1, 2 and 5 threads, expects the same bytes, returns them.
template <class Run>
std::vector<float> run_threads(int64_t count, Run&& run) {
  std::vector<float> first;
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    std::vector<float> out(static_cast<size_t>(count) + 1, 7.0f);
    run(out.data() + 1, pool);
    EXPECT_EQ(out[0], 7.0f);
    if (first.empty()) {
      first.assign(out.begin() + 1, out.end());
    } else {
      EXPECT_EQ(0, std::memcmp(first.data(), out.data() + 1, first.size() * sizeof(float))) << threads;
    }
  }
  return first;
}

void check_forward(const ConvShape& s, bool epilogue) {
  const int64_t outputs = s.images * s.out_h() * s.out_w() * s.out_c;
  const std::vector<float> x = random_floats(s.images * s.in_h * s.in_w * s.in_c + 1, 1), w = random_floats(s.out_c * s.group_in() * s.taps() + 1, 2);
  const std::vector<float> bias = random_floats(s.out_c, 3), residual = random_floats(outputs, 4);
  ConvArgs a;
  a.shape = s;
  a.x = x.data() + 1;
  a.weights = w.data() + 1;
  if (epilogue) {
    a.bias = bias.data();
    a.residual = residual.data();
    a.clamp = true;
    a.lo = 0;
    a.hi = 3;
  }
  std::vector<float> want(static_cast<size_t>(outputs));
  a.y = want.data();
  conv_reference(a);
  for (const Isa isa : core::available_isas()) {
    const auto where = [&] { return text(s, isa); };
    Aligned packed(conv_packed_bytes(isa, s));
    conv_pack(isa, s, a.weights, packed.floats());
    for (const bool pack : {true, false}) {
      Aligned scratch(conv_scratch_bytes(isa, s, pack));
      const std::vector<float> got = run_threads(outputs, [&](float* y, ThreadPool& pool) {
        ConvArgs b = a;
        b.y = y;
        b.packed = pack ? packed.floats() : nullptr;
        b.scratch = scratch.data;
        conv(isa, b, pool);
      });
      expect_close(got, want, static_cast<double>(s.taps() * s.group_in()), where);
    }
  }
}

TEST(Conv, Forward) {
  for (const ConvShape& s : shapes()) check_forward(s, false);
}

TEST(Conv, ForwardWithBiasResidualAndClamp) {
  for (const ConvShape& s : shapes()) check_forward(s, true);
}

TEST(Conv, InputGrad) {
  for (const ConvShape& s : shapes()) {
    const int64_t inputs = s.images * s.in_h * s.in_w * s.in_c;
    const std::vector<float> dy = random_floats(s.images * s.out_h() * s.out_w() * s.out_c + 1, 1),
                             w = random_floats(s.out_c * s.group_in() * s.taps() + 1, 2);
    ConvGradArgs a;
    a.shape = s;
    a.dy = dy.data() + 1;
    a.weights = w.data() + 1;
    std::vector<float> want(static_cast<size_t>(inputs));
    a.dx = want.data();
    conv_input_grad_reference(a);
    for (const Isa isa : core::available_isas()) {
      Aligned scratch(conv_input_grad_scratch_bytes(isa, s));
      a.scratch = scratch.data;
      const std::vector<float> got = run_threads(inputs, [&](float* dx, ThreadPool& pool) {
        ConvGradArgs b = a;
        b.dx = dx;
        conv_input_grad(isa, b, pool);
      });
      expect_close(got, want, static_cast<double>(s.taps() * s.group_out()), [&] { return text(s, isa); });
    }
  }
}

TEST(Conv, WeightGrad) {
  std::vector<ConvShape> all = shapes();
  all.push_back(square(11, 40, 5, 3, 17, 3, 1, 1, 1, 1));  // more images than chunks, more rows than one pass
  all.push_back(square(2, 40, 5, 9, 80, 3, 1, 1, 1, 1));
  for (const ConvShape& s : all) {
    const int64_t weights = s.out_c * s.group_in() * s.taps();
    const std::vector<float> dy = random_floats(s.images * s.out_h() * s.out_w() * s.out_c + 1, 1),
                             x = random_floats(s.images * s.in_h * s.in_w * s.in_c + 1, 2);
    ConvGradArgs a;
    a.shape = s;
    a.dy = dy.data() + 1;
    a.x = x.data() + 1;
    std::vector<float> want(static_cast<size_t>(weights));
    a.dw = want.data();
    conv_weight_grad_reference(a);
    for (const Isa isa : core::available_isas()) {
      Aligned scratch(conv_weight_grad_scratch_bytes(isa, s));
      a.scratch = scratch.data;
      const std::vector<float> got = run_threads(weights, [&](float* dw, ThreadPool& pool) {
        ConvGradArgs b = a;
        b.dw = dw;
        conv_weight_grad(isa, b, pool);
      });
      expect_close(got, want, static_cast<double>(s.images * s.out_h() * s.out_w()), [&] { return text(s, isa); });
    }
  }
}

// Nothing is written where there is no output, no image or no channel; gradients of nothing are 0.
TEST(Conv, EmptyShapes) {
  std::vector<ConvShape> all = {square(1, 3, 3, 4, 5, 5, 2, 1, 0, 1), square(0, 8, 8, 4, 5, 3, 1, 1, 1, 1), square(2, 4, 4, 0, 5, 3, 1, 1, 1, 1),
                                square(2, 4, 4, 3, 0, 3, 1, 1, 1, 1), square(0, 8, 8, 4, 4, 3, 1, 1, 1, 4)};
  for (const ConvShape& s : all) {
    const int64_t inputs = s.images * s.in_h * s.in_w * s.in_c, outputs = s.images * s.out_h() * s.out_w() * s.out_c;
    const std::vector<float> x = random_floats(inputs + 1, 1), y = random_floats(outputs + 1, 2),
                             w = random_floats(s.out_c * s.group_in() * s.taps() + 1, 3);
    for (const Isa isa : core::available_isas()) {
      ThreadPool pool(2);
      Aligned scratch(conv_scratch_bytes(isa, s, false) + conv_input_grad_scratch_bytes(isa, s) + conv_weight_grad_scratch_bytes(isa, s));
      std::vector<float> out(static_cast<size_t>(outputs) + 1, 7.0f), dx(static_cast<size_t>(inputs) + 1, 7.0f), dw(w.size(), 7.0f);
      ConvArgs a;
      a.shape = s;
      a.x = x.data();
      a.weights = w.data();
      a.y = out.data();
      a.scratch = scratch.data;
      conv(isa, a, pool);
      EXPECT_EQ(out.back(), 7.0f);
      const ConvGradArgs g{s, x.data(), w.data(), y.data(), dx.data(), dw.data(), scratch.data};
      conv_input_grad(isa, g, pool);
      conv_weight_grad(isa, g, pool);
      EXPECT_EQ(dx.back(), 7.0f);
      EXPECT_EQ(dw.back(), 7.0f);
      if (outputs > 0) continue;
      for (size_t i = 0; i + 1 < dx.size(); ++i) ASSERT_EQ(dx[i], 0.0f) << text(s, isa);
      for (size_t i = 0; i + 1 < dw.size(); ++i) ASSERT_EQ(dw[i], 0.0f) << text(s, isa);
    }
  }
}

}  // namespace
}  // namespace omni::kernels
