#include "formats/onnx/import.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "formats/onnx/test_ops_test.h"

namespace omni::formats {
namespace {

using onnx::AttributeProto;
using test::error_of;
using test::import_model;
using test::ModelText;

std::string text_of(const Graph& graph) {
  verify(graph);
  return print(graph);
}

onnx::AttributeProto& attribute(onnx::NodeProto& node, const std::string& name, AttributeProto::AttributeType type) {
  AttributeProto& a = *node.add_attribute();
  a.set_name(name);
  a.set_type(type);
  return a;
}

TEST(Import, InputsNodesAndOutputsKeepTheirNames) {
  ModelText m;
  m.input("x", {"N", "3", "?", "-1"}).output("y");
  m.node("Join", {"x", "x"}, {"y"}, "node/1");
  const Graph g = import_model(m);
  EXPECT_EQ(text_of(g), "graph g(%x:f32[N,3,_1,_2]) -> (%y) {\n  %y:f32[N,3,_1,_2] = Join(%x, %x) as \"node/1\"\n}\n");
}

// PaddlePaddle calls every unknown dimension "?": they are not one size.
TEST(Import, NamesThatSayNothingAreNoNames) {
  ModelText m;
  m.input("x", {"N", "??", "??", "None"}).output("y");
  m.node("Join", {"x", "x"}, {"y"});
  const Graph g = import_model(m);
  const Type& x = g.type(g.inputs()[0]);
  EXPECT_EQ(g.dims().text(x.dim(0)), "N");
  EXPECT_NE(x.dim(1), x.dim(2));
  EXPECT_NE(x.dim(2), x.dim(3));
}

TEST(Import, InitializersAlsoListedAsInputsAreConstants) {
  ModelText m;
  m.input("x", {"2"}).input("w", {"2"}).output("y");
  m.initializer("w", {2}, {1, 2});
  m.node("Join", {"x", "w"}, {"y"});
  const Graph g = import_model(m);
  EXPECT_EQ(g.inputs().size(), 1u);
  EXPECT_TRUE(g.is_constant(g.find("w")));
}

TEST(Import, EveryFormOfConstant) {
  ModelText m;
  const auto constant = [&](const std::string& output, const std::string& form, AttributeProto::AttributeType type) -> AttributeProto& {
    m.output(output);
    return attribute(m.node("Constant", {}, {output}), form, type);
  };
  onnx::TensorProto& t = *constant("a", "value", AttributeProto::TENSOR).mutable_t();
  t.set_data_type(onnx::TensorProto::INT64);
  t.add_dims(1);
  t.add_int64_data(9);
  constant("b", "value_float", AttributeProto::FLOAT).set_f(1.5f);
  constant("c", "value_floats", AttributeProto::FLOATS).add_floats(2.5f);
  constant("d", "value_int", AttributeProto::INT).set_i(4);
  constant("e", "value_ints", AttributeProto::INTS).add_ints(5);
  constant("f", "value_string", AttributeProto::STRING).set_s("s");
  constant("g", "value_strings", AttributeProto::STRINGS).add_strings("t");
  constant("h", "value_floats", AttributeProto::FLOATS);
  onnx::SparseTensorProto& sparse = *constant("i", "sparse_value", AttributeProto::SPARSE_TENSOR).mutable_sparse_tensor();
  sparse.add_dims(3);
  sparse.mutable_values()->set_data_type(onnx::TensorProto::FLOAT);
  sparse.mutable_values()->add_dims(1);
  sparse.mutable_values()->add_float_data(8);
  sparse.mutable_indices()->set_data_type(onnx::TensorProto::INT64);
  sparse.mutable_indices()->add_dims(1);
  sparse.mutable_indices()->add_int64_data(2);
  const Graph graph = import_model(m);
  EXPECT_EQ(text_of(graph),
            "graph g() -> (%a, %b, %c, %d, %e, %f, %g, %h, %i) {\n  const %a = i64[1]{9}\n  const %b = f32[]{1.5}\n  const %c = f32[1]{2.5}\n"
            "  const %d = i64[]{4}\n  const %e = i64[1]{5}\n  const %f = str[]{\"s\"}\n  const %g = str[1]{\"t\"}\n  const %h = f32[0]{}\n"
            "  const %i = f32[3]{0.0,0.0,8.0}\n}\n");
}

TEST(Import, AttributesOfEveryKind) {
  ModelText m;
  m.input("x", {"1"}).output("y");
  onnx::NodeProto& n = m.node("Join", {"x"}, {"y"});
  attribute(n, "f", AttributeProto::FLOAT).set_f(0.5f);
  attribute(n, "i", AttributeProto::INT).set_i(-1);
  attribute(n, "s", AttributeProto::STRING).set_s("SAME");
  attribute(n, "fs", AttributeProto::FLOATS);
  attribute(n, "is", AttributeProto::INTS).add_ints(3);
  attribute(n, "ss", AttributeProto::UNDEFINED);  // an old file's empty list: of what kind, the operator knows
  onnx::TensorProto& t = *attribute(n, "t", AttributeProto::TENSOR).mutable_t();
  t.set_data_type(onnx::TensorProto::INT32);
  t.add_int32_data(7);
  const Graph graph = import_model(m);
  EXPECT_NE(text_of(graph).find("f=0.5 fs=f[] i=-1 is=[3] s=\"SAME\" ss=s[] t=i32[]{7}"), std::string::npos) << print(graph);
}

TEST(Import, WrongAttributes) {
  const auto with = [](const std::string& name, AttributeProto::AttributeType type) {
    ModelText m;
    m.input("x", {"1"}).output("y");
    attribute(m.node("Join", {"x"}, {"y"}, "n"), name, type);
    return error_of([&] { import_model(m); });
  };
  EXPECT_NE(with("f", AttributeProto::INT).find("wrong kind"), std::string::npos);
  EXPECT_NE(with("new_mode", AttributeProto::INT).find("attribute \"new_mode\" is not known"), std::string::npos);
  EXPECT_NE(with("branch", AttributeProto::GRAPH).find("subgraph \"branch\" is not known"), std::string::npos);
}

TEST(Import, OldVersionsAreRaised) {
  for (const int64_t opset : {1, 6, 19, 20, 21}) {
    SCOPED_TRACE(opset);
    ModelText m(opset);
    m.input("x", {"4"}).output("y");
    if (opset >= 20) {
      onnx::TensorProto& t = m.initializer("amount", {}, {});
      t.set_data_type(onnx::TensorProto::INT64);
      t.add_int64_data(3);
      m.node("Shift", {"x", "amount"}, {"y"});
    } else {
      attribute(m.node("Shift", {"x"}, {"y"}), opset < 6 ? "by" : "amount", AttributeProto::INT).set_i(3);
    }
    EXPECT_EQ(text_of(import_model(m)), "graph g(%x:f32[4]) -> (%y) {\n  const %amount = i64[]{3}\n  %y:f32[4] = Shift(%x, %amount)\n}\n");
  }
}

TEST(Import, AnUpgradeMayBuildItsOwnNodes) {
  ModelText m(12);
  m.input("x", {"4"}).output("y").output("z");
  m.node("Old", {"x"}, {"y"}, "n");
  m.node("Join", {"y"}, {"z"});
  const std::string text = text_of(import_model(m));
  EXPECT_NE(text.find("%y:f32[4] = Join(%Join, %x)"), std::string::npos) << text;
  EXPECT_NE(text.find("%z:f32[4] = Join(%y)"), std::string::npos) << text;
}

TEST(Import, EverythingUnsupportedIsToldAtOnce) {
  ModelText m(16);
  m.input("x", {"4"}).output("y");
  m.model.mutable_opset_import()->Add()->set_domain("com.acme");
  m.node("Frobnicate", {"x"}, {"a"}, "f0");
  m.node("Frobnicate", {"a"}, {"b"});
  onnx::NodeProto& bar = m.node("Bar", {"b"}, {"c"}, "bar");
  bar.set_domain("com.acme");
  m.node("New", {"c"}, {"y"}, "too_new");
  ErrorCode code{};
  const std::string text = error_of([&] { import_model(m); }, &code);
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_NE(text.find("ai.onnx.Frobnicate of opset 16 (2 nodes: \"f0\", \"b\")"), std::string::npos) << text;
  EXPECT_NE(text.find("com.acme.Bar of opset 0 (1 node: \"bar\")"), std::string::npos) << text;
  EXPECT_NE(text.find("ai.onnx.New of opset 16 (1 node: \"too_new\"), known from opset 20"), std::string::npos) << text;
}

TEST(Import, UsesThatOperatorsRefuseAreToldAtOnceToo) {
  ModelText m;
  m.input("x", {"1", "1", "1", "1", "1"}).output("y").output("z").output("w");
  m.node("Picky", {"x"}, {"y"}, "p0");
  m.node("Join", {"y"}, {"z"}, "skipped");
  m.node("Picky", {"x"}, {"w"}, "p1");
  EXPECT_NE(error_of([&] { import_model(m); }).find("ai.onnx.Picky of opset 17 (2 nodes: \"p0\", \"p1\"), five dimensions"), std::string::npos);
}

TEST(Import, NodesOutOfOrderAreSorted) {
  ModelText m;
  m.input("x", {"4"}).output("z");
  m.node("Join", {"b"}, {"z"});
  m.node("Join", {"a"}, {"b"});
  m.node("Join", {"x"}, {"a"});
  const std::string text = text_of(import_model(m));
  EXPECT_LT(text.find("%a:"), text.find("%b:"));
  EXPECT_LT(text.find("%b:"), text.find("%z:"));
  m.node("Join", {"p"}, {"q"});
  m.node("Join", {"q"}, {"p"});
  EXPECT_NE(error_of([&] { import_model(m); }).find("cycle"), std::string::npos);
}

TEST(Import, BrokenGraphs) {
  const auto failure = [](const auto& change) {
    ModelText m;
    m.input("x", {"4"}).output("y");
    m.node("Join", {"x"}, {"y"}, "n");
    change(m);
    return error_of([&] { import_model(m); });
  };
  EXPECT_NE(
      failure([](ModelText& m) { m.graph().mutable_node(0)->set_input(0, "q"); }).find("node \"n\": reads the value \"q\", which nothing produces"),
      std::string::npos);
  EXPECT_NE(failure([](ModelText& m) { m.output("q"); }).find("nothing produces the output \"q\""), std::string::npos);
  EXPECT_NE(failure([](ModelText& m) { m.node("Join", {"x"}, {"y"}); }).find("two nodes produce"), std::string::npos);
  EXPECT_NE(failure([](ModelText& m) {
              m.initializer("w", {1}, {1});
              m.node("Join", {"x"}, {"w"});
            }).find("exists already"),
            std::string::npos);
  EXPECT_NE(failure([](ModelText& m) { m.input("x", {"4"}); }).find("two inputs"), std::string::npos);
  EXPECT_NE(failure([](ModelText& m) { m.input("", {"4"}); }).find("without a name"), std::string::npos);
  EXPECT_NE(failure([](ModelText& m) { m.input("q", {"4"}, 0); }).find("not declared"), std::string::npos);
  EXPECT_NE(failure([](ModelText& m) { m.input("q", {"4"}, 14); }).find("COMPLEX64"), std::string::npos);
  EXPECT_NE(failure([](ModelText& m) {
              m.initializer("w", {3}, {1, 2});
            }).find("initializer \"w\": 2 values for a tensor f32[3]"),
            std::string::npos);
  EXPECT_NE(failure([](ModelText& m) { m.graph().clear_output(); }).find("no outputs"), std::string::npos);
  EXPECT_NE(failure([](ModelText& m) { m.model.mutable_opset_import(0)->set_version(99); }).find("newer than"), std::string::npos);
}

TEST(Import, OneValueUnderTwoOutputNames) {
  ModelText m;
  m.input("x", {"4"}).output("x").output("y").output("y2");
  m.node("Join", {"x"}, {"y"});
  m.node("Old", {"y"}, {"y2"});
  const Graph g = import_model(m);
  EXPECT_EQ(g.value(g.outputs()[0]).name, "x");
  EXPECT_EQ(g.value(g.outputs()[1]).name, "y");
  EXPECT_EQ(g.value(g.outputs()[2]).name, "y2");
}

TEST(Import, OutputsKeepTheirNamesAgainstNamesOfOurOwn) {
  ModelText m(10);
  m.input("x", {"4"}).output("amount");
  attribute(m.node("Shift", {"x"}, {"amount"}), "amount", AttributeProto::INT);  // the upgrade adds a constant "amount"
  const Graph g = import_model(m);
  EXPECT_EQ(g.value(g.outputs()[0]).name, "amount");
  EXPECT_EQ(g.value(g.outputs()[0]).kind, ValueKind::kResult);
}

TEST(Import, AnOutputTakesTheNameOfItsUnknownDimension) {
  ModelText m;
  m.input("x", {"?"}).output("y", {"count", "2"}, 7).output("z", {"batch"});
  m.node("Unknown", {"x"}, {"y"});
  m.node("Join", {"x"}, {"z"});
  const Graph g = import_model(m);
  EXPECT_EQ(type_text(g.type(g.outputs()[0]), g.dims()), "i64[count,2]");
  EXPECT_EQ(g.type(g.outputs()[1]).dims, g.type(g.inputs()[0]).dims);  // it is the input's size, whatever it is called
}

TEST(Import, NamesOfDimensionsNeverMeetFreshOnes) {
  ModelText m;
  m.input("x", {"?", "_1"}).output("x");
  const Graph g = import_model(m);
  EXPECT_FALSE(g.type(g.inputs()[0]).dims[0] == g.type(g.inputs()[0]).dims[1]);
}

TEST(Import, ShapesCanBeGiven) {
  ModelText m;
  m.input("x", {"N", "3"}).output("y");
  m.node("Join", {"x"}, {"y"});
  const auto shaped = [&](const std::string& name, std::vector<int64_t> shape) {
    return import_model(m, {.input_shapes = {{name, std::move(shape)}}});
  };
  EXPECT_EQ(type_text(shaped("x", {8, -1}).type(0), DimTable()), "f32[8,3]");
  EXPECT_NE(error_of([&] { shaped("xx", {8, 3}); }).find("did you mean"), std::string::npos);
  EXPECT_NE(error_of([&] { shaped("x", {8}); }), "");
}

TEST(Import, SequencesAndOptionals) {
  ModelText m;
  m.output("x").output("o");
  onnx::ValueInfoProto& x = *m.graph().add_input();
  x.set_name("x");
  x.mutable_type()->mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type()->set_elem_type(1);
  onnx::ValueInfoProto& o = *m.graph().add_input();
  o.set_name("o");
  *o.mutable_type()->mutable_optional_type()->mutable_elem_type() = x.type();
  const Graph g = import_model(m);
  EXPECT_EQ(type_text(g.type(g.inputs()[0]), g.dims()), "seq(f32[*])");
  EXPECT_EQ(type_text(g.type(g.inputs()[1]), g.dims()), "opt(seq(f32[*]))");
}

TEST(Import, MetadataTravelsAlong) {
  ModelText m;
  m.input("x", {"1"}).output("x");
  m.model.set_producer_name("maker");
  onnx::StringStringEntryProto& entry = *m.model.add_metadata_props();
  entry.set_key("author");
  entry.set_value("me");
  const Graph g = import_model(m);
  EXPECT_EQ(g.metadata.at("author"), "me");
  EXPECT_EQ(g.metadata.at("onnx.producer_name"), "maker");
  EXPECT_EQ(g.metadata.at("onnx.opset"), "17");
  EXPECT_EQ(g.metadata.at("onnx.ir_version"), "8");
}

TEST(Import, IrVersionOneHasNoOpsetAndNoAttributeTypes) {
  ModelText m;
  m.model.clear_opset_import();
  m.input("x", {"4"}).output("y");
  attribute(m.node("Shift", {"x"}, {"y"}), "by", AttributeProto::UNDEFINED).set_i(2);
  EXPECT_NE(text_of(import_model(m)).find("const %amount = i64[]{2}"), std::string::npos);
}

TEST(Sniff, TellsModelsFromOtherFiles) {
  ModelText m;
  m.input("x", {"1"}).output("x");
  const std::string bytes = m.bytes();
  const auto sniff = [](std::string_view text) { return is_onnx(std::as_bytes(std::span(text))); };
  EXPECT_TRUE(sniff(bytes));
  EXPECT_TRUE(sniff(std::string_view(bytes).substr(0, 12)));
  for (const char* other : {"", "PK\3\4zip",
                            "\x7f"
                            "ELF",
                            "{\"a\": 1}", "\x93NUMPY", "OMNI", "graph g() -> () {\n}"})
    EXPECT_FALSE(sniff(other)) << other;
}

}  // namespace
}  // namespace omni::formats
