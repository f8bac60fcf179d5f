// Operators of com.microsoft against formulas and values worked out by hand. tests/peers/contrib_ops.py has them beside ONNX Runtime.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

Tensor f32(Shape shape, std::initializer_list<float> v) { return Tensor::of<float>(shape, v); }
Tensor u8(Shape shape, std::initializer_list<uint8_t> v) { return Tensor::of<uint8_t>(shape, v); }
Tensor i32(Shape shape, std::initializer_list<int32_t> v) { return Tensor::of<int32_t>(shape, v); }
Tensor zeros(Shape shape) { return Tensor(DType::kF32, shape); }

Outputs each(const Tensor& x, double (*f)(double)) {
  std::vector<double> y;
  for (const double v : to_double(x)) y.push_back(f(v));
  return {y};
}

TEST(ContribActivation, Formulas) {
  const Tensor x = wave(Shape{2, 9}, 4);
  check({.name = "Gelu", .op = &kMsGelu, .inputs = {x}, .reference = [](const Inputs& in) {
           return each(*in[0], [](double v) { return v / 2 * (1 + std::erf(v / std::sqrt(2.0))); });
         }});
  check({.name = "FastGelu", .op = &kMsFastGelu, .inputs = {x}, .reference = [](const Inputs& in) {
           return each(*in[0], [](double v) { return v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))); });
         }});
  check({.name = "QuickGelu", .op = &kMsQuickGelu, .inputs = {x}, .attributes = {{"alpha", 2.0f}}, .reference = [](const Inputs& in) {
           return each(*in[0], [](double v) { return v / (1 + std::exp(-2 * v)); });
         }});
  check({.name = "BiasGelu", .op = &kMsBiasGelu, .inputs = {f32(Shape{1, 2}, {-1, 100}), f32(Shape{2}, {1, 5})}, .expected = {{0, 105}}});
  expect_refused(kMsBiasGelu, {x, zeros(Shape{1, 9})}, {}, "not of rank 1");
}

TEST(ContribFused, ProductsAndConvolutions) {
  const Tensor a = f32(Shape{1, 2}, {1, 2}), b = f32(Shape{2, 2}, {1, -1, 3, -4});
  check({.name = "gemm",
         .op = &kMsFusedGemm,
         .inputs = {a, b, f32(Shape{2}, {10, 1})},
         .attributes = {{"activation", std::string("Relu")}, {"beta", 2.0f}},
         .expected = {{27, 0}}});
  check({.name = "leaky",
         .op = &kMsFusedGemm,
         .inputs = {a, b},
         .attributes = {{"activation", std::string("LeakyRelu")}, {"activation_alpha", 0.5f}},
         .expected = {{7, -4.5}}});
  check({.name = "conv with an addend",
         .op = &kMsFusedConv,
         .inputs = {f32(Shape{1, 1, 1, 2}, {1, -3}), f32(Shape{1, 1, 1, 1}, {2}), f32(Shape{1}, {1}), f32(Shape{1, 1, 1, 2}, {10, 1})},
         .attributes = {{"activation", std::string("Relu")}},
         .expected = {{13, 0}}});
  check({.name = "clip",
         .op = &kMsFusedConv,
         .inputs = {f32(Shape{1, 1, 1, 2}, {1, -3}), f32(Shape{1, 1, 1, 1}, {2})},
         .attributes = {{"activation", std::string("Clip")}, {"activation_params", std::vector<float>{-1, 1.5f}}},
         .expected = {{1.5, -1}}});
  EXPECT_THROW(check({.name = "unknown", .op = &kMsFusedGemm, .inputs = {a, b}, .attributes = {{"activation", std::string("Maxout")}}}), Error);
}

TEST(ContribNormalization, SumsComeFirst) {
  // (3, 5) has the mean 4 and the deviation 1, and the mean square 17.
  const Tensor x = f32(Shape{1, 1, 2}, {1, 2}), skip = f32(Shape{1, 1, 2}, {1, 4}), bias = f32(Shape{2}, {1, -1}), gamma = f32(Shape{2}, {2, 3}),
               beta = f32(Shape{2}, {10, 20});
  const double root = std::sqrt(17.0);
  check({.name = "skip",
         .op = &kMsSkipLayerNormalization,
         .inputs = {x, skip, gamma, beta, bias},
         .attributes = {{"epsilon", 0.0f}},
         .outputs = 4,
         .expected = {{8, 23}, {4}, {1}, {3, 5}}});
  check({.name = "skip without a mean",
         .op = &kMsSkipSimplifiedLayerNormalization,
         .inputs = {x, skip, gamma, bias},
         .attributes = {{"epsilon", 0.0f}},
         .expected = {{6 / root, 15 / root}}});
  check({.name = "simplified",
         .op = &kSimplifiedLayerNormalization,
         .inputs = {f32(Shape{1, 2}, {3, 5}), gamma},
         .attributes = {{"epsilon", 0.0f}},
         .outputs = 2,
         .expected = {{6 / root, 15 / root}, {1 / root}}});
  check({.name = "embeddings",
         .op = &kMsEmbedLayerNormalization,
         .inputs = {i32(Shape{1, 2}, {1, 0}), std::nullopt, f32(Shape{2, 2}, {1, 1, 2, 3}), f32(Shape{3, 2}, {1, 2, 0, 4, 9, 9}), std::nullopt, gamma,
                    beta, i32(Shape{1, 2}, {1, 0})},
         .attributes = {{"epsilon", 0.0f}},
         .outputs = 3,
         .expected = {{8, 23, 8, 23}, {1}, {3, 5, 1, 5}},
         .constants = {2, 3},
         .tolerance = 1e-5});
}

const Tensor kStepA = Tensor::scalar(0.5f), kStepB = Tensor::scalar(0.25f), kStepC = Tensor::scalar(0.5f);
Tensor byte(uint8_t v) { return Tensor::scalar(v); }

TEST(ContribQuantized, BytesByHand) {
  const Tensor a = u8(Shape{3}, {130, 128, 255}), b = u8(Shape{3}, {120, 132, 255});  // 1, 0, 63.5 and -2, 1, 31.75
  check({.name = "sum",
         .op = &kMsQLinearAdd,
         .inputs = {a, kStepA, byte(128), b, kStepB, byte(128), kStepC, byte(10)},
         .expected = {{8, 12, 200}},
         .tolerance = 0.01});
  check({.name = "product",
         .op = &kMsQLinearMul,
         .inputs = {a, kStepA, byte(128), b, kStepB, byte(128), kStepC, byte(10)},
         .expected = {{6, 10, 255}}});
  check({.name = "leaky",
         .op = &kMsQLinearLeakyRelu,
         .inputs = {u8(Shape{2}, {100, 140}), kStepA, byte(128), kStepA, byte(128)},
         .attributes = {{"alpha", 0.5f}},
         .expected = {{114, 140}}});
  check({.name = "sigmoid",
         .op = &kMsQLinearSigmoid,
         .inputs = {u8(Shape{2}, {128, 255}), kStepA, byte(128), Tensor::scalar(1 / 256.0f), byte(0)},
         .expected = {{128, 255}}});
  check({.name = "softmax",
         .op = &kMsQLinearSoftmax,
         .inputs = {u8(Shape{1, 2}, {128, 128}), kStepA, byte(128), Tensor::scalar(1 / 256.0f), byte(0)},
         .attributes = {{"opset", int64_t{13}}},
         .expected = {{128, 128}}});
  check({.name = "joined",
         .op = &kMsQLinearConcat,
         .inputs = {kStepC, byte(0), u8(Shape{1}, {10}), kStepA, byte(4), u8(Shape{1}, {10}), kStepB, byte(4)},
         .attributes = {{"axis", int64_t{0}}},
         .expected = {{6, 3}}});
  const Tensor picture = u8(Shape{1, 2, 2, 1}, {10, 20, 30, 40});
  check({.name = "global average",
         .op = &kMsQLinearGlobalAveragePool,
         .inputs = {picture, kStepA, byte(0), kStepA, byte(5)},
         .attributes = {{"channels_last", int64_t{1}}},
         .expected = {{30}}});
  check({.name = "average",
         .op = &kMsQLinearAveragePool,
         .inputs = {picture, kStepA, byte(0), kStepA, byte(5)},
         .attributes = {{"channels_last", int64_t{1}}, {"kernel_shape", std::vector<int64_t>{1, 2}}},
         .expected = {{20, 40}}});
  check({.name = "largest",
         .op = &kMsNhwcMaxPool,
         .inputs = {picture},
         .attributes = {{"kernel_shape", std::vector<int64_t>{2, 1}}},
         .expected = {{30, 40}}});
  check({.name = "product with an addend",
         .op = &kMsQGemm,  // 1 · 2 + 0.5 · 3 + 100 · 0.25 · 0.5 = 16
         .inputs = {u8(Shape{1, 2}, {130, 129}), kStepA, byte(128), Tensor::of<int8_t>(Shape{2, 1}, {8, 12}), kStepB, Tensor::scalar(int8_t{0}),
                    i32(Shape{1}, {100}), kStepC, byte(1)},
         .expected = {{33}}});
  expect_refused(kMsQLinearAdd, {a, kStepA, Tensor::scalar(int8_t{0}), b, kStepB, byte(0), kStepC, byte(0)}, {}, "another element type");
  expect_refused(kMsQLinearAdd, {a, kStepA, byte(0), b, kStepB}, {}, "is required");
}

TEST(ContribQuantized, ProductsOfBytes) {
  const Tensor b = u8(Shape{2, 1}, {10, 20});
  check({.name = "to float",
         .op = &kMsMatMulIntegerToFloat,
         .inputs = {u8(Shape{1, 2}, {3, 5}), b, kStepA, kStepB, byte(1), byte(8), f32(Shape{1}, {1})},
         .expected = {{(2 * 2 + 4 * 12) / 8.0 + 1}}});
  // 255 and 0 are quantized without loss: the scale is 1.
  check({.name = "quantized as it comes",
         .op = &kMsDynamicQuantizeMatMul,
         .inputs = {f32(Shape{1, 2}, {255, 3}), b, kStepB, byte(8)},
         .expected = {{(255 * 2 + 3 * 12) / 4.0}},
         .tolerance = 1e-5});
}

TEST(ContribBlocks, WeightsOfFourAndEightBits) {
  // One block of 16 columns, all 0 but the first two: nibbles 9 and 11 about 8 in steps of 0.5.
  Tensor b(DType::kU8, Shape{1, 1, 8});
  for (uint8_t& v : b.mutable_values<uint8_t>()) v = 0x88;
  b.mutable_values<uint8_t>()[0] = 0xb9;
  const Attributes settings = {{"K", int64_t{16}}, {"N", int64_t{1}}, {"block_size", int64_t{16}}};
  Tensor a = zeros(Shape{1, 16});
  a.mutable_values<float>()[0] = 3;
  a.mutable_values<float>()[1] = 2;
  check({.name = "four bits",
         .op = &kMsMatMulNBits,
         .inputs = {a, b, f32(Shape{1}, {0.5f})},
         .attributes = settings,
         .expected = {{3 * 0.5 + 2 * 1.5}},
         .constants = {2}});
  check({.name = "with a zero point",
         .op = &kMsMatMulNBits,
         .inputs = {a, b, f32(Shape{1}, {0.5f}), u8(Shape{1}, {0x09})},
         .attributes = settings,
         .expected = {{0 + 2}},
         .constants = {2}});
  Attributes whole = settings;
  whole.set("bits", int64_t{8});
  Tensor bytes(DType::kU8, Shape{1, 1, 16});
  for (uint8_t& v : bytes.mutable_values<uint8_t>()) v = 128;
  bytes.mutable_values<uint8_t>()[1] = 120;
  check({.name = "eight bits",
         .op = &kMsMatMulNBits,
         .inputs = {a, bytes, f32(Shape{1}, {0.5f})},
         .attributes = whole,
         .expected = {{-8}},
         .constants = {2}});
  Attributes narrow = settings;
  narrow.set("block_size", int64_t{12});
  expect_refused(kMsMatMulNBits, {zeros(Shape{1, 15}), b, f32(Shape{1}, {1})}, settings, "A has 15 columns");
  check({.name = "rows",
         .op = &kMsGatherBlockQuantized,
         .inputs = {u8(Shape{2, 8}, {0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0xa9, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88}),
                    Tensor::of<int64_t>(Shape{1}, {1}), f32(Shape{2, 1}, {1, 0.5f})},
         .attributes = {{"block_size", int64_t{16}}},
         .expected = {{0.5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
         .constants = {2}});
}

TEST(ContribRotary, QuarterTurns) {
  const Tensor cosine = f32(Shape{2, 1}, {1, 0}), sine = f32(Shape{2, 1}, {0, 1});
  check({.name = "from where it begins",
         .op = &kMsRotaryEmbedding,
         .inputs = {f32(Shape{1, 2, 2}, {1, 2, 1, 2}), ints({0}), cosine, sine},
         .expected = {{1, 2, -2, 1}},
         .constants = {0, 2, 3}});
}

// Without anything to tell keys apart, what a query sees is averaged.
TEST(ContribAttention, AveragesWhatIsSeen) {
  const Tensor x = f32(Shape{1, 3, 1}, {1, 2, 6}), w = f32(Shape{1, 3}, {0, 0, 1});  // v = x
  const auto attention = [&](const char* name, std::optional<Tensor> mask, Attributes a, std::vector<double> expected) {
    a.set("num_heads", int64_t{1});
    check({.name = name,
           .op = &kMsAttention,
           .inputs = {x, w, zeros(Shape{3}), mask},
           .attributes = a,
           .expected = {expected},
           .constants = {1, 2},
           .tolerance = 1e-5});
  };
  attention("all", std::nullopt, {}, {3, 3, 3});
  attention("before", std::nullopt, {{"unidirectional", int64_t{1}}}, {1, 1.5, 3});
  attention("lengths", i32(Shape{1}, {2}), {}, {1.5, 1.5, 1.5});
  attention("begin and end", i32(Shape{2}, {3, 1}), {}, {4, 4, 4});
  attention("by key", i32(Shape{1, 3}, {1, 0, 1}), {}, {3.5, 3.5, 3.5});
  check({.name = "past",
         .op = &kMsAttention,
         .inputs = {x, w, zeros(Shape{3}), std::nullopt, f32(Shape{2, 1, 1, 1, 1}, {0, 7})},
         .attributes = {{"num_heads", int64_t{1}}},
         .outputs = 2,
         .expected = {{4, 4, 4}, {0, 0, 0, 0, 7, 1, 2, 6}},
         .constants = {1, 2},
         .tolerance = 1e-5});
  check({.name = "bytes",
         .op = &kMsQAttention,
         .inputs = {u8(Shape{1, 2, 1}, {12, 16}), u8(Shape{1, 3}, {5, 5, 7}), zeros(Shape{3}), kStepA, kStepB, std::nullopt, byte(10), byte(5)},
         .attributes = {{"num_heads", int64_t{1}}},
         .expected = {{1, 1}},
         .constants = {2},
         .tolerance = 1e-5});
  check({.name = "packed",
         .op = &kMsMultiHeadAttention,
         .inputs = {f32(Shape{1, 2, 1, 3, 1}, {0, 5, 2, 0, 3, 4})},
         .attributes = {{"num_heads", int64_t{1}}},
         .expected = {{3, 3}},
         .constants = {0}});
  check({.name = "packed keys",
         .op = &kMsMultiHeadAttention,
         .inputs = {zeros(Shape{1, 1, 1}), f32(Shape{1, 2, 1, 2, 1}, {5, 2, 3, 4})},
         .attributes = {{"num_heads", int64_t{1}}},
         .expected = {{3}},
         .constants = {0, 1}});
  check({.name = "with past",
         .op = &kMsMultiHeadAttention,
         .inputs = {zeros(Shape{1, 1, 1}), zeros(Shape{1, 1, 1}), f32(Shape{1, 1, 1}, {9}), std::nullopt, std::nullopt, std::nullopt,
                    zeros(Shape{1, 1, 2, 1}), f32(Shape{1, 1, 2, 1}, {1, 2})},
         .attributes = {{"num_heads", int64_t{1}}},
         .outputs = 3,
         .expected = {{4}, {0, 0, 0}, {1, 2, 9}},
         .tolerance = 1e-5});
}

// Two sequences of a cache with room for three: one has 2 keys after the step, the other 3. Behind a sequence's end the cache is 0.
TEST(ContribAttention, GroupedQueriesKeepTheirOwnLengths) {
  const Tensor q = zeros(Shape{2, 1, 2}), k = zeros(Shape{2, 1, 1}), v = f32(Shape{2, 1, 1}, {10, 20});
  const Tensor past = f32(Shape{2, 1, 3, 1}, {1, 2, 3, 4, 6, 8});
  check({.name = "step",
         .op = &kMsGroupQueryAttention,
         .inputs = {q, k, v, zeros(Shape{2, 1, 3, 1}), past, i32(Shape{2}, {1, 2}), Tensor::scalar(int32_t{3})},
         .attributes = {{"num_heads", int64_t{2}}, {"kv_num_heads", int64_t{1}}},
         .outputs = 3,
         .expected = {{5.5, 5.5, 10, 10}, {0, 0, 0, 0, 0, 0}, {1, 10, 0, 4, 6, 20}},
         .constants = {0, 1, 2, 3, 4},
         .tolerance = 1e-5});
  check({.name = "window",
         .op = &kMsGroupQueryAttention,
         .inputs = {q, k, v, zeros(Shape{2, 1, 3, 1}), past, i32(Shape{2}, {1, 2}), Tensor::scalar(int32_t{3})},
         .attributes = {{"num_heads", int64_t{2}}, {"kv_num_heads", int64_t{1}}, {"local_window_size", int64_t{1}}},
         .outputs = 3,
         .expected = {{10, 10, 20, 20}},
         .constants = {0, 1, 2, 3, 4},
         .tolerance = 1e-5});
  // A sink of score 0 counts as one more key of value 0.
  check({.name = "sink",
         .op = &kMsGroupQueryAttention,
         .inputs = {q, k, v, zeros(Shape{2, 1, 3, 1}), past, i32(Shape{2}, {1, 2}), Tensor::scalar(int32_t{3})},
         .attributes = {{"num_heads", int64_t{2}}, {"kv_num_heads", int64_t{1}}, {"smooth_softmax", int64_t{1}}},
         .outputs = 3,
         .expected = {{11 / 3.0, 11 / 3.0, 7.5, 7.5}},
         .constants = {0, 1, 2, 3, 4},
         .tolerance = 1e-5});
  expect_refused(kMsGroupQueryAttention, {q, k, v, std::nullopt, std::nullopt, i32(Shape{2}, {0, 0}), Tensor::scalar(int32_t{1})},
                 {{"num_heads", int64_t{2}}, {"kv_num_heads", int64_t{3}}}, "does not divide");
}

}  // namespace
}  // namespace omni::ops
