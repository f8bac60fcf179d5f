// The fused node against its definition in double: broadcast groups, permutations, bias and mask.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

// [batch, groups, heads of a group, queries, size]; K and V have one head a group.
constexpr int64_t kBatch = 2, kGroups = 2, kHeads = 3, kQueries = 4, kKeys = 5, kSize = 8, kValues = 6;

struct Options {
  bool bias = false, mask = false, hides = false;
  double scale = 1, fill = -INFINITY;
};

Outputs reference(const Inputs& in, const Options& o) {
  const std::vector<double> q = to_double(*in[0]), k = to_double(*in[1]), v = to_double(*in[2]);
  const std::vector<double> bias = o.bias ? to_double(*in[3]) : std::vector<double>(), mask = o.mask ? to_double(*in[4]) : std::vector<double>();
  std::vector<double> y;
  for (int64_t item = 0; item < kBatch * kGroups * kHeads; ++item) {
    const int64_t group = item / kHeads;
    for (int64_t i = 0; i < kQueries; ++i) {
      std::vector<double> w(kKeys);
      double total = 0;
      for (int64_t j = 0; j < kKeys; ++j) {
        double score = 0;
        for (int64_t d = 0; d < kSize; ++d)
          score += q[static_cast<size_t>((item * kQueries + i) * kSize + d)] * k[static_cast<size_t>((group * kKeys + j) * kSize + d)];
        score *= o.scale;
        if (o.bias) score += bias[static_cast<size_t>(item % kHeads * kKeys + j)];
        if (o.mask && (mask[static_cast<size_t>(i * kKeys + j)] != 0) == o.hides) score = o.fill;
        total += w[static_cast<size_t>(j)] = std::exp(score);
      }
      for (int64_t d = 0; d < kValues; ++d) {
        double sum = 0;
        for (int64_t j = 0; j < kKeys; ++j) sum += w[static_cast<size_t>(j)] / total * v[static_cast<size_t>((group * kKeys + j) * kValues + d)];
        y.push_back(sum);
      }
    }
  }
  return {y};
}

Tensor mask() {
  Tensor t(DType::kBool, Shape{kQueries, kKeys});
  const auto bits = t.mutable_values<uint8_t>();
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = i % 3 != 1;
  return t;
}

OpCase grouped(std::string name, const Options& o, Attributes attributes) {
  Inputs in = {wave(Shape{kBatch, kGroups, kHeads, kQueries, kSize}), wave(Shape{kBatch, kGroups, 1, kKeys, kSize}, 0.8),
               wave(Shape{kBatch, kGroups, 1, kKeys, kValues}, 1.5)};
  if (o.bias || o.mask) in.push_back(o.bias ? std::optional(wave(Shape{kHeads, 1, kKeys})) : std::nullopt);
  if (o.mask) in.push_back(mask());
  return {.name = std::move(name),
          .op = &kFusedAttention,
          .inputs = std::move(in),
          .attributes = std::move(attributes),
          .reference = [o](const Inputs& inputs) { return reference(inputs, o); },
          .tolerance = 5e-6};
}

TEST(FusedAttention, Cases) {
  check(grouped("plain", {}, {}));
  check(grouped("scale and bias", {.bias = true, .scale = 0.5}, {{"scale", 0.5f}}));
  check(grouped("mask", {.mask = true}, {}));
  check(grouped("bias and mask that hides", {.bias = true, .mask = true, .hides = true, .fill = -2}, {{"fill", -2.0f}, {"hides", int64_t{1}}}));
}

// The same values stored in another order give the same numbers in another order.
TEST(FusedAttention, Permutations) {
  const Tensor x = wave(Shape{2, 4, 3, 8});
  const auto head = [&](const Tensor& t, int64_t b, int64_t h, int64_t i, int64_t d) {
    return static_cast<double>(t.values<float>()[static_cast<size_t>(((b * 4 + i) * 3 + h) * 8 + d)]);
  };
  std::vector<double> y(2 * 4 * 3 * 8);
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t h = 0; h < 3; ++h) {
      for (int64_t i = 0; i < 4; ++i) {
        double w[4], total = 0;
        for (int64_t j = 0; j < 4; ++j) {
          double score = 0;
          for (int64_t d = 0; d < 8; ++d) score += head(x, b, h, i, d) * head(x, b, h, j, d);
          total += w[j] = std::exp(score);
        }
        for (int64_t d = 0; d < 8; ++d) {
          double sum = 0;
          for (int64_t j = 0; j < 4; ++j) sum += w[j] / total * head(x, b, h, j, d);
          y[static_cast<size_t>(((b * 4 + i) * 3 + h) * 8 + d)] = sum;
        }
      }
    }
  }
  const std::vector<int64_t> perm = {0, 2, 1, 3};
  check({.name = "heads between rows",
         .op = &kFusedAttention,
         .inputs = {x, x, x},
         .attributes = {{"q_perm", perm}, {"k_perm", perm}, {"v_perm", perm}, {"y_perm", perm}},
         .expected = {y},
         .shapes = {Shape{2, 4, 3, 8}},
         .tolerance = 5e-6});
}

TEST(FusedAttention, Refuses) {
  const Tensor q = wave(Shape{3, 4, 8}), k = wave(Shape{3, 5, 8});
  expect_refused(kFusedAttention, {q, wave(Shape{3, 5, 7}), k}, {}, "row sizes of q and k");
  expect_refused(kFusedAttention, {q, k, wave(Shape{3, 6, 8})}, {}, "numbers of keys");
  expect_refused(kFusedAttention, {q, k, k}, {{"q_perm", std::vector<int64_t>{0, 2, 1}}}, "takes rows apart");
  expect_refused(kFusedAttention, {q, k, k}, {{"v_perm", std::vector<int64_t>{0, 0, 2}}}, "no permutation");
  expect_refused(kFusedAttention, {q, k, k, wave(Shape{2, 4, 5})}, {}, "bias or mask");
  expect_refused(kFusedAttention, {q, k, k, wave(Shape{4, 5}), wave(Shape{4, 5})}, {}, "not bool");
}

}  // namespace
}  // namespace omni::ops
