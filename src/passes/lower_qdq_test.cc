// What lower_qdq makes of each pattern, as text, and that the integers stay within a step of what the float graph computes.
#include "passes/lower_qdq.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/evaluate.h"
#include "ops/op_list.h"

namespace omni::passes {
namespace {

Graph lowered(const std::string& text, std::vector<std::string>* notes = nullptr) {
  Graph graph = parse(text, ops::find_op);
  PassContext context;
  lower_qdq(graph, context);
  verify(graph);
  if (notes != nullptr) *notes = context.notes;
  return graph;
}

// The operators that run, in order.
std::string operators(const Graph& graph) {
  std::string s;
  for (const NodeId id : graph.order()) s += (s.empty() ? "" : " ") + std::string(graph.node(id).op->name);
  return s;
}

// Every node run alone on the graph's inputs.
std::vector<Tensor> run(const Graph& graph, const std::vector<Tensor>& inputs, Isa isa = Isa::kScalar) {
  std::map<ValueId, Tensor> known;
  for (size_t i = 0; i < inputs.size(); ++i) known.emplace(graph.inputs()[i], inputs[i]);
  for (const ValueId id : graph.constants()) known.emplace(id, graph.value(id).data);
  ThreadPool pool(1);
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    std::vector<std::optional<Tensor>> arguments;
    for (const ValueId v : n.inputs) arguments.push_back(v == kNone ? std::nullopt : std::optional(known.at(v)));
    const auto results = ops::evaluate(n, arguments, pool, isa);
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (n.outputs[i] != kNone) known.emplace(n.outputs[i], (*results)[i]);
    }
  }
  std::vector<Tensor> out;
  for (const ValueId id : graph.outputs()) out.push_back(known.at(id));
  return out;
}

Tensor picture(Shape shape) {
  Tensor t(DType::kF32, shape);
  for (int64_t i = 0; i < shape.count(); ++i)
    t.mutable_values<float>()[static_cast<size_t>(i)] = 2.0f * std::sin(static_cast<float>(i) * 0.7f + static_cast<float>(i / 11) * 0.3f);
  return t;
}

// Lowers the graph; the results must stay within `steps` quantization steps of `step`, and be the same bytes on every instruction set.
void check(const std::string& text, const std::string& wanted, const std::vector<Tensor>& inputs, float step, double steps = 1.01) {
  const Graph before = parse(text, ops::find_op);
  const Graph after = lowered(text);
  EXPECT_EQ(operators(after), wanted);
  const std::vector<Tensor> want = run(before, inputs), got = run(after, inputs);
  for (size_t o = 0; o < want.size(); ++o) {
    ASSERT_EQ(want[o].shape(), got[o].shape());
    const std::vector<double> a = to_double(want[o]), b = to_double(got[o]);
    for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], steps * step) << "output " << o << ", element " << i;
  }
  for (const Isa isa : available_isas()) {
    const std::vector<Tensor> other = run(after, inputs, isa);
    for (size_t o = 0; o < got.size(); ++o) EXPECT_TRUE(other[o].equal(got[o])) << isa_name(isa);
  }
}

constexpr const char* kConstants = R"(
    const %sx = f32[]{0.02}
    const %zx = u8[]{100}
    const %sy = f32[]{0.05}
    const %zy = u8[]{120}
    const %w = i8[4,2,3,3]{5,-7,9,100,-127,3,1,2,4,60,-70,80,9,8,7,6,5,4,3,2,1,0,-1,-2,-3,-4,-5,-6,-7,-8,-9,-10,-11,-12,-13,-14,
      15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,-38,-39,-40,-41,-42,43,44,45,46,47,48,49,50}
    const %sw = f32[4]{0.01,0.002,0.005,0.004}
    const %zw = i8[4]{0,0,0,0}
    const %b = f32[4]{0.5,-0.25,0.1,0.3})";

std::string conv_graph(const std::string& middle, const std::string& outputs = "%y") {
  return std::string("graph g(%x:f32[1,2,6,7]) -> (") + outputs + ") {" + kConstants + R"(
    %q = QuantizeLinear(%x, %sx, %zx)
    %d = DequantizeLinear(%q, %sx, %zx)
    %wd = DequantizeLinear(%w, %sw, %zw) axis=0
)" + middle +
         "\n}";
}

TEST(LowerQdq, Convolution) {
  check(conv_graph(R"(    %c = Conv(%d, %wd, %b) pads=[1,1,1,1]
    %r = QuantizeLinear(%c, %sy, %zy)
    %y = DequantizeLinear(%r, %sy, %zy))"),
        "QuantizePixels QConv DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.05f);
}

TEST(LowerQdq, ConvolutionWithAnActivation) {
  check(conv_graph(R"(    %c = Conv(%d, %wd, %b) strides=[2,2]
    %a = Relu(%c)
    %r = QuantizeLinear(%a, %sy, %zy)
    %y = DequantizeLinear(%r, %sy, %zy))"),
        "QuantizePixels QConv DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.05f);
  const Graph g = lowered(conv_graph(R"(    const %low = f32[]{0.0}
    const %high = f32[]{6.0}
    %c = Conv(%d, %wd, %b) strides=[2,2]
    %a = Clip(%c, %low, %high)
    %y = QuantizeLinear(%a, %sy, %zy))"));
  const Node& conv = *g.producer(g.outputs()[0]);
  EXPECT_EQ(conv.attributes.get_int("y_low", -1), 120);
  EXPECT_EQ(conv.attributes.get_int("y_high", -1), 240);
  EXPECT_EQ(g.value(g.outputs()[0]).name, "y");
}

TEST(LowerQdq, AResultThatStaysFloat) {
  check(conv_graph("    %y = Conv(%d, %wd, %b)"), "QuantizePixels QConv", {picture(Shape{1, 2, 6, 7})}, 0.001f);
}

TEST(LowerQdq, AddBecomesAResidualOfTheConvolution) {
  check(conv_graph(R"(    const %w2 = i8[2,2,1,1]{100,-20,30,90}
    const %s2 = f32[]{0.01}
    %w2d = DequantizeLinear(%w2, %s2)
    %c = Conv(%d, %w2d)
    %r = QuantizeLinear(%c, %sy, %zy)
    %e = DequantizeLinear(%r, %sy, %zy)
    %a = Add(%e, %d)
    %s = QuantizeLinear(%a, %sy, %zy)
    %y = DequantizeLinear(%s, %sy, %zy))"),
        "QuantizePixels QConv DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.05f, 2.01);
}

TEST(LowerQdq, SumsAndProductsOfTensors) {
  for (const char* op : {"Add", "Mul"}) {
    check(conv_graph(std::string(R"(    %t = Transpose(%d) perm=[0,1,3,2]
    %u = Transpose(%t) perm=[0,1,3,2]
    %a = )") + op + R"((%u, %d)
    %s = QuantizeLinear(%a, %sy, %zy)
    %y = DequantizeLinear(%s, %sy, %zy))"),
          std::string("QuantizeLinear Transpose Transpose Q") + op + " DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.05f);
  }
}

TEST(LowerQdq, Pools) {
  check(conv_graph(R"(    %c = AveragePool(%d) kernel_shape=[2,2] pads=[0,0,1,1]
    %s = QuantizeLinear(%c, %sy, %zy)
    %y = DequantizeLinear(%s, %sy, %zy))"),
        "QuantizeLinear QAveragePool DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.05f);
  check(conv_graph(R"(    %c = GlobalAveragePool(%d)
    %s = QuantizeLinear(%c, %sy, %zy)
    %y = DequantizeLinear(%s, %sy, %zy))"),
        "QuantizeLinear QGlobalAveragePool DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.05f);
  check(conv_graph(R"(    %c = MaxPool(%d) kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]
    %s = QuantizeLinear(%c, %sx, %zx)
    %y = DequantizeLinear(%s, %sx, %zx))"),
        "QuantizeLinear QMaxPool DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.0f, 0);
}

TEST(LowerQdq, PadPutsZeroPointsAmongTheBytes) {
  const auto padded = [](const std::string& pad) {
    return conv_graph("    const %p = i64[8]{0,0,1,0,0,0,0,2}\n    const %v = f32[]{0.0}\n" + pad + R"(
    %s = QuantizeLinear(%c, %sx, %zx)
    %y = DequantizeLinear(%s, %sx, %zx))");
  };
  for (const char* pad : {"    %c = Pad(%d, %p)", "    %c = Pad(%d, %p, %v)", "    %c = Pad(%d, %p) mode=\"edge\""})
    check(padded(pad), "QuantizeLinear Pad DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.0f, 0);
  const std::string ones = "    const %one = f32[]{1.0}\n    %c = Pad(%d, %p, %one)";
  check(padded(ones), "QuantizeLinear DequantizeLinear Pad QuantizeLinear DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.0f, 0);
}

TEST(LowerQdq, TablesAndChangesOfScale) {
  for (const char* op : {"Sigmoid", "HardSwish", "Tanh", "Relu"}) {
    check(conv_graph(std::string("    %c = ") + op + R"((%d)
    %s = QuantizeLinear(%c, %sy, %zy)
    %y = DequantizeLinear(%s, %sy, %zy))"),
          "QuantizeLinear QLookup DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.0f, 0);
  }
  check(conv_graph(R"(    %s = QuantizeLinear(%d, %sy, %zy)
    %y = DequantizeLinear(%s, %sy, %zy))"),
        "QuantizeLinear QLookup DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.0f, 0);
}

TEST(LowerQdq, Concat) {
  const char* middle = R"(    const %s2 = f32[]{0.03}
    %q2 = QuantizeLinear(%x, %s2, %zx)
    %d2 = DequantizeLinear(%q2, %s2, %zx)
    %c = Concat(%d, %d2) axis=1
    %s = QuantizeLinear(%c, %sy, %zy)
    %y = DequantizeLinear(%s, %sy, %zy))";
  check(conv_graph(middle), "QuantizeLinear QuantizeLinear QConcat DequantizeLinear", {picture(Shape{1, 2, 6, 7})}, 0.05f);
}

TEST(LowerQdq, GemmAndMatMul) {
  const std::string head = R"(graph g(%x:f32[3,5]) -> (%y) {
    const %sx = f32[]{0.02}
    const %zx = u8[]{100}
    const %w = i8[5,4]{1,-2,3,-4,50,60,-70,80,9,10,-11,12,13,14,-15,127,-127,18,19,20}
    const %sw = f32[4]{0.01,0.02,0.03,0.04}
    const %b = f32[4]{0.5,-1.0,2.0,0.0}
    %q = QuantizeLinear(%x, %sx, %zx)
    %d = DequantizeLinear(%q, %sx, %zx)
    %wd = DequantizeLinear(%w, %sw) axis=1
)";
  const Tensor x = picture(Shape{3, 5});
  check(head + "    %y = Gemm(%d, %wd, %b)\n}", "QuantizeLinear QGemm", {x}, 0.0005f);
  check(head + "    %p = MatMul(%d, %wd)\n    %y = Add(%p, %b)\n}", "QuantizeLinear QGemm", {x}, 0.0005f);
  check(head + R"(    %p = MatMul(%d, %wd)
    %a = Add(%b, %p)
    %r = Relu(%a)
    %s = QuantizeLinear(%r, %sx, %zx)
    %y = DequantizeLinear(%s, %sx, %zx)
})",
        "QuantizeLinear QGemm DequantizeLinear", {x}, 0.02f);
  check(R"(graph g(%x:f32[2,3,5], %z:f32[2,5,4]) -> (%y) {
    const %sx = f32[]{0.02}
    const %zx = u8[]{100}
    const %sz = f32[]{0.015}
    const %zz = i8[]{-3}
    %q = QuantizeLinear(%x, %sx, %zx)
    %d = DequantizeLinear(%q, %sx, %zx)
    %r = QuantizeLinear(%z, %sz, %zz)
    %e = DequantizeLinear(%r, %sz, %zz)
    %m = MatMul(%d, %e)
    %s = QuantizeLinear(%m, %sx, %zx)
    %y = DequantizeLinear(%s, %sx, %zx)
})",
        "QuantizeLinear QuantizeLinear QMatMul DequantizeLinear", {picture(Shape{2, 3, 5}), picture(Shape{2, 5, 4})}, 0.02f);
}

TEST(LowerQdq, WeightsGivenInFloatAndQuantizedInTheGraph) {
  check(R"(graph g(%x:f32[3,2]) -> (%y) {
    const %sx = f32[]{0.02}
    const %zx = u8[]{100}
    const %w = f32[2,2]{0.5,-0.25,1.0,0.75}
    const %sw = f32[]{0.01}
    const %zw = i8[]{0}
    const %b = i32[2]{1000,-3000}
    const %sb = f32[]{0.0002}
    %q = QuantizeLinear(%x, %sx, %zx)
    %d = DequantizeLinear(%q, %sx, %zx)
    %wq = QuantizeLinear(%w, %sw, %zw)
    %wd = DequantizeLinear(%wq, %sw, %zw)
    %bd = DequantizeLinear(%b, %sb)
    %y = Gemm(%d, %wd, %bd) transB=1
})",
        "QuantizeLinear QGemm", {picture(Shape{3, 2})}, 0.00001f);
}

TEST(LowerQdq, WhatStaysInFloatHasItsReason) {
  std::vector<std::string> notes;
  lowered(conv_graph(R"(    %s = Softmax(%d) axis=1
    %y = Conv(%s, %wd, %b))"),
          &notes);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("Softmax"), std::string::npos);
  lowered(conv_graph(R"(    const %big = f32[4]{1e9,0.0,0.0,0.0}
    %y = Conv(%d, %wd, %big))"),
          &notes);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("beyond 2^30"), std::string::npos);
  lowered(conv_graph("    %y = Relu(%d)"), &notes);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("its result is not quantized"), std::string::npos);
}

TEST(LowerQdq, AGraphWithoutQuantizationIsLeftAlone) {
  const std::string text = "graph g(%x:f32[2,3]) -> (%y) {\n  %y:f32[2,3] = Relu(%x)\n}\n";
  Graph graph = parse(text, ops::find_op);
  PassContext context;
  EXPECT_FALSE(lower_qdq(graph, context));
  EXPECT_EQ(print(graph), text);
}

}  // namespace
}  // namespace omni::passes
