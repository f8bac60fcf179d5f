#include "formats/onnx/export.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/temporary_directory_test.h"
#include "formats/onnx/test_ops_test.h"

namespace omni::formats {
namespace {

using test::error_of;
using test::import_bytes;

// Prints both, so that ids and fresh names do not matter.
void expect_round_trip(const Graph& graph, const OnnxExportOptions& options = {}) {
  verify(graph);
  const Graph back = import_bytes(export_onnx(graph, options));
  verify(back);
  EXPECT_EQ(print(back), print(graph));
}

onnx::ModelProto exported(const Graph& graph, const OnnxExportOptions& options = {}) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(export_onnx(graph, options)));
  return model;
}

Graph parsed(const std::string& text) { return parse(text, test::find_test_op); }

TEST(Export, RoundTripIsTheSameGraph) {
  Graph g = parsed(
      "graph \"a graph\"(%x:f32[N,3,'odd name',2*N+1], %\"in/2\":f16[]) -> (%y, %z) {\n"
      "  const %w = f32[3,1,1]{1.0,-2.5,inf}\n"
      "  const %k = i64[1]{-1}\n"
      "  const %s = str[1]{\"hello\"}\n"
      "  %a:f32[N,3,'odd name',2*N+1] = Join(%x, _, %w) f=0.25 fs=[1.0,2.0] i=3 is=[] s=\"mode\" ss=[\"a\",\"b\"] t=u8[2]{1,255} as \"n 1\"\n"
      "  %y:f32[N,3,'odd name',2*N+1], _, %m:f32[N,3,'odd name',2*N+1] = Join(%a, %s, %k)\n"
      "  %z:f32[N,3,'odd name',2*N+1] = com.test.Foreign(%m)\n"
      "}\n");
  expect_round_trip(g);
}

TEST(Export, EveryElementType) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (dtype == DType::kString) continue;
    SCOPED_TRACE(dtype_name(dtype));
    Graph g;
    const ValueId w = g.add_constant("w", from_double(dtype, Shape{3}, std::vector<double>{0, 1, 3}));
    g.add_output(g.add1(test::kJoin, {w}, {}, {.output_names = {"y"}}));
    expect_round_trip(g);
    EXPECT_EQ(exported(g).opset_import(0).version(), dtype_bits(dtype) == 4 ? 21 : 17);
    EXPECT_EQ(exported(g).ir_version(), dtype_bits(dtype) == 4 ? 10 : 8);
  }
}

TEST(Export, IsDeterministicAndSigned) {
  Graph g = parsed("graph g(%x:f32[N]) -> (%y) {\n  %y:f32[N] = Join(%x)\n}\n");
  for (const char* key : {"zeta", "alpha", "mid", "onnx.producer_name"}) g.metadata[key] = key;
  g.doc = "what it is";
  const onnx::ModelProto model = exported(g);
  EXPECT_EQ(export_onnx(g), export_onnx(g.clone()));
  EXPECT_EQ(model.producer_name(), "omni");
  ASSERT_EQ(model.metadata_props_size(), 3);
  EXPECT_EQ(model.metadata_props(0).key(), "alpha");
  EXPECT_EQ(model.graph().doc_string(), "what it is");
  EXPECT_EQ(import_bytes(export_onnx(g)).metadata.at("zeta"), "zeta");
}

TEST(Export, NodesAreLowered) {
  Graph g = parsed("graph g(%x:f32[N]) -> (%y) {\n  const %amount = i64[]{3}\n  %y:f32[N] = Shift(%x, %amount)\n}\n");
  expect_round_trip(g);
  expect_round_trip(g, {.opset = 20});
  const onnx::ModelProto model = exported(g);
  EXPECT_EQ(model.graph().initializer_size(), 0) << "the constant became an attribute";
  EXPECT_EQ(model.graph().node(0).attribute(0).i(), 3);
  EXPECT_EQ(exported(g, {.opset = 20}).graph().initializer_size(), 1);
  Graph computed = parsed("graph g(%x:f32[N], %k:i64[]) -> (%y) {\n  %y:f32[N] = Shift(%x, %k) as \"s\"\n}\n");
  EXPECT_EQ(exported(computed).opset_import(0).version(), 21) << "17 cannot say it";
  EXPECT_NE(error_of([&] { export_onnx(computed, {.opset = 17}); }).find("the amount is computed"), std::string::npos);
}

TEST(Export, OurOperatorsAreExpanded) {
  Graph g = parsed("graph g(%x:f32[N]) -> (%y) {\n  %y:f32[N] = ai.omni.Ours(%x) as \"mine\"\n}\n");
  const onnx::ModelProto model = exported(g);
  ASSERT_EQ(model.graph().node_size(), 2);
  EXPECT_EQ(model.graph().node(1).op_type(), "Join");
  EXPECT_EQ(model.graph().output(0).name(), "y");
  EXPECT_EQ(g.producer(g.outputs()[0])->op, &test::kOurs) << "the graph itself stays";
}

TEST(Export, NewOperatorsAreExpandedOrAskForANewerOpset) {
  Graph g = parsed("graph g(%x:f32[N]) -> (%y) {\n  %y:f32[N] = New(%x)\n}\n");
  EXPECT_EQ(exported(g).graph().node(0).op_type(), "Join");
  EXPECT_EQ(exported(g, {.opset = 20}).graph().node(0).op_type(), "New");
  Graph only = parsed("graph g(%x:f32[N]) -> (%y) {\n  %y:f32[N] = NewOnly(%x)\n}\n");
  EXPECT_EQ(exported(only).opset_import(0).version(), 21);
  EXPECT_NE(error_of([&] { export_onnx(only, {.opset = 17}); }).find("since opset 20"), std::string::npos);
}

TEST(Export, WhatCannotBeWrittenIsNamedAtOnce) {
  Graph g = parsed("graph g(%x:f32[N]) -> (%z) {\n  %y:f32[N] = ai.omni.OursOnly(%x) as \"a\"\n  %z:f32[N] = ai.omni.OursOnly(%y)\n}\n");
  ErrorCode code{};
  EXPECT_NE(error_of([&] { export_onnx(g); }, &code).find("ai.omni.OursOnly of opset 1 (2 nodes: \"a\", \"z\")"), std::string::npos);
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_NE(error_of([&] { export_onnx(g, {.opset = 14}); }).find("choose one from 15 to"), std::string::npos);
}

TEST(Export, StatesAreInitializersCommitsAreRefused) {
  Graph g;
  const ValueId x = g.add_input("x", Type(DType::kF32, {Dim(2)}));
  const ValueId w = g.add_state("w", Tensor::of<float>(Shape{2}, {1, 2}), Role::kParameter);
  const ValueId y = g.add1(test::kJoin, {x, w}, {}, {.output_names = {"y"}});
  g.add_output(y);
  EXPECT_EQ(exported(g).graph().initializer(0).name(), "w");
  g.add_commit({w, y, kNone});
  EXPECT_NE(error_of([&] { export_onnx(g); }).find("updates its states"), std::string::npos);
}

TEST(Export, OutputsThatAreOneValue) {
  Graph g = parsed("graph g(%x:f32[N]) -> (%y, %y, %x) {\n  %y:f32[N] = Join(%x)\n}\n");
  const onnx::ModelProto model = exported(g);
  EXPECT_EQ(model.graph().output(0).name(), "y");
  EXPECT_EQ(model.graph().output(1).name(), "y.1");
  EXPECT_EQ(model.graph().output(2).name(), "x");
  EXPECT_EQ(import_bytes(export_onnx(g)).outputs().size(), 3u);
}

constexpr const char* kBodies =
    "graph g(%c:bool[], %x:f32[N]) -> (%z) {\n"
    "  const %w = f32[1]{2.0}\n"
    "  %z:f32[N] = Choose(%c, %x, %c, %x) as \"choose\" body 1 graph then_branch(%x:f32[N]) -> (%y) {\n"
    "    const %w = f32[1]{2.0}\n"
    "    %y:f32[N] = Join(%x, %w)\n"
    "  } body 2 graph else_branch(%c:bool[], %x:f32[N]) -> (%y) {\n"
    "    %y:f32[N] = Choose(%c, %x, %x) body 1 graph t(%x:f32[N]) -> (%k) {\n"
    "      const %w = f32[1]{2.0}\n"
    "      %k:f32[N] = Join(%x, %w)\n"
    "    } body 1 graph e(%x:f32[N]) -> (%k) {\n"
    "      const %other = f32[1]{5.0}\n"
    "      %k:f32[N] = Join(%x, %other)\n"
    "    }\n"
    "  }\n"
    "}\n";

TEST(Export, BodiesRoundTripWithTheirCaptures) {
  const Graph g = parsed(kBodies);
  expect_round_trip(g);
  const onnx::ModelProto model = exported(g);
  EXPECT_EQ(model.graph().initializer_size(), 1) << "the copies in bodies are the outer constant again";
  EXPECT_EQ(model.graph().node(0).input_size(), 1);
  EXPECT_EQ(model.graph().node(0).attribute(0).g().input_size(), 0);
  EXPECT_EQ(model.graph().node(0).attribute(0).name(), "then_branch");
}

TEST(Export, NamesInBodiesNeverHideOuterOnes) {
  const Graph g = parsed(
      "graph g(%c:bool[], %x:f32[N]) -> (%z) {\n"
      "  %y:f32[N] = Join(%x)\n"
      "  %z:f32[N] = Choose(%c, %y, %x) body 1 graph t(%inside:f32[N]) -> (%y) {\n"
      "    %y:f32[N] = Join(%inside)\n"
      "  } body 1 graph e(%x:f32[N]) -> (%x) {\n"
      "  }\n"
      "}\n");
  const onnx::ModelProto model = exported(g);
  const onnx::GraphProto& then = model.graph().node(1).attribute(0).g();
  EXPECT_EQ(then.node(0).input(0), "y");
  EXPECT_EQ(then.node(0).output(0), "y.1");
  const onnx::GraphProto& otherwise = model.graph().node(1).attribute(1).g();
  ASSERT_EQ(otherwise.node_size(), 1) << "an outer value as a body's output goes through an Identity";
  EXPECT_EQ(otherwise.node(0).input(0), "x");
  verify(import_bytes(export_onnx(g)));
}

TEST(Export, FilesWithAndWithoutExternalData) {
  Graph g;
  const ValueId x = g.add_input("x", Type(DType::kF32, {g.dims().symbol("N"), Dim(1000)}));
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const ValueId w = g.add_constant("w", Tensor::of<float>(Shape{1000}, values));
  const ValueId v = g.add_constant("v", Tensor::of<float>(Shape{1000}, values));
  const ValueId s = g.add_constant("s", Tensor::of<float>(Shape{1}, {3}));
  g.add_output(g.add1(test::kJoin, {x, w, v, s}, {}, {.output_names = {"y"}}));
  const TemporaryDirectory folder;
  const auto file = [&](const char* name) { return folder.file(name); };
  const OnnxImportOptions import_options{.ops = test::find_test_op};
  export_onnx(g, file("a.onnx"));
  EXPECT_FALSE(std::filesystem::exists(file("a.onnx.data")));
  EXPECT_EQ(print(import_onnx(file("a.onnx"), import_options)), print(g));
  export_onnx(g, file("b.onnx"), {.external_data = ExternalData::kAlways});
  EXPECT_EQ(std::filesystem::file_size(file("b.onnx.data")), 4096u + 4000u);
  EXPECT_EQ(print(import_onnx(file("b.onnx"), import_options)), print(g));
  EXPECT_NE(error_of([&] { export_onnx(g, file("b.onnx")); }).find("b.onnx"), std::string::npos);
  export_onnx(g, file("b.onnx"), {.external_data = ExternalData::kAlways, .overwrite = Overwrite::kReplace});
  std::filesystem::resize_file(file("b.onnx.data"), 5000);
  const std::string text = error_of([&] { import_onnx(file("b.onnx"), import_options); });
  EXPECT_NE(text.find("b.onnx, initializer \"v\""), std::string::npos) << text;
}

}  // namespace
}  // namespace omni::formats
