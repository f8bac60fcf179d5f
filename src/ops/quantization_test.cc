// ONNX's quantization operators: the examples of their pages, per axis, blocked, 4-bit, every sign.
#include <gtest/gtest.h>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

Tensor u8(Shape shape, std::vector<double> v) { return from_double(DType::kU8, shape, v); }
Tensor i8(Shape shape, std::vector<double> v) { return from_double(DType::kI8, shape, v); }
Tensor f32(Shape shape, std::vector<double> v) { return from_double(DType::kF32, shape, v); }

// Bytes of a fixed pattern that has both ends of the range.
Tensor pattern(DType dtype, Shape shape) {
  Tensor t(dtype, shape);
  uint8_t* p = static_cast<uint8_t*>(t.mutable_data());
  for (int64_t i = 0; i < shape.count(); ++i) p[i] = static_cast<uint8_t>(i * 37 + i / 7 * 11);
  return t;
}

TEST(QuantizeLinear, Cases) {
  check({.name = "page",
         .op = &kQuantizeLinear,
         .inputs = {f32(Shape{6}, {0, 2, 3, 1000, -254, -1000}), Tensor::scalar(2.0f), Tensor::scalar<uint8_t>(128)},
         .expected = {{128, 129, 130, 255, 1, 0}}});
  check({.name = "axis",
         .op = &kQuantizeLinear,
         .inputs = {f32(Shape{1, 3, 3, 2}, {-162, 10, -100, 232, -20, -50, -76, 0, 0, 252, 32, -44, 245, -485, -960, -270, -375, -470}),
                    f32(Shape{3}, {2, 4, 5}), u8(Shape{3}, {84, 24, 196})},
         .expected = {{3, 89, 34, 200, 74, 59, 5, 24, 24, 87, 32, 13, 245, 99, 4, 142, 121, 102}}});
  check({.name = "ties to even, signed",
         .op = &kQuantizeLinear,
         .inputs = {f32(Shape{6}, {0.5, 1.5, 2.5, -0.5, -1.5, 300}), Tensor::scalar(1.0f), Tensor::scalar<int8_t>(0)},
         .expected = {{0, 2, 2, 0, -2, 127}}});
  check({.name = "no zero point", .op = &kQuantizeLinear, .inputs = {f32(Shape{3}, {-1, 1, 700}), Tensor::scalar(2.0f)}, .expected = {{0, 0, 255}}});
  check({.name = "4 bits",
         .op = &kQuantizeLinear,
         .inputs = {f32(Shape{5}, {-20, -3, 0, 3.5, 20}), Tensor::scalar(1.0f), from_double(DType::kI4, Shape{}, std::vector<double>{0})},
         .expected = {{-8, -3, 0, 4, 7}}});
  check({.name = "blocks",
         .op = &kQuantizeLinear,
         .inputs = {f32(Shape{2, 4}, {1, 2, 3, 4, 10, 20, 30, 40}), f32(Shape{2, 2}, {1, 2, 5, 10})},
         .attributes = {{"axis", int64_t{1}}, {"block_size", int64_t{2}}},
         .expected = {{1, 2, 2, 2, 2, 4, 3, 4}}});
  check({.name = "16 bits",
         .op = &kQuantizeLinear,
         .inputs = {f32(Shape{2}, {-70000, 1234}), Tensor::scalar(1.0f), Tensor::scalar<int16_t>(0)},
         .expected = {{-32768, 1234}}});
  check({.name = "long rows", .op = &kQuantizeLinear, .inputs = {wave(Shape{2, 3, 5, 37}, 90), Tensor::scalar(0.5f), Tensor::scalar<uint8_t>(100)}});
}

TEST(QuantizeLinear, Refused) {
  expect_refused(kQuantizeLinear, {wave(Shape{2, 3}), f32(Shape{2}, {1, 1})}, {}, "axis 1 has 3 elements, scale 2");
  expect_refused(kQuantizeLinear, {wave(Shape{2, 3}), f32(Shape{3}, {1, 1, 1}), Tensor::of<uint8_t>(Shape{2}, {1, 1})}, {}, "differ in shape");
  expect_refused(kQuantizeLinear, {wave(Shape{2, 3}), f32(Shape{2, 2}, {1, 1, 1, 1})}, {{"block_size", int64_t{3}}}, "instead of 1");
  expect_refused(kQuantizeLinear, {wave(Shape{2, 3}), f32(Shape{2, 2}, {1, 1, 1, 1})}, {{"block_size", INT64_MAX}}, "block_size is");
}

TEST(DequantizeLinear, Cases) {
  check({.name = "page",
         .op = &kDequantizeLinear,
         .inputs = {u8(Shape{4}, {0, 3, 128, 255}), Tensor::scalar(2.0f), Tensor::scalar<uint8_t>(128)},
         .expected = {{-256, -250, 0, 254}}});
  check({.name = "i32",
         .op = &kDequantizeLinear,
         .inputs = {from_double(DType::kI32, Shape{2}, std::vector<double>{100000, -7}), Tensor::scalar(0.5f)},
         .expected = {{50000, -3.5}}});
  check({.name = "axis 0",
         .op = &kDequantizeLinear,
         .inputs = {i8(Shape{2, 3}, {1, 2, 3, -4, -5, -128}), f32(Shape{2}, {0.5, 2}), i8(Shape{2}, {0, 1})},
         .attributes = {{"axis", int64_t{0}}},
         .expected = {{0.5, 1, 1.5, -10, -12, -258}}});
  check({.name = "4 bits in blocks",
         .op = &kDequantizeLinear,
         .inputs = {from_double(DType::kU4, Shape{3, 2}, std::vector<double>{0, 15, 8, 7, 1, 2}), f32(Shape{2, 2}, {1, 2, 4, 8}),
                    from_double(DType::kU4, Shape{2, 2}, std::vector<double>{8, 8, 0, 1})},
         .attributes = {{"axis", int64_t{0}}, {"block_size", int64_t{2}}},
         .expected = {{-8, 14, 0, -2, 4, 8}}});
  check({.name = "f16",
         .op = &kDequantizeLinear,
         .inputs = {i8(Shape{2}, {3, -4}), from_double(DType::kF16, Shape{}, std::vector<double>{0.5})},
         .expected = {{1.5, -2}}});
}

TEST(DynamicQuantizeLinear, Cases) {
  check({.name = "page",
         .op = &kDynamicQuantizeLinear,
         .inputs = {f32(Shape{6}, {0, 2, -3, -2.5, 1.34, 0.5})},
         .outputs = 3,
         .expected = {{153, 255, 0, 26, 221, 179}, {5.0 / 255}, {153}}});
  check({.name = "positive",
         .op = &kDynamicQuantizeLinear,
         .inputs = {f32(Shape{2, 3}, {1, 2.1, 1.3, 2.5, 3.34, 4})},
         .outputs = 3,
         .expected = {{64, 134, 83, 159, 213, 255}, {4.0 / 255}, {0}}});
  check({.name = "zeros", .op = &kDynamicQuantizeLinear, .inputs = {f32(Shape{3}, {0, 0, 0})}, .outputs = 3});
  check({.name = "long", .op = &kDynamicQuantizeLinear, .inputs = {wave(Shape{3, 20000}, 4)}, .outputs = 3});
}

int64_t at(const Tensor& t, int64_t i) { return to_int64(t)[static_cast<size_t>(i)]; }

Outputs product(const Inputs& in) {
  const Tensor &a = *in[0], &b = *in[1];
  const int64_t m = a.shape()[-2], k = a.shape()[-1], n = b.shape()[-1], batches = a.count() / (m * k);
  const std::vector<int64_t> av = to_int64(a), bv = to_int64(b);
  const auto zero = [&](size_t i, int64_t j) { return in.size() > i && in[i] ? at(*in[i], in[i]->count() > 1 ? j : 0) : 0; };
  std::vector<double> y;
  for (int64_t x = 0; x < batches; ++x)
    for (int64_t r = 0; r < m; ++r)
      for (int64_t c = 0; c < n; ++c) {
        int64_t sum = 0;
        const int64_t bo = b.shape().rank() > 2 ? x * k * n : 0;
        for (int64_t i = 0; i < k; ++i) {
          sum += (av[static_cast<size_t>((x * m + r) * k + i)] - zero(2, r)) * (bv[static_cast<size_t>(bo + i * n + c)] - zero(3, c));
        }
        y.push_back(static_cast<double>(sum));
      }
  return {y};
}

TEST(MatMulInteger, Cases) {
  check(
      {.name = "page",
       .op = &kMatMulInteger,
       .inputs = {u8(Shape{4, 3}, {11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0}), u8(Shape{3, 2}, {1, 4, 2, 5, 3, 6}), u8(Shape{}, {12}), u8(Shape{}, {0})},
       .expected = {{-38, -83, -44, -98, -50, -113, -56, -128}}});
  for (const DType a : {DType::kU8, DType::kI8})
    for (const DType b : {DType::kU8, DType::kI8})
      for (const bool constant : {false, true}) {
        const auto zero = [](DType t, std::vector<double> v) {
          return from_double(t, v.size() == 1 ? Shape{} : Shape{static_cast<int64_t>(v.size())}, v);
        };
        const std::vector<int> constants = constant ? std::vector<int>{1, 3} : std::vector<int>{};
        check({.name = "scalar zero points",
               .op = &kMatMulInteger,
               .inputs = {pattern(a, Shape{9, 70}), pattern(b, Shape{70, 33}), zero(a, {7}), zero(b, {3})},
               .reference = product,
               .constants = constants});
        check({.name = "per row and column",
               .op = &kMatMulInteger,
               .inputs = {pattern(a, Shape{3, 10}), pattern(b, Shape{10, 2}), zero(a, {7, 0, 1}), zero(b, {3, 100})},
               .reference = product,
               .constants = constants});
        check({.name = "none, batched",
               .op = &kMatMulInteger,
               .inputs = {pattern(a, Shape{2, 5, 8}), pattern(b, Shape{2, 8, 6})},
               .reference = product,
               .constants = constants});
        check({.name = "batched by one",
               .op = &kMatMulInteger,
               .inputs = {pattern(a, Shape{2, 5, 8}), pattern(b, Shape{8, 6})},
               .reference = product,
               .constants = constants});
      }
}

TEST(ConvInteger, Cases) {
  const Tensor page = u8(Shape{1, 1, 3, 3}, {2, 3, 4, 5, 6, 7, 8, 9, 10}), ones = u8(Shape{1, 1, 2, 2}, {1, 1, 1, 1});
  for (const bool constant : {false, true}) {
    const std::vector<int> constants = constant ? std::vector<int>{1, 3} : std::vector<int>{};
    check({.name = "page", .op = &kConvInteger, .inputs = {page, ones, u8(Shape{}, {1})}, .expected = {{12, 16, 24, 28}}, .constants = constants});
    check({.name = "padded",
           .op = &kConvInteger,
           .inputs = {page, ones, u8(Shape{}, {1})},
           .attributes = {{"pads", std::vector<int64_t>{1, 1, 1, 1}}},
           .expected = {{1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9}},
           .constants = constants});
    check({.name = "groups, zero points of w",
           .op = &kConvInteger,
           .inputs = {pattern(DType::kI8, Shape{2, 4, 5, 6}), pattern(DType::kI8, Shape{6, 2, 3, 3}), i8(Shape{}, {-3}),
                      i8(Shape{6}, {1, 2, 0, 0, -3, 4})},
           .attributes = {{"group", int64_t{2}}},
           .constants = constants});
  }
}

}  // namespace
}  // namespace omni::ops
