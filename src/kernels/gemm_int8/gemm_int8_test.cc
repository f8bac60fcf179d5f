// Every kernel of kernels.inc against sums written out here: the same bytes, also at odd sizes, extreme values, unaligned pointers
// and several threads, and nothing outside the output touched.
#include "kernels/gemm_int8/gemm_int8.h"

#include <gtest/gtest.h>

#include <random>

namespace omni::kernels {
namespace {

struct Case {
  int64_t m, k, n;
  Int8Output output = Int8Output::kBytes;
  bool a_signed = false, w_signed = true, y_signed = false, residual = false, column_zeros = false, extremes = false;
  int zw = 0;  // of W, or about it per column
  float multiplier = 1e-3f;
  ByteRange clamp{0, 0, 0};  // overrides the bounds of the output's type when low != high
  int64_t out_padding = 0;
};

struct Data {
  std::vector<uint8_t> a, w, residual;
  std::vector<int32_t> zeros, bias;
  std::vector<float> multiplier, float_bias;
};

int32_t byte_value(uint8_t b, bool is_signed) { return is_signed ? static_cast<int8_t>(b) : b; }

Data make(const Case& c) {
  Data d;
  std::mt19937 random(static_cast<uint32_t>(c.m * 7919 + c.k * 31 + c.n));
  const auto bytes = [&](int64_t count) {
    std::vector<uint8_t> v(static_cast<size_t>(count));
    for (auto& x : v) x = static_cast<uint8_t>(c.extremes ? (random() & 1 ? 0x7f : 0x80) ^ (random() % 5 == 0 ? 0xff : 0) : random());
    return v;
  };
  d.a = bytes(c.m * c.k + 1);  // used from 1: unaligned
  d.w = bytes(c.n * c.k);
  d.residual = bytes(c.m * (c.n + c.out_padding) + 1);
  for (int64_t n = 0; n < c.n; ++n) {
    d.zeros.push_back(c.zw + (c.column_zeros ? static_cast<int>(n % 3) - 1 : 0));
    d.bias.push_back(static_cast<int32_t>(random() % 20001) - 10000);
    d.multiplier.push_back(c.multiplier * (0.5f + static_cast<float>(n % 7) * 0.31f));
    d.float_bias.push_back(static_cast<float>(static_cast<int>(random() % 2001) - 1000) * 0.01f);
  }
  return d;
}

constexpr int32_t kZa = 7, kZy = 11, kZr = -3;

ByteRange output_range(const Case& c) {
  ByteRange r = ByteRange::of(c.y_signed, c.y_signed ? kZy - 30 : kZy);
  if (c.clamp.low != c.clamp.high) r.low = c.clamp.low, r.high = c.clamp.high;
  return r;
}

template <class T>
std::vector<T> expected(const Case& c, const Data& d) {
  const int64_t stride = c.n + c.out_padding;
  std::vector<T> y(static_cast<size_t>(c.m * stride), T{77});
  const ByteRange range = output_range(c), sum = ByteRange::of(c.y_signed, 1);
  for (int64_t m = 0; m < c.m; ++m) {
    for (int64_t n = 0; n < c.n; ++n) {
      int64_t acc = d.bias[static_cast<size_t>(n)];
      for (int64_t k = 0; k < c.k; ++k) {
        acc += static_cast<int64_t>(byte_value(d.a[static_cast<size_t>(1 + m * c.k + k)], c.a_signed) - kZa) *
               (byte_value(d.w[static_cast<size_t>(n * c.k + k)], c.w_signed) - d.zeros[static_cast<size_t>(c.column_zeros ? n : 0)]);
      }
      const int32_t exact = static_cast<int32_t>(acc);
      const float multiplier = d.multiplier[static_cast<size_t>(n)];
      T& out = y[static_cast<size_t>(m * stride + n)];
      if (c.output == Int8Output::kInt32)
        out = static_cast<T>(exact);
      else if (c.output == Int8Output::kFloat)
        out = static_cast<T>(static_cast<float>(exact) * multiplier + d.float_bias[static_cast<size_t>(n)]);
      else {
        int32_t v = requantize(exact, multiplier, range);
        const int32_t other = byte_value(d.residual[static_cast<size_t>(1 + m * stride + n)], true);
        if (c.residual) v = add_quantized(v - range.zero, 0.7f, other - kZr, 1.3f, sum);
        out = static_cast<T>(static_cast<uint8_t>(v));
      }
    }
  }
  return y;
}

template <class T>
std::vector<T> computed(const Case& c, const Data& d, core::Isa isa, int threads) {
  const Int8Matrix w{d.w.data(), c.w_signed, c.k, 1, d.zeros.data(), c.column_zeros};
  const Int8Weights packed = pack_weights_int8(isa, c.output, w, c.n, c.k);
  const Int8Layout& layout = packed.layout;
  std::vector<int32_t> start(static_cast<size_t>(layout.packed_columns));
  start_values(layout, packed.column_sums.values<int32_t>().data(), d.bias.data(), ByteRange::of(c.a_signed, kZa).as_unsigned().zero, start.data());
  std::vector<float> multiplier(start.size()), float_bias(start.size());
  to_packed_columns(layout, d.multiplier.data(), false, 0, multiplier.data());
  to_packed_columns(layout, d.float_bias.data(), false, 0, float_bias.data());
  const int64_t stride = c.n + c.out_padding;
  std::vector<T> y(static_cast<size_t>(c.m * stride) + 1, T{77});
  Int8GemmArgs args;
  args.a = Int8Rows::matrix(d.a.data() + 1, c.a_signed, c.m, c.k, c.k);
  args.layout = &layout;
  args.weights = packed.data();
  args.epilogue.start = start.data();
  args.epilogue.multiplier = multiplier.data();
  args.epilogue.bias = float_bias.data();
  args.epilogue.wide = c.multiplier > 0.1f;
  args.epilogue.range = output_range(c).as_unsigned();
  args.epilogue.flip = c.y_signed ? 0x80 : 0;
  if (c.residual) {
    args.epilogue.residual = d.residual.data() + 1;
    args.epilogue.residual_flip = 0x80;
    args.epilogue.residual_zero = kZr + 128;
    args.epilogue.ma = 0.7f;
    args.epilogue.mb = 1.3f;
    args.epilogue.sum = ByteRange::of(c.y_signed, 1).as_unsigned();
  }
  args.out = y.data() + (sizeof(T) == 1 ? 1 : 0);
  args.out_stride = stride;
  core::ThreadPool pool(threads);
  gemm_int8(args, pool);
  if (sizeof(T) == 1)
    y.erase(y.begin());
  else
    y.pop_back();
  return y;
}

template <class T>
void check(const Case& c) {
  const Data d = make(c);
  const std::vector<T> want = expected<T>(c, d);
  for (core::Isa isa : core::available_isas()) {
    for (int threads : {1, 2, 5}) {
      if (threads > 1 && c.m * c.n * c.k < (1 << 16)) continue;
      const std::vector<T> got = computed<T>(c, d, isa, threads);
      for (size_t i = 0; i < want.size(); ++i) {
        ASSERT_EQ(want[i], got[i]) << core::isa_name(isa) << ", " << threads << " threads, " << c.m << " x " << c.k << " x " << c.n << ", element "
                                   << i;
      }
    }
  }
}

void check(const Case& c) {
  if (c.output == Int8Output::kBytes)
    check<uint8_t>(c);
  else if (c.output == Int8Output::kFloat)
    check<float>(c);
  else
    check<int32_t>(c);
}

TEST(GemmInt8, EverySmallSize) {
  for (int64_t m : {1, 2, 3, 5, 6, 7, 8, 13}) {
    for (int64_t k : {1, 2, 3, 4, 5, 8, 31, 64, 65}) {
      for (int64_t n : {1, 3, 8, 15, 16, 17, 24, 32, 33, 48, 63, 64, 80}) check({.m = m, .k = k, .n = n, .out_padding = m % 3});
    }
  }
}

TEST(GemmInt8, Outputs) {
  for (Int8Output output : {Int8Output::kBytes, Int8Output::kFloat, Int8Output::kInt32}) {
    for (int64_t n : {1, 7, 16, 20, 40, 64, 100, 144}) {
      check({.m = 14, .k = 36, .n = n, .output = output, .out_padding = 3});
      check({.m = 1, .k = 100, .n = n, .output = output});
      check({.m = 3, .k = 37, .n = n, .output = output, .a_signed = true});
    }
  }
}

TEST(GemmInt8, SignedAndAsymmetric) {
  for (bool a_signed : {false, true}) {
    for (bool y_signed : {false, true}) check({.m = 9, .k = 44, .n = 70, .a_signed = a_signed, .y_signed = y_signed});
    check({.m = 9, .k = 44, .n = 70, .a_signed = a_signed, .zw = 5});
    check({.m = 9, .k = 43, .n = 20, .a_signed = a_signed, .w_signed = false, .zw = 128});
    check({.m = 9, .k = 43, .n = 20, .output = Int8Output::kInt32, .a_signed = a_signed, .w_signed = false, .extremes = true});
    check({.m = 9, .k = 43, .n = 20, .a_signed = a_signed, .w_signed = false, .column_zeros = true, .zw = 3});
    check({.m = 9, .k = 43, .n = 20, .a_signed = a_signed, .column_zeros = true, .zw = 126});
  }
}

TEST(GemmInt8, Residual) {
  for (int64_t n : {1, 8, 13, 16, 24, 32, 47, 64, 96, 100}) {
    check({.m = 13, .k = 20, .n = n, .residual = true, .out_padding = 5});
    check({.m = 1, .k = 20, .n = n, .y_signed = true, .residual = true});
    check({.m = 49, .k = 72, .n = n, .residual = true, .clamp = {0, 11, 100}});
  }
}

TEST(GemmInt8, ClampsAndExtremes) {
  check({.m = 12, .k = 300, .n = 65, .clamp = {0, 11, 120}});
  check({.m = 12, .k = 300, .n = 65, .y_signed = true, .extremes = true, .clamp = {0, -19, 100}});
  for (float multiplier : {1e-6f, 0.4f, 1.0f, 1e3f, 1e8f}) {
    check({.m = 12, .k = 500, .n = 65, .extremes = true, .multiplier = multiplier});
    check({.m = 5, .k = 2000, .n = 17, .y_signed = true, .residual = true, .extremes = true, .multiplier = multiplier});
  }
}

TEST(GemmInt8, LargerThanOneBlock) {
  check({.m = 400, .k = 96, .n = 96});
  check({.m = 196, .k = 384, .n = 64, .residual = true});
  check({.m = 49, .k = 160, .n = 320});
  check({.m = 31, .k = 4610, .n = 33});
  check({.m = 7, .k = 17000, .n = 20});
  check({.m = 2, .k = 40000, .n = 20, .output = Int8Output::kInt32, .a_signed = true});
  check({.m = 1, .k = 70000, .n = 3, .output = Int8Output::kInt32, .zw = 1});
}

}  // namespace
}  // namespace omni::kernels
