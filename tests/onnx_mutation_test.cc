// Models of the ONNX suite with wrong operators, attributes, shapes, types and connections: well-formed messages, which random bytes hardly ever are.
// Import gives a graph or an Error; a graph that imports verifies, exports, plans and runs, or says why not. Under sanitizers this finds what an
// operator's inference, binding or kernel takes for granted.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/rng.h"
#include "formats/onnx/export.h"
#include "formats/onnx/import.h"
#include "onnx_suite.h"
#include "ops/op_list.h"
#include "proto/onnx.pb.h"
#include "runtime/session.h"

namespace omni::suite {
namespace {

using core::RandomStream;

// Draws one number after the other.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed, "onnx mutation") {}
  uint64_t below(uint64_t n) { return random_.below(at_++, n); }
  template <class List>
  auto& of(List& list) {
    return *list.Mutable(static_cast<int>(below(static_cast<uint64_t>(list.size()))));
  }

 private:
  RandomStream random_;
  uint64_t at_ = 0;
};

int64_t odd_number(Draw& draw) {
  constexpr int64_t kNumbers[] = {0, 1, -1, 2, 3, -2, 7, 100, -100, 1 << 20, INT32_MAX, INT64_MAX, INT64_MIN, int64_t{1} << 40};
  return kNumbers[draw.below(std::size(kNumbers))];
}

void change_attribute(onnx::AttributeProto& a, Draw& draw) {
  switch (draw.below(4)) {
    case 0:
      a.set_i(odd_number(draw));
      if (a.ints_size() > 0) draw.of(*a.mutable_ints()) = odd_number(draw);
      break;
    case 1:
      a.set_f(static_cast<float>(odd_number(draw)));
      if (a.ints_size() > 0) a.mutable_ints()->RemoveLast();
      if (a.floats_size() > 0) draw.of(*a.mutable_floats()) = 1e30f;
      break;
    case 2:
      a.set_s(draw.below(2) == 0 ? "" : "VALID");
      a.add_ints(odd_number(draw));
      break;
    default: a.set_type(static_cast<onnx::AttributeProto::AttributeType>(1 + draw.below(8))); break;
  }
}

void change_type(onnx::TypeProto& type, Draw& draw) {
  onnx::TypeProto::Tensor& tensor = *type.mutable_tensor_type();
  onnx::TensorShapeProto& shape = *tensor.mutable_shape();
  constexpr int kTypes[] = {1, 2, 3, 6, 7, 8, 9, 10, 11, 16, 21, 22};
  switch (draw.below(5)) {
    case 0: tensor.set_elem_type(kTypes[draw.below(std::size(kTypes))]); break;
    case 1: shape.add_dim()->set_dim_value(static_cast<int64_t>(draw.below(4))); break;
    case 2:
      if (shape.dim_size() > 0) shape.mutable_dim()->RemoveLast();
      break;
    case 3:
      if (shape.dim_size() > 0) draw.of(*shape.mutable_dim()).set_dim_param("N");
      break;
    default:
      if (shape.dim_size() > 0) draw.of(*shape.mutable_dim()).set_dim_value(static_cast<int64_t>(draw.below(5)));
      break;
  }
}

void change_node(onnx::NodeProto& node, Draw& draw) {
  const auto ops = ops::all_ops();
  switch (draw.below(6)) {
    case 0: node.set_op_type(std::string(ops[draw.below(ops.size())]->name)); break;
    case 1:
      if (node.input_size() > 0) node.mutable_input()->RemoveLast();
      break;
    case 2:
      if (node.input_size() > 0) *node.mutable_input(static_cast<int>(draw.below(static_cast<uint64_t>(node.input_size())))) = "";
      break;
    case 3:
      if (node.input_size() > 0) node.add_input(node.input(0));
      break;
    case 4: node.add_output("extra" + std::to_string(draw.below(1000))); break;
    default:
      if (node.attribute_size() > 0) change_attribute(draw.of(*node.mutable_attribute()), draw);
      break;
  }
}

void change_tensor(onnx::TensorProto& t, Draw& draw) {
  if (draw.below(2) == 0 || t.int64_data_size() == 0) {
    std::string& raw = *t.mutable_raw_data();
    if (!raw.empty()) raw[draw.below(raw.size())] = static_cast<char>(draw.below(256));
  } else {
    draw.of(*t.mutable_int64_data()) = odd_number(draw);
  }
  if (draw.below(4) == 0 && t.dims_size() > 0) t.mutable_dims()->SwapElements(0, t.dims_size() - 1);
}

// The model's graph, or one of those in it.
onnx::GraphProto& any_graph(onnx::ModelProto& model, Draw& draw) {
  onnx::GraphProto* graph = model.mutable_graph();
  for (;;) {
    std::vector<onnx::GraphProto*> bodies;
    for (onnx::NodeProto& node : *graph->mutable_node()) {
      for (onnx::AttributeProto& a : *node.mutable_attribute()) {
        if (a.has_g()) bodies.push_back(a.mutable_g());
      }
    }
    if (bodies.empty() || draw.below(3) == 0) return *graph;
    graph = bodies[draw.below(bodies.size())];
  }
}

void change(onnx::ModelProto& model, Draw& draw) {
  onnx::GraphProto& g = any_graph(model, draw);
  for (uint64_t edits = 1 + draw.below(3); edits > 0; --edits) {
    const uint64_t kind = draw.below(10);
    if (kind == 0) model.mutable_opset_import(0)->set_version(static_cast<int64_t>(1 + draw.below(25)));
    if (kind == 1 && g.initializer_size() > 0) change_tensor(draw.of(*g.mutable_initializer()), draw);
    if (kind >= 2 && kind <= 4 && g.input_size() > 0) change_type(*draw.of(*g.mutable_input()).mutable_type(), draw);
    if (kind >= 5 && g.node_size() > 0) change_node(draw.of(*g.mutable_node()), draw);
  }
}

bool too_large(const graph::Graph& graph) {
  for (graph::ValueId id = 0; id < graph.value_count(); ++id) {
    const graph::Value& v = graph.value(id);
    if (v.erased || !v.type.ranked) continue;
    double count = 1;
    for (const graph::Dim d : v.type.dims) {
      const auto size = graph.dims().evaluate(d, {{"N", 2}, {"_1", 2}, {"_2", 2}});
      count *= size && *size > 0 ? static_cast<double>(*size) : 1;
    }
    if (count > 1e6) return true;
  }
  return false;
}

// Inputs of zeros and texts "0", every unknown dimension 2; two of them in a sequence, the same in an optional.
std::vector<Tensor> zeros(const graph::Graph& graph) {
  std::vector<Tensor> inputs;
  for (const graph::ValueId id : graph.inputs()) {
    const graph::Type& type = graph.type(id);
    std::vector<int64_t> dims;
    for (const graph::Dim d : type.dims) dims.push_back(d.is_constant() ? d.value : 2);
    const core::Shape shape(dims);
    const bool strings = type.dtype == core::DType::kString;
    Tensor tensor = strings ? Tensor::strings(shape, std::vector<std::string>(static_cast<size_t>(shape.count()), "0")) : Tensor(type.dtype, shape);
    const bool sequence = type.kind == graph::TypeKind::kSequence || type.kind == graph::TypeKind::kOptionalSequence;
    inputs.push_back(sequence ? Tensor::sequence(type.dtype, {tensor, tensor}) : tensor);
  }
  return inputs;
}

// True if it imported.
bool survives(const std::string& bytes, const std::string& name) {
  try {
    const graph::Graph graph = formats::import_onnx(std::as_bytes(std::span(bytes)));
    verify(graph);
    try {
      (void)formats::export_onnx(graph);
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << name << ": " << error.what();
    }
    if (too_large(graph)) return true;
    runtime::Session session(graph.clone(), {.threads = 1, .max_body_runs = 1000});
    (void)session.run(zeros(graph));
    return true;
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::kInternal) << name << ": " << error.what();
    EXPECT_FALSE(error.summary().empty());
    return false;
  }
}

TEST(OnnxMutation, EveryChangedModelIsAGraphOrAnError) {
  if (suite_folder().empty()) {
    if (std::getenv("CI") != nullptr) FAIL() << "install libonnx-testdata";
    GTEST_SKIP() << "libonnx-testdata is not installed";
  }
  const char* asked = std::getenv("OMNI_ONNX_CHANGES");  // of each model
  const char* wanted = std::getenv("OMNI_ONNX_CASES");  // only those with this in their name
  const uint64_t changes = asked == nullptr ? 20 : std::strtoull(asked, nullptr, 10);
  const bool loud = std::getenv("OMNI_ONNX_LOUD") != nullptr;
  size_t imported = 0, all = 0;
  for (const char* group : {"node", "simple", "pytorch-converted", "pytorch-operator"}) {
    for (const Case& c : cases_of(group)) {
      if (wanted != nullptr && c.name.find(wanted) == std::string::npos) continue;
      const core::MappedFile file = core::map_file(c.folder + "/model.onnx");
      if (file.bytes.size() > 20000 || !missing_operators(c.folder + "/model.onnx").empty()) continue;
      onnx::ModelProto model;
      ASSERT_TRUE(model.ParseFromArray(file.bytes.data(), static_cast<int>(file.bytes.size())));
      for (uint64_t i = 0; i < changes; ++i) {
        onnx::ModelProto changed = model;
        Draw draw(1000 * all + i);
        change(changed, draw);
        if (loud) fprintf(stderr, "%s %llu\n", c.name.c_str(), static_cast<unsigned long long>(i));
        imported += survives(changed.SerializeAsString(), c.name + " change " + std::to_string(i));
      }
      ++all;
    }
  }
  printf("%zu models, %zu of %zu changed ones still import and run\n", all, imported, all * changes);
}

}  // namespace
}  // namespace omni::suite
