#include "kernels/elementwise_int8/elementwise_int8.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace omni::kernels {
namespace {

std::vector<uint8_t> bytes(int64_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> v(static_cast<size_t>(n));
  for (auto& x : v) x = static_cast<uint8_t>(random());
  return v;
}

int64_t offset(const core::Shape& shape, const core::Shape& out, int64_t index) {
  int64_t at = 0, stride = 1;
  for (int back = 1; back <= out.rank(); ++back) {
    const int64_t i = index % out[-back];
    index /= out[-back];
    if (back > shape.rank()) continue;
    if (shape[-back] != 1) at += i * stride;
    stride *= shape[-back];
  }
  return at;
}

void check(const BinaryInt8& op, const core::Shape& as, const core::Shape& bs) {
  const core::Shape ys = *core::broadcast(as, bs);
  const std::vector<uint8_t> a = bytes(as.count(), 1), b = bytes(bs.count(), 2);
  std::vector<uint8_t> want;
  for (int64_t i = 0; i < ys.count(); ++i) {
    const uint8_t ab = a[static_cast<size_t>(offset(as, ys, i))], bb = b[static_cast<size_t>(offset(bs, ys, i))];
    const int32_t x = (op.a_signed ? static_cast<int8_t>(ab) : ab) - op.za, z = (op.b_signed ? static_cast<int8_t>(bb) : bb) - op.zb;
    want.push_back(static_cast<uint8_t>(op.multiply ? requantize(x * z, op.ma, op.y) : add_quantized(x, op.ma, z, op.mb, op.y)));
  }
  for (core::Isa isa : core::available_isas()) {
    for (int threads : {1, 2, 5}) {
      core::ThreadPool pool(threads);
      std::vector<uint8_t> got(want.size());
      binary_int8(isa, op, a.data(), as, b.data(), bs, got.data(), ys, pool);
      ASSERT_EQ(want, got) << core::isa_name(isa) << " " << as.text() << " " << bs.text();
    }
  }
}

TEST(ElementwiseInt8, AddAndMultiply) {
  const core::Shape shapes[][2] = {{{1, 5, 7}, {1, 5, 7}}, {{40000}, {40000}},   {{3, 4, 33}, {33}},           {{3, 4, 33}, {1}},
                                   {{}, {2, 17}},          {{2, 1, 16}, {5, 1}}, {{2, 8, 5, 5}, {1, 8, 1, 1}}, {{}, {}}};
  for (const auto& s : shapes) {
    for (bool multiply : {false, true}) {
      for (bool is_signed : {false, true}) {
        const float ma = multiply ? 0.01f : 0.73f;
        check({multiply, is_signed, false, is_signed ? -3 : 128, 60, ma, 1.31f, ByteRange::of(is_signed, 4)}, s[0], s[1]);
        check({multiply, false, is_signed, 0, 1, 5e7f, 3e8f, ByteRange::of(is_signed, 4)}, s[0], s[1]);
      }
    }
  }
}

TEST(ElementwiseInt8, Lookup) {
  std::array<uint8_t, 256> table;
  for (size_t i = 0; i < 256; ++i) table[i] = static_cast<uint8_t>(i * 37 + 11);
  for (int64_t n : {1, 63, 64, 65, 40000}) {
    const int64_t rows = 3, stride = n + 5;
    const std::vector<uint8_t> x = bytes(rows * stride, 9);
    for (core::Isa isa : core::available_isas()) {
      core::ThreadPool pool(2);
      std::vector<uint8_t> want(static_cast<size_t>(rows * (n + 2)), 1), got = want;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < n; ++i) want[static_cast<size_t>(r * (n + 2) + i)] = table[x[static_cast<size_t>(r * stride + i)]];
      }
      lookup_int8(isa, table, x.data(), stride, rows, n, got.data(), n + 2, pool);
      EXPECT_EQ(want, got) << core::isa_name(isa) << " " << n;
    }
  }
}

TEST(ElementwiseInt8, TableOfAFunction) {
  const auto relu = table_of(true, 0.5f, 0, 0.25f, ByteRange::of(false, 0), [](double x) { return x > 0 ? x : 0; });
  EXPECT_EQ(relu[10], 20);
  EXPECT_EQ(relu[static_cast<uint8_t>(-10)], 0);
  EXPECT_EQ(relu[127], 254);
}

}  // namespace
}  // namespace omni::kernels
