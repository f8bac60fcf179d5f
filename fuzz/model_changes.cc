#include "fuzz/model_changes.h"

#include <string>
#include <vector>

#include "ops/op_list.h"

namespace omni::fuzz {

namespace {

int64_t odd_number(Draw& draw) {
  constexpr int64_t kNumbers[] = {0, 1, -1, 2, 3, -2, 4, 7, 100, -100, 1 << 20, INT32_MAX, INT64_MAX, INT64_MIN, int64_t{1} << 40};
  return kNumbers[draw.below(std::size(kNumbers))];
}

float odd_real(Draw& draw) {
  constexpr float kNumbers[] = {0.0f, 1.0f, -1.0f, 0.5f, 2.0f, 1e30f, -1e30f, 1e-30f, 3.7f, __builtin_inff(), __builtin_nanf("")};
  return kNumbers[draw.below(std::size(kNumbers))];
}

// Words that some attribute knows, and one that none does.
const char* odd_word(Draw& draw) {
  constexpr const char* kWords[] = {"",
                                    "VALID",
                                    "SAME_UPPER",
                                    "SAME_LOWER",
                                    "NOTSET",
                                    "constant",
                                    "reflect",
                                    "edge",
                                    "wrap",
                                    "linear",
                                    "cubic",
                                    "nearest",
                                    "bilinear",
                                    "border",
                                    "zeros",
                                    "align_corners",
                                    "add",
                                    "mul",
                                    "max",
                                    "min",
                                    "reverse",
                                    "bidirectional",
                                    "sum",
                                    "none",
                                    "mean",
                                    "tf_crop_and_resize",
                                    "half_pixel_symmetric",
                                    "not_larger",
                                    "Relu",
                                    "DCR"};
  return kWords[draw.below(std::size(kWords))];
}

void change_attribute(onnx::AttributeProto& a, Draw& draw) {
  switch (draw.below(4)) {
    case 0:
      a.set_i(odd_number(draw));
      if (a.ints_size() > 0) draw.of(*a.mutable_ints()) = odd_number(draw);
      break;
    case 1:
      a.set_f(odd_real(draw));
      if (a.ints_size() > 0) a.mutable_ints()->RemoveLast();
      if (a.floats_size() > 0) draw.of(*a.mutable_floats()) = odd_real(draw);
      break;
    case 2:
      a.set_s(odd_word(draw));
      a.add_ints(odd_number(draw));
      break;
    default: a.set_type(static_cast<onnx::AttributeProto::AttributeType>(1 + draw.below(8))); break;
  }
}

// One that the operator has, with any value.
void add_attribute(onnx::NodeProto& node, Draw& draw) {
  const ops::OpDef* op = ops::find_op(node.domain() == "ai.onnx" ? "" : node.domain(), node.op_type());
  if (op == nullptr || op->attributes.empty()) return;
  const ops::AttributeDef& def = op->attributes[draw.below(op->attributes.size())];
  onnx::AttributeProto* a = nullptr;
  for (onnx::AttributeProto& old : *node.mutable_attribute()) {
    if (old.name() == def.name) a = &old;
  }
  if (a == nullptr) a = node.add_attribute();
  a->Clear();
  a->set_name(std::string(def.name));
  switch (def.kind) {
    case graph::AttributeKind::kInt:
      a->set_type(onnx::AttributeProto::INT);
      a->set_i(odd_number(draw));
      break;
    case graph::AttributeKind::kFloat:
      a->set_type(onnx::AttributeProto::FLOAT);
      a->set_f(odd_real(draw));
      break;
    case graph::AttributeKind::kString:
      a->set_type(onnx::AttributeProto::STRING);
      a->set_s(odd_word(draw));
      break;
    case graph::AttributeKind::kInts:
      a->set_type(onnx::AttributeProto::INTS);
      for (uint64_t i = draw.below(5); i > 0; --i) a->add_ints(odd_number(draw));
      break;
    case graph::AttributeKind::kFloats:
      a->set_type(onnx::AttributeProto::FLOATS);
      for (uint64_t i = draw.below(5); i > 0; --i) a->add_floats(odd_real(draw));
      break;
    default:
      a->set_type(onnx::AttributeProto::STRINGS);
      for (uint64_t i = draw.below(5); i > 0; --i) a->add_strings(odd_word(draw));
      break;
  }
}

constexpr int kTypes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 21, 22};

void change_type(onnx::TypeProto& type, Draw& draw) {
  onnx::TypeProto::Tensor& tensor = *type.mutable_tensor_type();
  onnx::TensorShapeProto& shape = *tensor.mutable_shape();
  switch (draw.below(6)) {
    case 0: tensor.set_elem_type(kTypes[draw.below(std::size(kTypes))]); break;
    case 1: shape.add_dim()->set_dim_value(static_cast<int64_t>(draw.below(4))); break;
    case 2:
      if (shape.dim_size() > 0) shape.mutable_dim()->RemoveLast();
      break;
    case 3:
      if (shape.dim_size() > 0) draw.of(*shape.mutable_dim()).set_dim_param("N");
      break;
    case 4:
      if (draw.below(4) == 0) tensor.clear_shape();
      break;
    default:
      if (shape.dim_size() > 0) draw.of(*shape.mutable_dim()).set_dim_value(static_cast<int64_t>(draw.below(5)));
      break;
  }
}

// The name of any value of the graph.
std::string any_value(const onnx::GraphProto& g, Draw& draw) {
  std::vector<std::string> names = {""};
  for (const onnx::ValueInfoProto& v : g.input()) names.push_back(v.name());
  for (const onnx::TensorProto& t : g.initializer()) names.push_back(t.name());
  for (const onnx::NodeProto& n : g.node()) names.insert(names.end(), n.output().begin(), n.output().end());
  return names[draw.below(names.size())];
}

void change_node(const onnx::GraphProto& g, onnx::NodeProto& node, Draw& draw) {
  const auto ops = ops::all_ops();
  switch (draw.below(9)) {
    case 0: {
      const ops::OpDef& op = *ops[draw.below(ops.size())];
      node.set_op_type(std::string(op.name));
      node.set_domain(std::string(op.domain));
      break;
    }
    case 1:
      if (node.input_size() > 0) node.mutable_input()->RemoveLast();
      break;
    case 2:
      if (node.input_size() > 0) draw.of(*node.mutable_input()) = any_value(g, draw);
      break;
    case 3: node.add_input(any_value(g, draw)); break;
    case 4: node.add_output("extra" + std::to_string(draw.below(1000))); break;
    case 5:
    case 6: add_attribute(node, draw); break;
    default:
      if (node.attribute_size() > 0) change_attribute(draw.of(*node.mutable_attribute()), draw);
      break;
  }
}

void change_tensor(onnx::TensorProto& t, Draw& draw) {
  std::string& raw = *t.mutable_raw_data();
  if (raw.size() >= 8 && t.data_type() == onnx::TensorProto::INT64 && draw.below(2) == 0) {
    const int64_t number = odd_number(draw);
    raw.replace(draw.below(raw.size() / 8) * 8, 8, reinterpret_cast<const char*>(&number), 8);
  } else if (draw.below(2) == 0 || t.int64_data_size() == 0) {
    if (!raw.empty()) raw[draw.below(raw.size())] = static_cast<char>(draw.below(256));
  } else {
    draw.of(*t.mutable_int64_data()) = odd_number(draw);
  }
  if (draw.below(4) == 0 && t.dims_size() > 0) t.mutable_dims()->SwapElements(0, t.dims_size() - 1);
  if (draw.below(8) == 0 && t.dims_size() > 0) t.mutable_dims()->RemoveLast();
  if (draw.below(8) == 0) t.set_data_type(kTypes[draw.below(std::size(kTypes))]);
  if (t.raw_data().empty()) t.clear_raw_data();
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

// A node once more, between a value of the graph and its output.
void append_node(onnx::GraphProto& g, Draw& draw) {
  onnx::NodeProto copy = draw.of(*g.mutable_node());
  if (copy.input_size() > 0) draw.of(*copy.mutable_input()) = any_value(g, draw);
  for (std::string& output : *copy.mutable_output()) output += "+";
  if (g.output_size() > 0 && copy.output_size() > 0) g.mutable_output(0)->set_name(copy.output(0));
  *g.add_node() = std::move(copy);
}

}  // namespace

void change(onnx::ModelProto& model, Draw& draw) {
  onnx::GraphProto& g = any_graph(model, draw);
  for (uint64_t edits = 1 + draw.below(3); edits > 0; --edits) {
    const uint64_t kind = draw.below(12);
    if (kind == 0 && model.opset_import_size() > 0) model.mutable_opset_import(0)->set_version(static_cast<int64_t>(1 + draw.below(25)));
    if (kind <= 2 && g.initializer_size() > 0) change_tensor(draw.of(*g.mutable_initializer()), draw);
    if (kind >= 3 && kind <= 5 && g.input_size() > 0) change_type(*draw.of(*g.mutable_input()).mutable_type(), draw);
    if (kind == 6 && g.node_size() > 0) append_node(g, draw);
    if (kind >= 7 && g.node_size() > 0) change_node(g, draw.of(*g.mutable_node()), draw);
  }
}

}  // namespace omni::fuzz
