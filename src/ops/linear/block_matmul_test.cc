// BlockMatMul against the definition in double: every type of weights, padding, zero points, bias, rounding to half precision.
#include <gtest/gtest.h>

#include "core/half.h"
#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

Outputs reference(const Inputs& in, int64_t block, bool half) {
  const std::vector<double> a = to_double(*in[0]), q = to_double(*in[1]), scales = to_double(*in[2]);
  const std::vector<double> zeros = in.size() > 3 && in[3] ? to_double(*in[3]) : std::vector<double>(scales.size(), 0.0);
  const int64_t k = in[0]->shape()[-1], n = in[1]->shape()[0], stored = in[1]->shape()[1], blocks = in[2]->shape()[1];
  std::vector<double> y;
  for (int64_t i = 0; i < static_cast<int64_t>(a.size()) / k; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = in.size() > 4 ? to_double(*in[4])[static_cast<size_t>(j)] : 0;
      for (int64_t s = 0; s < k; ++s) {
        const auto at = static_cast<size_t>(j * blocks + s / block);
        float w = static_cast<float>(q[static_cast<size_t>(j * stored + s)] - zeros[at]) * static_cast<float>(scales[at]);
        if (half) w = f16_to_f32(f32_to_f16(w));
        sum += a[static_cast<size_t>(i * k + s)] * static_cast<double>(w);
      }
      y.push_back(sum);
    }
  }
  return {y};
}

Tensor integers(DType type, Shape shape, int step) {
  const int range = dtype_bits(type) == 4 ? 16 : 256, low = is_signed_integer(type) ? -range / 2 : 0;
  std::vector<double> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<double>(static_cast<int>(i) * step % range + low);
  return from_double(type, shape, v);
}

TEST(BlockMatMul, Cases) {
  for (const DType type : {DType::kU4, DType::kI4, DType::kU8, DType::kI8}) {
    const std::string name(dtype_name(type));
    const Tensor q = integers(type, Shape{20, 48}, 7), scales = wave(Shape{20, 3}, 0.02, 0.03), zeros = integers(type, Shape{20, 3}, 5);
    const auto plain = [](const Inputs& in) { return reference(in, 16, false); };
    check({.name = name, .op = &kBlockMatMul, .inputs = {wave(Shape{2, 3, 48}), q, scales}, .attributes = {{"block_size", int64_t{16}}},
           .reference = plain, .constants = {2}, .tolerance = 2e-5});
    check({.name = name + " with zero points and bias, the last block cut off", .op = &kBlockMatMul, .inputs = {wave(Shape{1, 41}), q, scales, zeros, wave(Shape{20})},
           .attributes = {{"block_size", int64_t{16}}}, .reference = plain, .constants = {2}, .tolerance = 2e-5});
    check({.name = name + " in half precision", .op = &kBlockMatMul, .inputs = {wave(Shape{7, 48}), q, wave(Shape{20, 3}, 0.02, 0.03, DType::kF16), zeros},
           .attributes = {{"block_size", int64_t{16}}, {"half", int64_t{1}}}, .reference = [](const Inputs& in) { return reference(in, 16, true); },
           .constants = {2}, .tolerance = 2e-5});
  }
}

TEST(BlockMatMul, Refuses) {
  const Tensor a = wave(Shape{2, 32}), q = integers(DType::kU4, Shape{5, 32}, 3), scales = wave(Shape{5, 2});
  expect_refused(kBlockMatMul, {a, q, scales}, {{"block_size", int64_t{12}}}, "no multiple");
  expect_refused(kBlockMatMul, {a, q, scales}, {{"block_size", int64_t{32}}}, "do not fit");
  expect_refused(kBlockMatMul, {a, q, scales, integers(DType::kI4, Shape{5, 2}, 3)}, {{"block_size", int64_t{16}}}, "zero points");
  expect_refused(kBlockMatMul, {a, q, scales, std::nullopt, wave(Shape{4})}, {{"block_size", int64_t{16}}}, "bias");
}

}  // namespace
}  // namespace omni::ops
