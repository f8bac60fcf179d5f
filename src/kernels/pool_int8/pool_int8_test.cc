#include "kernels/pool_int8/pool_int8.h"

#include <gtest/gtest.h>

#include <random>

namespace omni::kernels {
namespace {

std::vector<uint8_t> bytes(int64_t n) {
  std::mt19937 random(3);
  std::vector<uint8_t> v(static_cast<size_t>(n));
  for (auto& x : v) x = static_cast<uint8_t>(random());
  return v;
}

PoolInt8Shape shape(int64_t n, int64_t c, int64_t h, int64_t k, int64_t stride, int64_t pad, int64_t dilation = 1) {
  const int64_t out = (h + 2 * pad - (k - 1) * dilation - 1) / stride + 1;
  return {n, c, h, h, out, out, k, k, stride, stride, dilation, dilation, pad, pad, pad, pad};
}

const PoolInt8Shape kShapes[] = {shape(1, 5, 7, 2, 2, 0),  shape(1, 20, 24, 2, 2, 0),   shape(1, 50, 8, 2, 2, 0), shape(2, 32, 9, 3, 2, 1),
                                 shape(1, 70, 6, 3, 1, 1), shape(1, 33, 9, 3, 2, 1, 2), shape(1, 64, 7, 7, 1, 0), shape(1, 40, 30, 30, 1, 0)};

int32_t value(uint8_t b, bool is_signed) { return is_signed ? static_cast<int8_t>(b) : b; }

template <class F>
void for_each_value(const PoolInt8Shape& s, const std::vector<uint8_t>& x, bool is_signed, int64_t n, int64_t oy, int64_t ox, int64_t c, const F& f) {
  for (int64_t ky = 0; ky < s.kernel_height; ++ky) {
    for (int64_t kx = 0; kx < s.kernel_width; ++kx) {
      const int64_t y = oy * s.stride_y - s.pad_top + ky * s.dilation_y, xx = ox * s.stride_x - s.pad_left + kx * s.dilation_x;
      if (y >= 0 && y < s.height && xx >= 0 && xx < s.width)
        f(value(x[static_cast<size_t>(((n * s.height + y) * s.width + xx) * s.channels + c)], is_signed));
    }
  }
}

template <class F>
std::vector<uint8_t> outputs(const PoolInt8Shape& s, const F& f) {
  std::vector<uint8_t> y;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t oy = 0; oy < s.out_height; ++oy) {
      for (int64_t ox = 0; ox < s.out_width; ++ox) {
        for (int64_t c = 0; c < s.channels; ++c) y.push_back(static_cast<uint8_t>(f(n, oy, ox, c)));
      }
    }
  }
  return y;
}

TEST(PoolInt8, Max) {
  for (const PoolInt8Shape& s : kShapes) {
    const std::vector<uint8_t> x = bytes(s.batch * s.channels * s.height * s.width);
    for (bool is_signed : {false, true}) {
      const std::vector<uint8_t> want = outputs(s, [&](int64_t n, int64_t oy, int64_t ox, int64_t c) {
        int32_t best = -1000;
        for_each_value(s, x, is_signed, n, oy, ox, c, [&](int32_t v) { best = std::max(best, v); });
        return best;
      });
      for (core::Isa isa : core::available_isas()) {
        for (int threads : {1, 5}) {
          std::vector<uint8_t> got(want.size());
          core::ThreadPool pool(threads);
          max_pool_int8(isa, s, is_signed, x.data(), got.data(), pool);
          EXPECT_EQ(want, got) << core::isa_name(isa);
        }
      }
    }
  }
}

TEST(PoolInt8, Average) {
  for (const PoolInt8Shape& s : kShapes) {
    const std::vector<uint8_t> x = bytes(s.batch * s.channels * s.height * s.width);
    for (bool is_signed : {false, true}) {
      for (bool count_padding : {false, true}) {
        const AveragePoolInt8 p{s, count_padding, is_signed, is_signed ? -4 : 90, 0.02f, 0.013f, ByteRange::of(is_signed, 5)};
        const std::vector<uint8_t> want = outputs(s, [&](int64_t n, int64_t oy, int64_t ox, int64_t c) {
          int32_t sum = 0, count = 0;
          for_each_value(s, x, is_signed, n, oy, ox, c, [&](int32_t v) { sum += v - p.zx, ++count; });
          if (count_padding) count = static_cast<int32_t>(s.kernel_height * s.kernel_width);
          return requantize(sum, static_cast<float>(0.02f / (static_cast<double>(0.013f) * count)), p.y);
        });
        for (core::Isa isa : core::available_isas()) {
          for (int threads : {1, 5}) {
            std::vector<uint8_t> got(want.size());
            core::ThreadPool pool(threads);
            average_pool_int8(isa, p, x.data(), got.data(), pool);
            EXPECT_EQ(want, got) << core::isa_name(isa) << " C " << s.channels << " H " << s.height;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace omni::kernels
