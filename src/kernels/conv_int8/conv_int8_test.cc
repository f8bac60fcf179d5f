// INT8 convolutions, depthwise ones included, against sums written out here: the same bytes on every instruction set and thread count.
#include "kernels/conv_int8/conv_int8.h"

#include <gtest/gtest.h>

#include <random>

namespace omni::kernels {
namespace {

struct Case {
  ConvInt8Shape s;
  int64_t pad_bottom = 0, pad_right = 0;
  bool x_signed = false, w_signed = true, y_signed = false, residual = false, zero_points = false;
  Int8Output output = Int8Output::kBytes;
  float multiplier = 2e-3f;
};

ConvInt8Shape shape(int64_t n, int64_t c, int64_t h, int64_t w, int64_t oc, int64_t k, int64_t stride, int64_t pad, int64_t groups = 1,
                    int64_t dilation = 1) {
  ConvInt8Shape s{n, c, h, w, oc, 0, 0, k, k, stride, stride, dilation, dilation, pad, pad, groups};
  s.out_height = (h + 2 * pad - (k - 1) * dilation - 1) / stride + 1;
  s.out_width = (w + 2 * pad - (k - 1) * dilation - 1) / stride + 1;
  return s;
}

int32_t value(uint8_t b, bool is_signed) { return is_signed ? static_cast<int8_t>(b) : b; }

struct Problem {
  std::vector<uint8_t> x, w, residual;
  std::vector<int32_t> zw;
  Int8Quantization q;
};

Problem make(const Case& c) {
  const ConvInt8Shape& s = c.s;
  std::mt19937 random(static_cast<uint32_t>(s.channels * 131 + s.height * 17 + s.out_channels));
  const auto bytes = [&](int64_t n) {
    std::vector<uint8_t> v(static_cast<size_t>(n));
    for (auto& x : v) x = static_cast<uint8_t>(random() % 11 == 0 ? 0x80 : random());
    return v;
  };
  Problem p;
  p.x = bytes(s.batch * s.height * s.width * s.channels);
  p.w = bytes(s.out_channels * s.channels / s.groups * s.kernel_height * s.kernel_width);
  p.residual = bytes(s.batch * s.out_height * s.out_width * s.out_channels);
  p.q.output = c.output;
  p.q.x_signed = c.x_signed;
  p.q.zx = c.x_signed ? -5 : 121;
  p.q.y = ByteRange::of(c.y_signed, 3);
  p.q.y.high -= 9;  // as a fused Relu6 does
  for (int64_t o = 0; o < s.out_channels; ++o) {
    p.q.multiplier.push_back(c.multiplier * (1.0f + 0.1f * static_cast<float>(o % 7)));
    p.q.bias.push_back(static_cast<int32_t>(random() % 4001) - 2000);
    p.zw.push_back(c.w_signed ? static_cast<int>(o % 5) - 2 : 128 - static_cast<int>(o % 3));
    if (c.output == Int8Output::kFloat) p.q.float_bias.push_back(static_cast<float>(o) * 0.25f);
  }
  if (c.residual) {
    p.q.residual = true;
    p.q.residual_zero = 100;
    p.q.ma = 0.81f;
    p.q.mb = 1.17f;
    p.q.sum = ByteRange::of(c.y_signed, -2 + (c.y_signed ? 0 : 90));
  }
  return p;
}

int32_t sum_at(const Case& c, const Problem& p, int64_t n, int64_t oy, int64_t ox, int64_t o) {
  const ConvInt8Shape& s = c.s;
  const int64_t in = s.channels / s.groups, group = o / (s.out_channels / s.groups);
  int32_t acc = p.q.bias[static_cast<size_t>(o)];
  for (int64_t i = 0; i < in; ++i) {
    for (int64_t ky = 0; ky < s.kernel_height; ++ky) {
      for (int64_t kx = 0; kx < s.kernel_width; ++kx) {
        const int64_t y = oy * s.stride_y - s.pad_top + ky * s.dilation_y, x = ox * s.stride_x - s.pad_left + kx * s.dilation_x;
        if (y < 0 || y >= s.height || x < 0 || x >= s.width) continue;
        const int32_t xv = value(p.x[static_cast<size_t>(((n * s.height + y) * s.width + x) * s.channels + group * in + i)], c.x_signed) - p.q.zx;
        const int32_t zw = c.zero_points ? p.zw[static_cast<size_t>(o)] : 0;
        acc += xv * (value(p.w[static_cast<size_t>(((o * in + i) * s.kernel_height + ky) * s.kernel_width + kx)], c.w_signed) - zw);
      }
    }
  }
  return acc;
}

template <class T>
std::vector<T> expected(const Case& c, const Problem& p) {
  const ConvInt8Shape& s = c.s;
  std::vector<T> y;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t oy = 0; oy < s.out_height; ++oy) {
      for (int64_t ox = 0; ox < s.out_width; ++ox) {
        for (int64_t o = 0; o < s.out_channels; ++o) {
          const int32_t acc = sum_at(c, p, n, oy, ox, o);
          const float m = p.q.multiplier[static_cast<size_t>(o)];
          if constexpr (std::is_same_v<T, float>) {
            y.push_back(static_cast<float>(acc) * m + p.q.float_bias[static_cast<size_t>(o)]);
          } else {
            int32_t v = requantize(acc, m, p.q.y);
            if (c.residual) v = add_quantized(v - p.q.y.zero, p.q.ma, p.residual[y.size()] - p.q.residual_zero, p.q.mb, p.q.sum);
            y.push_back(static_cast<uint8_t>(v));
          }
        }
      }
    }
  }
  return y;
}

template <class T>
void check_as(const Case& c) {
  const Problem p = make(c);
  const std::vector<T> want = expected<T>(c, p);
  for (core::Isa isa : core::available_isas()) {
    const ConvInt8 conv(isa, c.s, {p.w.data(), c.w_signed, c.zero_points ? p.zw.data() : nullptr, true}, p.q);
    for (int threads : {1, 2, 5}) {
      std::vector<T> got(want.size(), T{55});
      core::ThreadPool pool(threads);
      conv.run(p.x.data(), c.residual ? p.residual.data() : nullptr, got.data(), pool);
      for (size_t i = 0; i < want.size(); ++i) {
        ASSERT_EQ(+want[i], +got[i]) << core::isa_name(isa) << ", " << threads << " threads, C " << c.s.channels << " OC " << c.s.out_channels
                                     << " H " << c.s.height << " k " << c.s.kernel_height << " s " << c.s.stride_x << " g " << c.s.groups
                                     << ", element " << i;
      }
    }
  }
}

void check(const Case& c) {
  if (c.output == Int8Output::kFloat)
    check_as<float>(c);
  else
    check_as<uint8_t>(c);
}

TEST(ConvInt8, Dense) {
  for (int64_t k : {1, 3, 5}) {
    for (int64_t stride : {1, 2}) {
      for (int64_t c : {1, 3, 4, 16, 17}) check({.s = shape(2, c, 11, 9, 20, k, stride, k / 2)});
    }
  }
  check({.s = shape(1, 32, 14, 14, 64, 3, 1, 1)});
  check({.s = shape(1, 64, 7, 7, 16, 3, 1, 0)});
  check({.s = shape(1, 8, 5, 5, 8, 7, 1, 3)});
  check({.s = shape(1, 8, 12, 12, 8, 3, 1, 2, 1, 2)});
}

TEST(ConvInt8, GroupsSignsAndZeroPoints) {
  check({.s = shape(2, 12, 8, 8, 18, 3, 1, 1, 3)});
  check({.s = shape(1, 8, 8, 8, 8, 1, 1, 0, 2)});
  check({.s = shape(1, 6, 8, 8, 12, 3, 2, 1, 6)});
  for (bool x : {false, true}) {
    for (bool w : {false, true}) {
      check({.s = shape(1, 10, 7, 7, 9, 3, 1, 1), .x_signed = x, .w_signed = w, .zero_points = true});
      check({.s = shape(1, 16, 7, 7, 33, 1, 1, 0), .x_signed = x, .w_signed = w, .y_signed = true, .zero_points = !w});
    }
  }
}

TEST(ConvInt8, ResidualAndFloat) {
  check({.s = shape(1, 24, 14, 14, 24, 1, 1, 0), .residual = true});
  check({.s = shape(2, 16, 9, 9, 40, 3, 1, 1), .y_signed = true, .residual = true});
  check({.s = shape(2, 16, 9, 9, 40, 3, 1, 1), .output = Int8Output::kFloat});
  check({.s = shape(1, 20, 6, 6, 20, 1, 1, 0), .residual = true, .multiplier = 3.0f});
}

TEST(ConvInt8, Depthwise3x3) {
  for (int64_t stride : {1, 2}) {
    for (int64_t c : {2, 8, 16, 24, 32, 40, 64, 80, 96, 100, 144, 200}) {
      for (int64_t h : {1, 2, 5, 8}) check({.s = shape(1, c, h, h + 2, c, 3, stride, 1, c)});
      ConvInt8Shape s = shape(2, c, 8, 8, c, 3, stride, 0, c);
      check({.s = s});
      s.pad_left = 1;  // one more on one side only
      s.out_width = (8 + 1 - 3) / stride + 1;
      check({.s = s});
      s.pad_left = 0;
      s.out_width = (8 + 1 - 3) / stride + 1;
      check({.s = s, .x_signed = true, .y_signed = true});
    }
  }
  check({.s = shape(1, 96, 30, 30, 96, 3, 1, 1, 96)});
  check({.s = shape(1, 96, 31, 31, 96, 3, 1, 1, 96), .multiplier = 2.0f});
  check({.s = shape(1, 144, 14, 14, 144, 3, 2, 1, 144), .x_signed = true, .w_signed = false, .zero_points = true});
}

TEST(ConvInt8, DepthwiseAnyWindow) {
  for (int64_t c : {3, 16, 35}) {
    check({.s = shape(1, c, 9, 9, c, 5, 1, 2, c)});
    check({.s = shape(1, c, 9, 9, c, 5, 2, 2, c), .x_signed = true});
    check({.s = shape(1, c, 9, 9, c, 3, 1, 2, c, 2)});
    check({.s = shape(1, c, 9, 9, c, 3, 3, 1, c), .w_signed = false, .zero_points = true});
    check({.s = shape(1, c, 9, 9, c, 1, 1, 0, c)});
  }
}

}  // namespace
}  // namespace omni::kernels
