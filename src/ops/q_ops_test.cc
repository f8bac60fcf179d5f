// The integer operators by themselves: every instruction set, thread count, layout and the text form (the harness), and values where
// they are short to say. The lowering's tests compare them with the float graphs they replace.
#include <gtest/gtest.h>

#include "kernels/quantize/requantize.h"
#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

constexpr int64_t kU8Type = 2, kI8Type = 3, kF32Type = 1;

Tensor bytes(DType dtype, Shape shape, int step = 37) {
  Tensor t(dtype, shape);
  uint8_t* p = static_cast<uint8_t*>(t.mutable_data());
  for (int64_t i = 0; i < shape.count(); ++i) p[i] = static_cast<uint8_t>(i * step + i / 7 * 11);
  return t;
}

Tensor scales(int64_t n, float first) {
  Tensor t(DType::kF32, Shape{n});
  for (int64_t i = 0; i < n; ++i) t.mutable_values<float>()[static_cast<size_t>(i)] = first * (1.0f + 0.25f * static_cast<float>(i % 5));
  return t;
}

Attributes result(Attributes a, int64_t type = kU8Type, float scale = 0.5f, int64_t zero = 30) {
  a.set("y_type", type);
  if (type != kF32Type) {
    a.set("y_scale", scale);
    a.set("y_zero", zero);
  }
  return a;
}

TEST(QConv, Cases) {
  const Attributes x = {{"x_scale", 0.02f}, {"x_zero", int64_t{7}}, {"pads", std::vector<int64_t>{1, 1, 1, 1}}};
  for (const DType t : {DType::kU8, DType::kI8}) {
    for (const int64_t y : {kU8Type, kI8Type, kF32Type}) {
      check({.name = "dense",
             .op = &kQConv,
             .inputs = {bytes(t, Shape{2, 5, 6, 7}), bytes(DType::kI8, Shape{9, 5, 3, 3}), scales(9, 0.002f), std::nullopt,
                        bytes(DType::kI32, Shape{9}, 1)},
             .attributes = result(x, y),
             .constants = {2}});
    }
    Attributes grouped = x;
    grouped.set("group", int64_t{20});
    check({.name = "depthwise",
           .op = &kQConv,
           .inputs = {bytes(t, Shape{1, 20, 6, 7}), bytes(DType::kI8, Shape{20, 1, 3, 3}), scales(20, 0.02f)},
           .attributes = result(grouped),
           .constants = {2}});
    Attributes sum = result({{"x_scale", 0.02f}, {"x_zero", int64_t{7}}});
    sum.set("residual_scale", 0.3f);
    sum.set("residual_zero", int64_t{20});
    sum.set("sum_scale", 0.6f);
    sum.set("sum_zero", int64_t{10});
    sum.set("sum_type", kU8Type);
    check({.name = "residual",
           .op = &kQConv,
           .inputs = {bytes(t, Shape{2, 5, 6, 7}), bytes(DType::kI8, Shape{9, 5, 1, 1}), scales(1, 0.01f), std::nullopt, std::nullopt,
                      bytes(DType::kU8, Shape{2, 9, 6, 7}, 13)},
           .attributes = sum,
           .constants = {2}});
  }
  check({.name = "one dimension, weights about 128",
         .op = &kQConv,
         .inputs = {bytes(DType::kU8, Shape{1, 3, 11}), bytes(DType::kU8, Shape{4, 3, 2}), scales(4, 0.002f), Tensor::of<int32_t>(Shape{1}, {128})},
         .attributes = result({{"x_scale", 0.02f}}),
         .constants = {2}});
}

TEST(QGemm, Cases) {
  // (3 - 1) * 2 + (5 - 1) * -1 = 0, plus 7; in steps: 7 * 0.5 * 0.25 / 0.5 = 1.75.
  check({.name = "by hand",
         .op = &kQGemm,
         .inputs = {Tensor::of<uint8_t>(Shape{1, 2}, {3, 5}), Tensor::of<int8_t>(Shape{2, 1}, {2, -1}), Tensor::of<float>(Shape{1}, {0.25f}),
                    std::nullopt, Tensor::of<int32_t>(Shape{1}, {7})},
         .attributes = result({{"x_scale", 0.5f}, {"x_zero", int64_t{1}}}),
         .expected = {{32}},
         .constants = {2}});
  check({.name = "by hand, f32",
         .op = &kQGemm,
         .inputs = {Tensor::of<uint8_t>(Shape{1, 2}, {3, 5}), Tensor::of<int8_t>(Shape{1, 2}, {2, -1}), Tensor::of<float>(Shape{1}, {0.25f}),
                    std::nullopt, Tensor::of<int32_t>(Shape{1}, {7})},
         .attributes = result({{"x_scale", 0.5f}, {"x_zero", int64_t{1}}, {"transB", int64_t{1}}}, kF32Type),
         .expected = {{0.875}},
         .constants = {2}});
  check({.name = "three dimensions",
         .op = &kQGemm,
         .inputs = {bytes(DType::kI8, Shape{2, 3, 70}), bytes(DType::kI8, Shape{70, 33}), scales(33, 0.001f)},
         .attributes = result({{"x_scale", 0.02f}}),
         .constants = {2}});
}

TEST(QMatMul, Cases) {
  for (const int64_t y : {kU8Type, kF32Type}) {
    check({.name = "batched",
           .op = &kQMatMul,
           .inputs = {bytes(DType::kU8, Shape{2, 5, 17}), bytes(DType::kI8, Shape{2, 17, 9})},
           .attributes = result({{"a_scale", 0.02f}, {"a_zero", int64_t{100}}, {"b_scale", 0.01f}, {"b_zero", int64_t{-3}}}, y)});
  }
  check({.name = "by hand",
         .op = &kQMatMul,
         .inputs = {Tensor::of<uint8_t>(Shape{1, 2}, {3, 5}), Tensor::of<uint8_t>(Shape{2, 1}, {9, 4})},
         .attributes = result({{"a_scale", 0.5f}, {"a_zero", int64_t{1}}, {"b_scale", 1.0f}, {"b_zero", int64_t{5}}}, kF32Type),
         .expected = {{2.0}}});
}

TEST(QBinary, Cases) {
  const Attributes a = {{"a_scale", 0.5f}, {"a_zero", int64_t{1}}, {"b_scale", 0.25f}, {"b_zero", int64_t{2}}};
  check({.name = "sum",
         .op = &kQAdd,
         .inputs = {Tensor::of<uint8_t>(Shape{3}, {5, 1, 255}), Tensor::of<uint8_t>(Shape{3}, {6, 0, 255})},
         .attributes = result(a),
         .expected = {{36, 29, 255}}});
  check({.name = "product",
         .op = &kQMul,
         .inputs = {Tensor::of<uint8_t>(Shape{2}, {5, 0}), Tensor::of<uint8_t>(Shape{2}, {6, 10})},
         .attributes = result(a),
         .expected = {{34, 28}}});
  check({.name = "broadcast",
         .op = &kQAdd,
         .inputs = {bytes(DType::kU8, Shape{2, 3, 4, 5}), bytes(DType::kI8, Shape{3, 1, 1})},
         .attributes = result(a, kI8Type)});
}

TEST(QPool, Cases) {
  const Attributes window = {
      {"kernel_shape", std::vector<int64_t>{3, 3}}, {"strides", std::vector<int64_t>{2, 2}}, {"pads", std::vector<int64_t>{1, 1, 1, 1}}};
  check({.name = "max", .op = &kQMaxPool, .inputs = {bytes(DType::kI8, Shape{2, 5, 9, 8})}, .attributes = window});
  Attributes average = result(window);
  average.set("x_scale", 0.25f);
  check({.name = "average", .op = &kQAveragePool, .inputs = {bytes(DType::kU8, Shape{2, 5, 9, 8})}, .attributes = average});
  check({.name = "global, by hand",
         .op = &kQGlobalAveragePool,
         .inputs = {Tensor::of<uint8_t>(Shape{1, 1, 2, 2}, {1, 2, 3, 6})},
         .attributes = result({{"x_scale", 0.5f}}),
         .expected = {{33}}});
}

TEST(QConcat, Cases) {
  check({.name = "rescaled",
         .op = &kQConcat,
         .inputs = {Tensor::of<uint8_t>(Shape{1, 2}, {4, 8}), Tensor::of<int8_t>(Shape{1, 2}, {-4, 100})},
         .attributes = result({{"axis", int64_t{1}}, {"x_scales", std::vector<float>{0.5f, 1.0f}}, {"x_zeros", std::vector<int64_t>{0, -2}}}),
         .expected = {{34, 38, 26, 234}}});
  check({.name = "channels",
         .op = &kQConcat,
         .inputs = {bytes(DType::kU8, Shape{2, 3, 4, 5}), bytes(DType::kU8, Shape{2, 4, 4, 5})},
         .attributes = result({{"axis", int64_t{1}}, {"x_scales", std::vector<float>{0.5f, 1.0f}}, {"x_zeros", std::vector<int64_t>{0, 3}}})});
}

TEST(QLookup, Cases) {
  Tensor table(DType::kU8, Shape{256});
  for (size_t i = 0; i < 256; ++i) table.mutable_values<uint8_t>()[i] = static_cast<uint8_t>(255 - i);
  check({.name = "reversed", .op = &kQLookup, .inputs = {Tensor::of<int8_t>(Shape{3}, {0, -1, 5}), table}, .expected = {{255, 0, 250}}});
}

TEST(QuantizePixels, Cases) {
  for (const int64_t channels : {1, 3, 4})
    check({.name = "picture", .op = &kQuantizePixels, .inputs = {wave(Shape{2, channels, 5, 7}, 40)}, .attributes = result({})});
}

}  // namespace
}  // namespace omni::ops
