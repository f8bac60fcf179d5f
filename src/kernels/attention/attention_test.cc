// Attention against its definition in double: every path (rows times rows, plain and packed keys), tails, masks, strides, threads.
#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

namespace omni::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<float> wave(int64_t n, double step, double scale) {
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(std::sin(static_cast<double>(i) * step + 0.3) * scale);
  return x;
}

double score(const AttentionArgs& a, int64_t item, int64_t i, int64_t j) {
  const AttentionShape& s = a.shape;
  double sum = 0;
  for (int64_t d = 0; d < s.size; ++d) {
    const float k = a.k[a.k_offsets[item] + (s.keys_in_rows ? j * a.k_row + d : d * a.k_row + j)];
    sum += static_cast<double>(a.q[a.q_offsets[item] + i * a.q_row + d]) * static_cast<double>(k);
  }
  sum *= static_cast<double>(a.scale);
  const double bias = a.bias == nullptr ? 0 : static_cast<double>(a.bias[a.bias_offsets[item] + i * a.bias_row + j * a.bias_column]);
  const bool hidden = a.mask != nullptr && (a.mask[a.mask_offsets[item] + i * a.mask_row + j * a.mask_column] != 0) == a.hides;
  if (!a.bias_last) sum += bias;
  if (hidden) sum = static_cast<double>(a.fill);
  if (!a.bias_last) return sum;
  return static_cast<double>(static_cast<float>(sum) + static_cast<float>(bias));  // -10000 leaves the bias three digits
}

void expect_definition(const AttentionArgs& a, const std::vector<float>& y, const char* what) {
  const AttentionShape& s = a.shape;
  for (int64_t item = 0; item < s.items; ++item) {
    for (int64_t i = 0; i < s.queries; ++i) {
      std::vector<double> w(static_cast<size_t>(s.keys));
      double most = -kInfinity, total = 0;
      for (int64_t j = 0; j < s.keys; ++j) most = std::max(most, w[static_cast<size_t>(j)] = score(a, item, i, j));
      for (double& x : w) total += x = std::exp(x - most);
      for (int64_t d = 0; d < s.value_size; ++d) {
        double expected = 0;
        for (int64_t j = 0; j < s.keys; ++j)
          expected += w[static_cast<size_t>(j)] / total * static_cast<double>(a.v[a.v_offsets[item] + j * a.v_row + d]);
        if (a.empty_is_zero && most == -kInfinity) expected = 0;
        const float got = y[static_cast<size_t>(a.y_offsets[item] + i * a.y_row + d)];
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(got)) << what << " " << item << " " << i;
        } else {
          // Sums of at most 300 products of numbers up to 2, weights that add up to 1.
          ASSERT_NEAR(got, expected, 4e-6) << what << " " << item << " " << i << " " << d;
        }
      }
    }
  }
}

// Every instruction set, one and five threads: the definition, and the same bytes.
void check(AttentionArgs a, int64_t y_floats, const char* what) {
  core::ThreadPool one(1), five(5);
  for (const core::Isa isa : core::available_isas()) {
    std::vector<float> y(static_cast<size_t>(y_floats) + 1, 77), again = y;
    std::vector<std::byte> memory(attention_scratch_bytes(isa, a.shape) + 64);
    a.scratch = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;
    a.y = y.data();
    attention(isa, a, one);
    EXPECT_EQ(y.back(), 77);
    expect_definition(a, y, what);
    a.y = again.data();
    attention(isa, a, five);
    ASSERT_EQ(std::memcmp(y.data(), again.data(), y.size() * sizeof(float)), 0) << what;
  }
}

struct Heads {
  std::vector<int64_t> q, k, v, y, zero;
};

// Items one behind the other; `shared` of them have one K and V.
Heads place(AttentionArgs& a) {
  const AttentionShape& s = a.shape;
  Heads h;
  for (int64_t i = 0; i < s.items; ++i) {
    h.q.push_back(i * s.queries * s.size);
    h.k.push_back(i / s.shared_keys * s.keys * s.size);
    h.v.push_back(i / s.shared_keys * s.keys * s.value_size);
    h.y.push_back(i * s.queries * s.value_size);
    h.zero.push_back(0);
  }
  a.q_row = s.size;
  a.k_row = s.keys_in_rows ? s.size : s.keys;
  a.v_row = a.y_row = s.value_size;
  return h;
}

void point(AttentionArgs& a, const Heads& h) {
  a.q_offsets = h.q.data();
  a.k_offsets = h.k.data();
  a.v_offsets = h.v.data();
  a.y_offsets = h.y.data();
  a.bias_offsets = a.mask_offsets = h.zero.data();
}

TEST(Attention, EveryPathAndTail) {
  for (const int64_t queries : {1, 3, 5, 24, 50}) {
    for (const int64_t keys : {1, 7, 16, 97, 300}) {
      for (const int64_t size : {8, 17}) {
        for (const bool rows : {true, false}) {
          AttentionArgs a;
          a.shape = {queries, keys, size, size == 8 ? int64_t{20} : int64_t{64}, rows, 4, 2};
          const Heads h = place(a);
          point(a, h);
          const std::vector<float> q = wave(4 * queries * size, 1.3, 2), k = wave(2 * keys * size, 0.7, 2), v = wave(2 * keys * a.shape.value_size, 1.9, 2);
          a.q = q.data();
          a.k = k.data();
          a.v = v.data();
          a.scale = 0.4f;
          check(a, 4 * queries * a.shape.value_size, "plain");
        }
      }
    }
  }
}

// Each form of bias and mask by rows and columns, and rows that see nothing, in the first tile of keys alone and in all.
TEST(Attention, BiasAndMask) {
  const int64_t queries = 9, keys = 150, size = 8;
  const std::vector<float> q = wave(queries * size, 1.3, 2), k = wave(keys * size, 0.7, 2), v = wave(keys * size, 1.9, 2);
  std::vector<float> bias = wave(queries * keys, 2.1, 3);
  std::vector<uint8_t> mask(bias.size());
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 == 0;
  const auto set_row = [&](size_t row, size_t count, float b, uint8_t m) {
    for (size_t j = 0; j < count; ++j) {
      bias[row * 150 + j] = b;
      mask[row * 150 + j] = m;
    }
  };
  set_row(2, 100, -INFINITY, 0);
  set_row(3, 150, -INFINITY, 0);
  set_row(4, 100, -10000.0f, 1);
  set_row(5, 150, -3.4028235e38f, 1);
  set_row(6, 149, -3.4028235e38f, 1);
  for (int form = 0; form < 64; ++form) {
    AttentionArgs a;
    a.shape = {(form & 1) != 0 ? queries : 4, keys, size, size, true, 1, 1};
    const Heads h = place(a);
    point(a, h);
    a.q = q.data();
    a.k = k.data();
    a.v = v.data();
    a.bias = (form & 2) != 0 ? bias.data() : nullptr;
    a.mask = (form & 4) != 0 ? mask.data() : nullptr;
    a.bias_row = keys;
    a.bias_column = 1;
    a.mask_row = (form & 8) != 0 ? keys : 0;
    a.mask_column = (form & 24) == 24 ? 0 : 1;
    a.hides = (form & 16) != 0;
    a.bias_last = (form & 32) != 0;
    a.fill = a.hides ? -10000.0f : -INFINITY;
    a.empty_is_zero = (form & 8) != 0;
    check(a, a.shape.queries * size, "masked");
  }
}

// Heads that lie between each other, as a projection [length, heads, size] has them.
TEST(Attention, Strides) {
  const int64_t length = 30, heads = 3, size = 16;
  const std::vector<float> q = wave(length * heads * size, 1.3, 2), k = wave(length * heads * size, 0.7, 2), v = wave(length * heads * size, 1.9, 2);
  AttentionArgs a;
  a.shape = {length, length, size, size, true, heads, 1};
  a.q_row = a.k_row = a.v_row = a.y_row = heads * size;
  Heads h;
  for (int64_t i = 0; i < heads; ++i) h.q.push_back(i * size);
  h.k = h.v = h.y = h.q;
  h.zero.assign(3, 0);
  point(a, h);
  a.q = q.data();
  a.k = k.data();
  a.v = v.data();
  check(a, length * heads * size, "strided");
}

TEST(Attention, NoKeysGiveZeros) {
  AttentionArgs a;
  a.shape = {2, 0, 4, 3, true, 1, 1};
  const Heads h = place(a);
  point(a, h);
  const std::vector<float> q(8, 1.0f), none(1);
  a.q = q.data();
  a.k = a.v = none.data();
  core::ThreadPool one(1);
  for (const core::Isa isa : core::available_isas()) {
    std::vector<float> y(6, 77);
    a.y = y.data();
    attention(isa, a, one);
    EXPECT_EQ(y, std::vector<float>(6, 0.0f));
  }
}

TEST(Attention, NothingToComputeTakesNothing) {
  for (const core::Isa isa : core::available_isas()) {
    for (const AttentionShape& shape : {AttentionShape{0, 5, 4, 3, true, 2, 1}, AttentionShape{2, 5, 4, 0, true, 2, 1}, AttentionShape{2, 5, 4, 3, true, 0, 1}}) {
      EXPECT_EQ(attention_scratch_bytes(isa, shape), 0u);
    }
  }
}

}  // namespace
}  // namespace omni::kernels
