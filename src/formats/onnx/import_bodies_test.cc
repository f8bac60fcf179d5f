// Subgraphs and functions on the way in.
#include <gtest/gtest.h>

#include "core/error.h"
#include "formats/onnx/test_ops_test.h"

namespace omni::formats {
namespace {

using test::error_of;
using test::import_model;
using test::ModelText;

std::string text_of(const Graph& graph) {
  verify(graph);
  return print(graph);
}

onnx::GraphProto& body(onnx::NodeProto& node, const std::string& name) {
  onnx::AttributeProto& a = *node.add_attribute();
  a.set_name(name);
  a.set_type(onnx::AttributeProto::GRAPH);
  a.mutable_g()->set_name(name);
  return *a.mutable_g();
}

// Choose(c) { then: y = Join(x, w) } { else: y = Join(x) }
ModelText choice() {
  ModelText m;
  m.input("c", {}, 9).input("x", {"N"}).output("z");
  onnx::NodeProto& n = m.node("Choose", {"c"}, {"z"}, "choose");
  onnx::GraphProto& otherwise = body(n, "else_branch");
  ModelText::node(*otherwise.add_node(), "Join", {"x"}, {"y"});
  otherwise.add_output()->set_name("y");
  onnx::GraphProto& then = body(n, "then_branch");
  ModelText::node(*then.add_node(), "Join", {"x", "w"}, {"y"});
  then.add_output()->set_name("y");
  m.initializer("w", {1}, {2});
  return m;
}

TEST(Bodies, AreOrderedByTheOperatorAndCaptureWhatTheyRead) {
  EXPECT_EQ(text_of(import_model(choice())),
            "graph g(%c:bool[], %x:f32[N]) -> (%z) {\n"
            "  const %w = f32[1]{2.0}\n"
            "  %z:f32[N] = Choose(%c, %x, %x) as \"choose\" body 1 graph then_branch(%x:f32[N]) -> (%y) {\n"
            "    const %w = f32[1]{2.0}\n"
            "    %y:f32[N] = Join(%x, %w)\n"
            "  } body 1 graph else_branch(%x:f32[N]) -> (%y) {\n"
            "    %y:f32[N] = Join(%x)\n"
            "  }\n"
            "}\n");
}

TEST(Bodies, LargeConstantsAreCapturedSmallOnesCopied) {
  ModelText m = choice();
  onnx::TensorProto& w = *m.graph().mutable_initializer(0);
  w.set_dims(0, 1000);
  w.mutable_float_data()->Resize(1000, 1.0f);
  m.graph().mutable_input(1)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_value(1000);
  const Graph g = import_model(m);
  verify(g);
  const Node& n = *g.producer(g.outputs()[0]);
  EXPECT_EQ(n.captures, (std::vector<int>{2, 1}));
  EXPECT_EQ(n.inputs.size(), 4u);
  EXPECT_EQ(n.own_inputs(), 1);
  EXPECT_EQ(g.value(n.inputs[2]).name, "w");
}

TEST(Bodies, NestedBodiesCaptureThroughThoseAround) {
  ModelText m;
  m.input("c", {}, 9).input("x", {"N"}).output("z");
  onnx::NodeProto& outer = m.node("Choose", {"c"}, {"z"});
  for (const char* name : {"then_branch", "else_branch"}) {
    onnx::GraphProto& level1 = body(outer, name);
    onnx::NodeProto& inner = ModelText::node(*level1.add_node(), "Choose", {"c"}, {"i"});
    level1.add_output()->set_name("i");
    for (const char* leaf : {"then_branch", "else_branch"}) {
      onnx::GraphProto& level2 = body(inner, leaf);
      ModelText::node(*level2.add_node(), "Join", {"x", "later"}, {"k"});
      level2.add_output()->set_name("k");
    }
  }
  m.node("Join", {"x"}, {"later"});  // after the node whose bodies read it
  const Graph g = import_model(m);
  verify(g);
  const Node& n = *g.producer(g.outputs()[0]);
  EXPECT_EQ(n.captures, (std::vector<int>{3, 3}));
  const Graph& level1 = *n.bodies[0];
  EXPECT_EQ(level1.producer(level1.outputs()[0])->captures, (std::vector<int>{2, 2}));
}

TEST(Bodies, FormalInputsComeBeforeCapturesAndMayLackTypes) {
  ModelText m;
  m.input("n", {}, 7).input("x", {"N"}).input("k", {"N"}).output("y");
  onnx::NodeProto& loop = m.node("Repeat", {"n", "", "x"}, {"y"});
  onnx::GraphProto& b = body(loop, "body");
  ModelText::value(*b.add_input(), "i", 7, {});
  ModelText::value(*b.add_input(), "cond", 9, {});
  b.add_input()->set_name("v");
  ModelText::node(*b.add_node(), "Join", {"k", "v"}, {"next"});
  b.add_output()->set_name("cond");
  b.add_output()->set_name("next");
  const Graph g = import_model(m);
  verify(g);
  const Node& node = *g.producer(g.outputs()[0]);
  EXPECT_EQ(node.own_inputs(), 3);
  const Graph& inner = *node.bodies[0];
  ASSERT_EQ(inner.inputs().size(), 4u);
  EXPECT_EQ(inner.value(inner.inputs()[2]).name, "v");
  EXPECT_EQ(type_text(inner.type(inner.inputs()[2]), inner.dims()), "f32[*]");
  EXPECT_EQ(inner.value(inner.inputs()[3]).name, "k");
}

TEST(Bodies, AreRequired) {
  ModelText m = choice();
  m.graph().mutable_node(0)->mutable_attribute()->RemoveLast();
  EXPECT_NE(error_of([&] { import_model(m); }).find("subgraph \"then_branch\" is missing"), std::string::npos);
}

TEST(Bodies, UnsupportedOperatorsInThemAreReported) {
  ModelText m = choice();
  m.graph().mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_op_type("Nonsense");
  EXPECT_NE(error_of([&] { import_model(m); }).find("ai.onnx.Nonsense"), std::string::npos);
}

TEST(Bodies, NestedTooDeepIsSaid) {
  ModelText m;
  m.input("c", {}, 9).output("y");
  onnx::GraphProto* at = &m.graph();
  for (int depth = 0; depth < 40; ++depth) {
    onnx::NodeProto& n = ModelText::node(*at->add_node(), "Repeat", {}, {"y"});
    at = &body(n, "body");
    at->add_output()->set_name("y");
  }
  ErrorCode code{};
  EXPECT_NE(error_of([&] { import_model(m); }, &code).find("nested more than 33 deep"), std::string::npos);
  EXPECT_EQ(code, ErrorCode::kUnsupported);
}

// Twice(x; factor = 2) -> y, by Join and, with an attribute handed on, by another function.
ModelText functions() {
  ModelText m;
  m.input("x", {"N"}).output("y");
  onnx::NodeProto& call = m.node("Twice", {"x"}, {"y"}, "call");
  call.set_domain("my");
  onnx::FunctionProto& twice = *m.model.add_functions();
  twice.set_name("Twice");
  twice.set_domain("my");
  twice.add_input("a");
  twice.add_input("missing");
  twice.add_output("b");
  twice.add_opset_import()->set_version(17);
  onnx::AttributeProto& fallback = *twice.add_attribute_proto();
  fallback.set_name("factor");
  fallback.set_type(onnx::AttributeProto::INT);
  fallback.set_i(2);
  onnx::NodeProto& inner = ModelText::node(*twice.add_node(), "Join", {"a", "", "missing"}, {"t"}, "inner");
  onnx::AttributeProto& reference = *inner.add_attribute();
  reference.set_name("i");
  reference.set_type(onnx::AttributeProto::INT);
  reference.set_ref_attr_name("factor");
  onnx::AttributeProto& absent = *inner.add_attribute();
  absent.set_name("f");
  absent.set_ref_attr_name("nobody_sets_it");
  ModelText::node(*twice.add_node(), "Join", {"t", "a"}, {"b"});
  return m;
}

TEST(Functions, AreInlined) {
  ModelText m = functions();
  EXPECT_EQ(text_of(import_model(m)),
            "graph g(%x:f32[N]) -> (%y) {\n"
            "  %\"call/t\":f32[N] = Join(%x) i=2 as \"call/inner\"\n"
            "  %y:f32[N] = Join(%\"call/t\", %x)\n"
            "}\n");
  onnx::AttributeProto& factor = *m.graph().mutable_node(0)->add_attribute();
  factor.set_name("factor");
  factor.set_type(onnx::AttributeProto::INT);
  factor.set_i(5);
  EXPECT_NE(text_of(import_model(m)).find("i=5"), std::string::npos);
}

TEST(Functions, UseTheirOwnOpset) {
  ModelText m = functions();
  m.model.mutable_functions(0)->mutable_opset_import(0)->set_version(10);
  onnx::NodeProto& n = *m.model.mutable_functions(0)->mutable_node(0);
  n.set_op_type("Shift");
  n.clear_attribute();
  n.mutable_input()->DeleteSubrange(1, 2);
  EXPECT_NE(text_of(import_model(m)).find("Shift(%x, %amount)"), std::string::npos);
}

TEST(Functions, ThatReturnTheirInputKeepTheOutputName) {
  ModelText m = functions();
  m.model.mutable_functions(0)->clear_node();
  m.model.mutable_functions(0)->set_output(0, "a");
  const Graph g = import_model(m);
  EXPECT_EQ(g.value(g.outputs()[0]).name, "y");
}

TEST(Functions, ThatCallThemselvesEnd) {
  ModelText m = functions();
  onnx::NodeProto& n = *m.model.mutable_functions(0)->mutable_node(0);
  n.set_op_type("Twice");
  n.set_domain("my");
  n.clear_attribute();
  n.mutable_input()->DeleteSubrange(1, 2);
  EXPECT_NE(error_of([&] { import_model(m); }).find("nested more than"), std::string::npos);
}

TEST(Functions, CannotSeeTheirCaller) {
  ModelText m = functions();
  m.model.mutable_functions(0)->mutable_node(0)->set_input(0, "x");
  EXPECT_NE(error_of([&] { import_model(m); }).find("reads the value \"x\""), std::string::npos);
}

}  // namespace
}  // namespace omni::formats
