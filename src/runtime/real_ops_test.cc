// Sessions of real operators: dynamic batch, threads, instruction sets, shapes that depend on data, through the planning passes.
#include <gtest/gtest.h>

#include <cmath>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "core/rng.h"
#include "ops/op_list.h"
#include "runtime/session.h"

namespace omni::runtime {
namespace {

Tensor random_tensor(std::string_view name, Shape shape, float scale) {
  Tensor t(DType::kF32, shape);
  const RandomStream random(7, name);
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_values<float>()[static_cast<size_t>(i)] = scale * random.normal(static_cast<uint64_t>(i));
  return t;
}

Graph mlp() {
  Graph g("mlp");
  const ValueId x = g.add_input("x", Type(DType::kF32, {g.dims().symbol("N"), 30}));
  const ValueId w1 = g.add_constant("w1", random_tensor("w1", {17, 30}, 0.2f)), b1 = g.add_constant("b1", random_tensor("b1", {17}, 0.2f));
  const ValueId w2 = g.add_constant("w2", random_tensor("w2", {5, 17}, 0.3f)), b2 = g.add_constant("b2", random_tensor("b2", {5}, 0.2f));
  const ValueId h = g.add1(ops::kGemm, {x, w1, b1}, {{"transB", int64_t{1}}});
  const ValueId y = g.add1(ops::kGemm, {g.add1(ops::kRelu, {h}), w2, b2}, {{"transB", int64_t{1}}});
  g.add_output(y);
  return g;
}

std::vector<double> mlp_reference(const Graph& g, const Tensor& x) {
  const auto layer = [&](const std::vector<double>& in, int64_t rows, const char* weight, const char* bias) {
    const Tensor &w = g.value(g.find(weight)).data, &b = g.value(g.find(bias)).data;
    const int64_t n = w.shape()[0], k = w.shape()[1];
    std::vector<double> out;
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = static_cast<double>(b.values<float>()[static_cast<size_t>(j)]);
        for (int64_t p = 0; p < k; ++p)
          sum += in[static_cast<size_t>(i * k + p)] * static_cast<double>(w.values<float>()[static_cast<size_t>(j * k + p)]);
        out.push_back(sum);
      }
    }
    return out;
  };
  std::vector<double> h = layer(to_double(x), x.shape()[0], "w1", "b1");
  for (double& v : h) v = std::max(v, 0.0);
  return layer(h, x.shape()[0], "w2", "b2");
}

Graph lenet() {
  Graph g("lenet");
  const ValueId x = g.add_input("x", Type(DType::kF32, {g.dims().symbol("N"), 1, 28, 28}));
  const auto constant = [&](const char* name, Shape shape, float scale) { return g.add_constant(name, random_tensor(name, shape, scale)); };
  const Attributes pool = {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"strides", std::vector<int64_t>{2, 2}}};
  const ValueId c1 = g.add1(ops::kConv, {x, constant("c1", {20, 1, 5, 5}, 0.2f), constant("d1", {20}, 0.1f)});
  const ValueId p1 = g.add1(ops::kMaxPool, {g.add1(ops::kRelu, {c1})}, pool);
  const ValueId c2 = g.add1(ops::kConv, {p1, constant("c2", {50, 20, 5, 5}, 0.05f), constant("d2", {50}, 0.1f)});
  const ValueId p2 = g.add1(ops::kMaxPool, {g.add1(ops::kRelu, {c2})}, pool);
  const ValueId f = g.add1(ops::kFlatten, {p2});
  const ValueId h = g.add1(ops::kGemm, {f, constant("w1", {500, 800}, 0.03f), constant("b1", {500}, 0.1f)}, {{"transB", int64_t{1}}});
  const ValueId y =
      g.add1(ops::kGemm, {g.add1(ops::kRelu, {h}), constant("w2", {10, 500}, 0.05f), constant("b2", {10}, 0.1f)}, {{"transB", int64_t{1}}});
  g.add_output(g.add1(ops::kSoftmax, {y}, {{"axis", int64_t{1}}}));
  return g;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = to_double(a), y = to_double(b);
  double most = x.size() == y.size() ? 0 : INFINITY;
  for (size_t i = 0; i < x.size() && i < y.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

TEST(RealOps, AnMlpOfAnyBatchOnEveryInstructionSet) {
  for (const Isa isa : available_isas()) {
    Session session(mlp(), {.isa = isa});
    for (const int64_t n : {1, 3, 64, 65}) {
      const std::vector<Tensor> x = {random_tensor("x", {n, 30}, 1)};
      const std::vector<Tensor> y = session.run(x);
      const std::vector<double> expected = mlp_reference(mlp(), x[0]);
      ASSERT_EQ(y[0].shape(), (Shape{n, 5}));
      for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(static_cast<double>(y[0].values<float>()[i]), expected[i], 2e-5) << isa_name(isa);
    }
  }
}

TEST(RealOps, LeNetIsTheSameOnAnyNumberOfThreadsAndNearlyOnAnyInstructionSet) {
  const std::vector<Tensor> x = {random_tensor("x", {9, 1, 28, 28}, 1)};
  Session plain(lenet(), {.isa = Isa::kScalar, .threads = 1, .optimize = false});
  const Tensor truth = plain.run(x)[0];
  for (const Isa isa : available_isas()) {
    Session one(lenet(), {.isa = isa, .threads = 1});
    const Tensor expected = one.run(x)[0];
    EXPECT_LE(largest_difference(expected, truth), 2e-5) << isa_name(isa);
    for (const int threads : {2, 5}) {
      Session session(lenet(), {.isa = isa, .threads = threads});
      EXPECT_TRUE(session.run(x)[0].equal(expected)) << isa_name(isa) << ", " << threads << " threads";
    }
  }
}

TEST(RealOps, BatchesAreTheSumOfTheirSamples) {
  Session session(lenet());
  const std::vector<Tensor> x = {random_tensor("x", {4, 1, 28, 28}, 1)};
  const Tensor all = session.run(x)[0];
  for (int64_t i = 0; i < 4; ++i) {
    const std::vector<Tensor> one = {Tensor::view(DType::kF32, {1, 1, 28, 28}, x[0].values<float>().data() + i * 784, nullptr)};
    const Tensor row = Tensor::view(DType::kF32, {1, 10}, all.values<float>().data() + i * 10, nullptr);
    EXPECT_LE(largest_difference(session.run(one)[0], row), 1e-6);
  }
}

TEST(RealOps, FlushToZeroOfTheCallerChangesNothing) {
#if defined(__x86_64__)
  Graph g("g");
  const ValueId x = g.add_input("x", Type(DType::kF32, Shape{4}));
  g.add_output(g.add1(ops::kMul, {x, g.add_constant("half", Tensor::scalar(0.5f))}));
  Session session(std::move(g), {.threads = 1});
  const std::vector<Tensor> denormal = {Tensor::of<float>({4}, {1e-40f, 2e-40f, -3e-41f, 1})};
  const Tensor expected = session.run(denormal)[0];
  EXPECT_NE(expected.values<float>()[0], 0.0f);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  const Tensor found = session.run(denormal)[0];
  EXPECT_EQ(_mm_getcsr() | 0x3f, before | 0x8040 | 0x3f) << "the caller's environment is back";
  _mm_setcsr(before);
  EXPECT_TRUE(found.equal(expected));
#endif
}

TEST(RealOps, ShapesFromTheBatchFoldAndShapesFromDataEndASegment) {
  const auto text = R"(graph g(%x:f32[N,2,3], %to:i64[2]) -> (%y, %z) {
    const %zero = i64[1]{0}
    const %one = i64[1]{1}
    const %rest = i64[1]{-1}
    %s = Shape(%x)
    %n = Slice(%s, %zero, %one)
    %shape = Concat(%n, %rest) axis=0
    %flat = Reshape(%x, %shape)
    %y = Relu(%flat)
    %r = Reshape(%y, %to)
    %z = Neg(%r)
  })";
  Session session(parse(text, ops::find_op));
  for (const int64_t n : {2, 4}) {
    const std::vector<Tensor> in = {random_tensor("x", {n, 2, 3}, 1), Tensor::of<int64_t>({2}, {3, -1})};
    const std::vector<Tensor> out = session.run(in);
    EXPECT_EQ(out[0].shape(), (Shape{n, 6}));
    EXPECT_EQ(out[1].shape(), (Shape{3, 2 * n}));
    for (size_t i = 0; i < out[0].values<float>().size(); ++i) EXPECT_EQ(out[1].values<float>()[i], -out[0].values<float>()[i]);
  }
  const std::vector<Tensor> wrong = {random_tensor("x", {2, 2, 3}, 1), Tensor::of<int64_t>({2}, {5, -1})};
  EXPECT_FALSE(session.run(wrong, {}).ok());
}

TEST(RealOps, PlacesFoundInDataChooseWhatFollows) {
  Session session(parse(R"(graph g(%x:f32[N], %n:i64[1]) -> (%kept, %zeros) {
    const %first = i64[1]{0}
    %at = NonZero(%x)
    %places = Squeeze(%at, %first)
    %kept = Gather(%x, %places)
    %zeros = ConstantOfShape(%n)
  })",
                        ops::find_op));
  for (const int64_t n : {3, 5, 3}) {
    const std::vector<Tensor> in = {Tensor::of<float>({6}, {0, 7, 0, static_cast<float>(n - 3), 9, 0}), Tensor::of<int64_t>({1}, {n})};
    const std::vector<Tensor> out = session.run(in);
    EXPECT_TRUE(out[0].equal(n == 3 ? Tensor::of<float>({2}, {7, 9}) : Tensor::of<float>({3}, {7, 2, 9})));
    EXPECT_TRUE(out[1].equal(Tensor(DType::kF32, {n})));
  }
}

}  // namespace
}  // namespace omni::runtime
