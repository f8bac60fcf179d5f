// Writes fuzz/corpus/onnx: small models that between them use what the format has, and one of every operator of the ONNX suite, its inputs but the
// first being constants. Run it after a change of what import accepts; the files are committed.  onnx_corpus FOLDER [SUITE/node]
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "proto/onnx.pb.h"

namespace {

using namespace omni::onnx;

std::string folder;

void save(const ModelProto& model, const std::string& name) { std::ofstream(folder + "/" + name, std::ios::binary) << model.SerializeAsString(); }

ModelProto model_of(int64_t opset) {
  ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name("g");
  return model;
}

void describe(ValueInfoProto& info, const std::string& name, const std::vector<std::string>& dims, int type = TensorProto::FLOAT) {
  info.set_name(name);
  TypeProto::Tensor& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.mutable_shape();
  for (const std::string& d : dims) {
    if (d.find_first_not_of("0123456789") == std::string::npos && !d.empty()) {
      tensor.mutable_shape()->add_dim()->set_dim_value(std::stoll(d));
    } else {
      tensor.mutable_shape()->add_dim()->set_dim_param(d);
    }
  }
}

NodeProto& add(NodeProto& node, const std::string& op, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
  node.set_op_type(op);
  for (const std::string& i : inputs) node.add_input(i);
  for (const std::string& o : outputs) node.add_output(o);
  return node;
}

AttributeProto& attribute(NodeProto& node, const std::string& name, AttributeProto::AttributeType type) {
  AttributeProto& a = *node.add_attribute();
  a.set_name(name);
  a.set_type(type);
  return a;
}

void ints(NodeProto& node, const std::string& name, const std::vector<int64_t>& values) {
  AttributeProto& a = attribute(node, name, AttributeProto::INTS);
  for (const int64_t v : values) a.add_ints(v);
}

TensorProto& tensor(TensorProto& t, const std::string& name, const std::vector<int64_t>& dims, int type, const std::string& raw) {
  t.set_name(name);
  for (const int64_t d : dims) t.add_dims(d);
  t.set_data_type(type);
  t.set_raw_data(raw);
  return t;
}

// Conv, Relu, MaxPool, Reshape, Gemm, Softmax: the network of a digit.
void network(int64_t opset, const std::string& name) {
  ModelProto m = model_of(opset);
  GraphProto& g = *m.mutable_graph();
  describe(*g.add_input(), "x", {"N", "1", "6", "6"});
  describe(*g.add_output(), "y", {"N", "3"});
  tensor(*g.add_initializer(), "w", {2, 1, 3, 3}, TensorProto::FLOAT, std::string(72, '\x3c'));
  tensor(*g.add_initializer(), "f", {8, 3}, TensorProto::FLOAT, std::string(96, '\x3c'));
  TensorProto& bias = *g.add_initializer();
  bias.set_name("b");
  bias.set_data_type(TensorProto::FLOAT);
  bias.add_dims(3);
  for (int i = 0; i < 3; ++i) bias.add_float_data(0.5f);
  NodeProto& conv = add(*g.add_node(), "Conv", {"x", "w"}, {"c"});
  ints(conv, "kernel_shape", {3, 3});
  ints(conv, "pads", {0, 0, 0, 0});
  add(*g.add_node(), "Relu", {"c"}, {"r"});
  NodeProto& pool = add(*g.add_node(), "MaxPool", {"r"}, {"p"});
  ints(pool, "kernel_shape", {2, 2});
  ints(pool, "strides", {2, 2});
  NodeProto& shape = add(*g.add_node(), "Constant", {}, {"s"});
  TensorProto& value = *attribute(shape, "value", AttributeProto::TENSOR).mutable_t();
  value.set_data_type(TensorProto::INT64);
  value.add_dims(2);
  value.add_int64_data(-1);
  value.add_int64_data(8);
  add(*g.add_node(), "Reshape", {"p", "s"}, {"q"});
  NodeProto& gemm = add(*g.add_node(), "Gemm", {"q", "f", "b"}, {"l"});
  attribute(gemm, "alpha", AttributeProto::FLOAT).set_f(1);
  if (opset < 7) attribute(gemm, "broadcast", AttributeProto::INT).set_i(1);
  attribute(add(*g.add_node(), "Softmax", {"l"}, {"y"}), "axis", AttributeProto::INT).set_i(1);
  save(m, name);
}

void shapes() {
  ModelProto m = model_of(13);
  GraphProto& g = *m.mutable_graph();
  describe(*g.add_input(), "x", {"A", "4", "B"});
  describe(*g.add_output(), "y", {});
  tensor(*g.add_initializer(), "i", {1}, TensorProto::INT64, std::string("\1\0\0\0\0\0\0\0", 8));
  tensor(*g.add_initializer(), "m", {1}, TensorProto::INT64, std::string(8, '\xff'));
  add(*g.add_node(), "Shape", {"x"}, {"s"});
  attribute(add(*g.add_node(), "Gather", {"s", "i"}, {"k"}), "axis", AttributeProto::INT).set_i(0);
  attribute(add(*g.add_node(), "Concat", {"k", "m"}, {"t"}), "axis", AttributeProto::INT).set_i(0);
  add(*g.add_node(), "Reshape", {"x", "t"}, {"r"});
  ints(add(*g.add_node(), "Transpose", {"r"}, {"p"}), "perm", {1, 0});
  add(*g.add_node(), "Slice", {"p", "i", "m"}, {"q"});
  add(*g.add_node(), "Add", {"q", "q"}, {"y"});
  save(m, "shapes");
}

void quantized(int64_t opset, int weight_type, const std::string& name) {
  ModelProto m = model_of(opset);
  GraphProto& g = *m.mutable_graph();
  describe(*g.add_input(), "x", {"N", "4"});
  describe(*g.add_output(), "y", {"N", "2"});
  const bool four = weight_type == TensorProto::INT4;
  tensor(*g.add_initializer(), "w", {4, 2}, weight_type, std::string(four ? 4 : 8, '\x21'));
  tensor(*g.add_initializer(), "s", four ? std::vector<int64_t>{2, 2} : std::vector<int64_t>{}, TensorProto::FLOAT,
         std::string(four ? 16 : 4, '\x3c'));
  NodeProto& d = add(*g.add_node(), "DequantizeLinear", {"w", "s"}, {"f"});
  if (four) {
    attribute(d, "axis", AttributeProto::INT).set_i(0);
    attribute(d, "block_size", AttributeProto::INT).set_i(2);
  }
  add(*g.add_node(), "MatMul", {"x", "f"}, {"y"});
  save(m, name);
}

void function_and_sparse() {
  ModelProto m = model_of(17);
  GraphProto& g = *m.mutable_graph();
  describe(*g.add_input(), "x", {"N", "3"});
  describe(*g.add_output(), "y", {"N", "3"});
  SparseTensorProto& sparse = *g.add_sparse_initializer();
  sparse.add_dims(3);
  tensor(*sparse.mutable_values(), "w", {1}, TensorProto::FLOAT, std::string("\0\0\x80\x3f", 4));
  tensor(*sparse.mutable_indices(), "", {1}, TensorProto::INT64, std::string("\2\0\0\0\0\0\0\0", 8));
  NodeProto& call = add(*g.add_node(), "Scale", {"x", "w"}, {"y"});
  call.set_domain("my");
  FunctionProto& f = *m.add_functions();
  f.set_name("Scale");
  f.set_domain("my");
  f.add_input("a");
  f.add_input("b");
  f.add_output("c");
  f.add_opset_import()->set_version(14);
  add(*f.add_node(), "Mul", {"a", "b"}, {"t"});
  NodeProto& clip = add(*f.add_node(), "LeakyRelu", {"t"}, {"c"});
  attribute(clip, "alpha", AttributeProto::FLOAT).set_ref_attr_name("slope");
  AttributeProto& slope = *f.add_attribute_proto();
  slope.set_name("slope");
  slope.set_type(AttributeProto::FLOAT);
  slope.set_f(0.1f);
  save(m, "function");
}

// A node whose operator has bodies, as far as operators that have some are there.
void bodies() {
  ModelProto m = model_of(16);
  GraphProto& g = *m.mutable_graph();
  describe(*g.add_input(), "c", {}, TensorProto::BOOL);
  describe(*g.add_input(), "x", {"N"});
  describe(*g.add_output(), "y", {"N"});
  NodeProto& choose = add(*g.add_node(), "If", {"c"}, {"y"});
  for (const char* name : {"then_branch", "else_branch"}) {
    GraphProto& body = *attribute(choose, name, AttributeProto::GRAPH).mutable_g();
    add(*body.add_node(), "Abs", {"x"}, {"z"});
    describe(*body.add_output(), "z", {"N"});
  }
  save(m, "bodies");
}

constexpr size_t kMostBytes = 1200;  // of a file: the corpus is read in every test run

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The model of a case; tensors of its data set stand for its inputs except the first.
std::string with_constants(const std::filesystem::path& where, std::string& op) {
  ModelProto model;
  if (!model.ParseFromString(content(where / "model.onnx")) || model.graph().node_size() != 1) return {};
  op = model.graph().node(0).op_type();
  GraphProto& g = *model.mutable_graph();
  for (NodeProto& node : *g.mutable_node()) node.clear_doc_string();
  for (int i = g.input_size() - 1; i > 0; --i) {
    TensorProto t;
    if (!g.input(i).type().has_tensor_type() || !t.ParseFromString(content(where / "test_data_set_0" / ("input_" + std::to_string(i) + ".pb"))))
      continue;
    t.set_name(g.input(i).name());
    *g.add_initializer() = t;
    g.mutable_input()->DeleteSubrange(i, 1);
  }
  return model.SerializeAsString();
}

// Of each operator the smallest and one of the middle.
void suite(const std::string& node_folder) {
  std::map<std::string, std::vector<std::string>> found;
  for (const auto& entry : std::filesystem::directory_iterator(node_folder)) {
    std::string op;
    std::string model = with_constants(entry.path(), op);
    if (!model.empty() && model.size() <= kMostBytes) found[op].push_back(std::move(model));
  }
  for (auto& [op, models] : found) {
    std::sort(models.begin(), models.end(),
              [](const std::string& a, const std::string& b) { return a.size() != b.size() ? a.size() < b.size() : a < b; });
    std::ofstream(folder + "/op_" + op, std::ios::binary) << models[0];
    if (models.size() > 2) std::ofstream(folder + "/op_" + op + "_2", std::ios::binary) << models[models.size() / 2];
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 2;
  folder = argv[1];
  network(17, "network");
  network(6, "old_network");
  shapes();
  quantized(13, TensorProto::INT8, "quantized");
  quantized(21, TensorProto::INT4, "four_bits");
  function_and_sparse();
  bodies();
  if (argc == 3) suite(argv[2]);
  return 0;
}
