// Gemm and MatMul against sums in double.
#include <gtest/gtest.h>

#include <algorithm>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kGemmGradient, kMatMulGradient, kFusedMatMulGradient;

namespace {

struct Matrix {
  std::vector<double> v;
  int64_t rows, columns;
  double at(int64_t r, int64_t c) const { return v[static_cast<size_t>(r * columns + c)]; }
};

Matrix matrix(const Tensor& t, bool transposed) {
  Matrix m{to_double(t), t.shape()[0], t.shape()[1]};
  if (!transposed) return m;
  Matrix turned{std::vector<double>(m.v.size()), m.columns, m.rows};
  for (int64_t r = 0; r < m.rows; ++r) {
    for (int64_t c = 0; c < m.columns; ++c) turned.v[static_cast<size_t>(c * m.rows + r)] = m.at(r, c);
  }
  return turned;
}

std::vector<double> product(const Matrix& a, const Matrix& b) {
  std::vector<double> y;
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < b.columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < a.columns; ++k) sum += a.at(i, k) * b.at(k, j);
      y.push_back(sum);
    }
  }
  return y;
}

OpCase gemm_case(std::string name, Shape a, Shape b, std::optional<Shape> c, bool ta, bool tb, double alpha = 1, double beta = 1) {
  OpCase test{.name = std::move(name), .op = &kGemm, .inputs = {wave(a), wave(b, 0.7)}, .gradient = &kGemmGradient};
  if (c) test.inputs.push_back(wave(*c, 2));
  test.attributes = {{"alpha", static_cast<float>(alpha)}, {"beta", static_cast<float>(beta)}, {"transA", int64_t{ta}}, {"transB", int64_t{tb}}};
  test.reference = [=](const Inputs& in) {
    const Matrix x = matrix(*in[0], ta), y = matrix(*in[1], tb);
    std::vector<double> out = product(x, y);
    const std::vector<double> addend = in.size() > 2 ? to_double(*in[2]) : std::vector<double>{0.0};
    const Shape s = in.size() > 2 ? in[2]->shape() : Shape{};
    for (size_t i = 0; i < out.size(); ++i) {
      const int64_t row = static_cast<int64_t>(i) / y.columns, column = static_cast<int64_t>(i) % y.columns;
      const int64_t r = s.rank() == 2 && s[0] != 1 ? row : 0, q = s.rank() > 0 && s[-1] != 1 ? column : 0;
      out[i] = alpha * out[i] + beta * addend[static_cast<size_t>(r * (s.rank() > 0 ? s[-1] : 1) + q)];
    }
    return Outputs{out};
  };
  test.tolerance = 4e-6;
  return test;
}

TEST(Gemm, Cases) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const Shape a = ta ? Shape{5, 7} : Shape{7, 5}, b = tb ? Shape{3, 5} : Shape{5, 3};
      check(gemm_case("bias per column", a, b, Shape{3}, ta, tb));
      check(gemm_case("matrix, factors", a, b, Shape{7, 3}, ta, tb, 0.5, -2));
      check(gemm_case("bias per row", a, b, Shape{7, 1}, ta, tb));
      check(gemm_case("scalar", a, b, Shape{}, ta, tb));
      check(gemm_case("no C", a, b, std::nullopt, ta, tb));
    }
  }
  OpCase packed = gemm_case("constant weights", Shape{3, 40}, Shape{70, 40}, Shape{70}, false, true);
  packed.constants = {1, 2};
  packed.gradient = nullptr;
  check(packed);
}

TEST(Gemm, Refused) {
  expect_refused(kGemm, {wave(Shape{2, 3}), wave(Shape{4, 5})}, {}, "A has 3 columns, B has 4 rows");
  expect_refused(kGemm, {wave(Shape{2, 3}), wave(Shape{3, 5}), wave(Shape{4})}, {}, "C does not broadcast");
  expect_refused(kGemm, {wave(Shape{2, 3, 1}), wave(Shape{3, 5})}, {}, "must be matrices");
}

// Stacks of matrices by explicit loops over the broadcast batch.
Outputs stacked(const Inputs& in, int64_t batch, int64_t a_every, int64_t b_every, int64_t m, int64_t k, int64_t n) {
  const std::vector<double> a = to_double(*in[0]), b = to_double(*in[1]);
  std::vector<double> y;
  for (int64_t i = 0; i < batch; ++i) {
    const Matrix x{{a.begin() + a_every * i, a.begin() + a_every * i + m * k}, m, k},
        w{{b.begin() + b_every * i, b.begin() + b_every * i + k * n}, k, n};
    const std::vector<double> part = product(x, w);
    y.insert(y.end(), part.begin(), part.end());
  }
  return {y};
}

OpCase matmul_case(std::string name, Shape a, Shape b, Shape out, std::function<Outputs(const Inputs&)> reference, const GradDef* gradient) {
  return {.name = std::move(name),
          .op = &kMatMul,
          .inputs = {wave(a), wave(b, 0.7)},
          .reference = std::move(reference),
          .shapes = {out},
          .tolerance = 4e-6,
          .gradient = gradient};
}

TEST(MatMul, Cases) {
  const auto batched = [](int64_t batch, int64_t a, int64_t b) { return [=](const Inputs& in) { return stacked(in, batch, a, b, 3, 5, 4); }; };
  check(matmul_case("matrices", Shape{3, 5}, Shape{5, 4}, Shape{3, 4}, batched(1, 0, 0), &kMatMulGradient));
  check(matmul_case("batch", Shape{2, 3, 3, 5}, Shape{2, 3, 5, 4}, Shape{2, 3, 3, 4}, batched(6, 15, 20), &kMatMulGradient));
  check(matmul_case("one B", Shape{2, 2, 3, 5}, Shape{5, 4}, Shape{2, 2, 3, 4}, batched(4, 15, 0), &kMatMulGradient));
  check(matmul_case("one A", Shape{3, 5}, Shape{4, 5, 4}, Shape{4, 3, 4}, batched(4, 0, 20), &kMatMulGradient));
  check(matmul_case(
      "row", Shape{5}, Shape{5, 4}, Shape{4}, [](const Inputs& in) { return stacked(in, 1, 0, 0, 1, 5, 4); }, nullptr));
  check(matmul_case(
      "column", Shape{3, 5}, Shape{5}, Shape{3}, [](const Inputs& in) { return stacked(in, 1, 0, 0, 3, 5, 1); }, nullptr));
  check(matmul_case(
      "dot", Shape{5}, Shape{5}, Shape{}, [](const Inputs& in) { return stacked(in, 1, 0, 0, 1, 5, 1); }, nullptr));
  OpCase constant = matmul_case("constant B", Shape{2, 3, 5}, Shape{5, 4}, Shape{2, 3, 4}, batched(2, 15, 0), nullptr);
  constant.constants = {1};
  check(constant);
}

// A [2,1,3,5] against B [4,5,4]: both operands repeat.
TEST(MatMul, BothBroadcast) {
  check({.name = "cross",
         .op = &kMatMul,
         .inputs = {wave(Shape{2, 1, 3, 5}), wave(Shape{4, 5, 4})},
         .reference =
             [](const Inputs& in) {
               std::vector<double> y;
               const std::vector<double> a = to_double(*in[0]), b = to_double(*in[1]);
               for (int64_t i = 0; i < 2; ++i) {
                 for (int64_t j = 0; j < 4; ++j) {
                   const Matrix x{{a.begin() + i * 15, a.begin() + i * 15 + 15}, 3, 5}, w{{b.begin() + j * 20, b.begin() + j * 20 + 20}, 5, 4};
                   const std::vector<double> part = product(x, w);
                   y.insert(y.end(), part.begin(), part.end());
                 }
               }
               return Outputs{y};
             },
         .shapes = {Shape{2, 4, 3, 4}},
         .tolerance = 4e-6,
         .gradient = &kMatMulGradient});
}

TEST(FusedMatMul, Transposed) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      check({.name = "transposed",
             .op = &kFusedMatMul,
             .inputs = {wave(ta ? Shape{5, 3} : Shape{3, 5}), wave(tb ? Shape{4, 5} : Shape{5, 4})},
             .attributes = {{"alpha", 0.5f}, {"transA", int64_t{ta}}, {"transB", int64_t{tb}}},
             .reference =
                 [=](const Inputs& in) {
                   std::vector<double> y = product(matrix(*in[0], ta), matrix(*in[1], tb));
                   for (double& v : y) v *= 0.5;
                   return Outputs{y};
                 },
             .tolerance = 4e-6,
             .gradient = &kFusedMatMulGradient});
    }
  }
}

// A stack of rows, bias, residual, bounds; and the same through the expansion.
TEST(FusedGemm, Stacks) {
  for (const bool tb : {false, true}) {
    const OpCase c{.name = "stack",
                   .op = &kFusedGemm,
                   .inputs = {wave(Shape{2, 3, 5}), wave(tb ? Shape{4, 5} : Shape{5, 4}), wave(Shape{4}, 0.7), wave(Shape{2, 3, 4}, 1.3)},
                   .attributes = {{"alpha", 0.5f}, {"beta", 2.0f}, {"transB", int64_t{tb}}, {"min", 0.0f}, {"max", 2.0f}},
                   .reference =
                       [=](const Inputs& in) {
                         const Matrix rows{to_double(*in[0]), 6, 5};
                         std::vector<double> y = product(rows, matrix(*in[1], tb));
                         const std::vector<double> bias = to_double(*in[2]), residual = to_double(*in[3]);
                         for (size_t i = 0; i < y.size(); ++i) y[i] = std::clamp(0.5 * y[i] + 2 * bias[i % 4] + residual[i], 0.0, 2.0);
                         return Outputs{y};
                       },
                   .shapes = {Shape{2, 3, 4}},
                   .tolerance = 4e-6};
    check(c);
    Graph graph;
    std::map<ValueId, Tensor> known;
    std::vector<ValueId> inputs;
    for (const auto& t : c.inputs) {
      inputs.push_back(graph.add_input("x", Type(DType::kF32, t->shape())));
      known.emplace(inputs.back(), *t);
    }
    const ValueId y = graph.add1(kFusedGemm, inputs, c.attributes);
    const ValueId z = kFusedGemm.expand(graph, *graph.producer(y))[0];
    graph.add_output(y);
    graph.add_output(z);
    ThreadPool pool(1);
    const std::map<ValueId, Tensor> values = run_graph(graph, known, pool, Isa::kScalar);
    const std::vector<double> fused = to_double(values.at(y)), expanded = to_double(values.at(z));
    for (size_t i = 0; i < fused.size(); ++i) EXPECT_NEAR(fused[i], expanded[i], 1e-6);
  }
}

TEST(FusedGemm, Refused) {
  expect_refused(kFusedGemm, {wave(Shape{2, 3, 5}), wave(Shape{4, 4})}, {}, "5 columns");
  expect_refused(kFusedGemm, {wave(Shape{2, 3, 5}), wave(Shape{5, 4}), wave(Shape{3})}, {}, "C is not [N]");
  expect_refused(kFusedGemm, {wave(Shape{3, 5}), wave(Shape{5, 4}), std::nullopt, wave(Shape{3, 1})}, {}, "residual");
  expect_refused(kFusedGemm, {wave(Shape{2, 3, 5}), wave(Shape{5, 4})}, {{"transA", int64_t{1}}}, "transposed");
}

TEST(MatMul, Refused) {
  expect_refused(kMatMul, {wave(Shape{2, 3}), wave(Shape{4, 5})}, {}, "inner dimensions are 3 and 4");
  expect_refused(kMatMul, {wave(Shape{2, 3, 4}), wave(Shape{3, 4, 5})}, {}, "do not broadcast");
  expect_refused(kMatMul, {wave(Shape{}), wave(Shape{4, 5})}, {}, "scalar");
}

}  // namespace
}  // namespace omni::ops
