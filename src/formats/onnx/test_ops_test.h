// Operators and small models for the tests of this folder.
#pragma once

#include <functional>
#include <string>

#include "formats/onnx/import.h"
#include "graph/graph.h"
#include "ops/op_list.h"
#include "proto/onnx.pb.h"

namespace omni::formats::test {

inline void infer_join(InferContext& c) {
  std::vector<Dim> dims = c.input(0).dims;
  for (int i = 1; i < c.input_count(); ++i) {
    if (c.has_input(i)) dims = c.broadcast(dims, c.input(i).dims);
  }
  for (int i = 0; i < c.output_count(); ++i) c.set(i, Type(c.input(0).dtype, dims));
}

inline void infer_from_body(InferContext& c) {
  const Graph& body = *c.bodies()[0];
  if (body.outputs().size() < static_cast<size_t>(c.output_count())) c.fail("the body gives too few outputs");
  const size_t skip = body.outputs().size() - static_cast<size_t>(c.output_count());
  for (int i = 0; i < c.output_count(); ++i) c.set(i, body.type(body.outputs()[skip + static_cast<size_t>(i)]));
}

inline void infer_unknown(InferContext& c) { c.set(0, Type(DType::kI64, {c.dims.fresh(), Dim(2)})); }

inline void infer_picky(InferContext& c) {
  if (c.input(0).rank() == 5) throw Error(ErrorCode::kUnsupported, "five dimensions");
  infer_join(c);
}

inline constexpr Formal kMany[] = {{"in"}, {"more", kVariadic | kOptional}};
inline constexpr Formal kTwo[] = {{"x"}, {"amount", kOptional}};
inline constexpr Formal kOut[] = {{"out"}, {"more", kOptional | kVariadic}};
inline constexpr AttributeDef kJoinAttributes[] = {{"f", AttributeKind::kFloat}, {"fs", AttributeKind::kFloats}, {"i", AttributeKind::kInt},
                                                   {"is", AttributeKind::kInts}, {"s", AttributeKind::kString},  {"ss", AttributeKind::kStrings},
                                                   {"t", AttributeKind::kTensor}};
inline constexpr OpVersion kJoinVersions[] = {{7}, {1}};
inline constexpr OpDef kJoin = {
    .name = "Join", .inputs = kMany, .outputs = kOut, .attributes = kJoinAttributes, .versions = kJoinVersions, .infer = infer_join};
inline constexpr OpDef kForeign = {.name = "Foreign", .domain = "com.test", .inputs = kMany, .outputs = kOut, .infer = infer_join};
inline constexpr OpDef kUnknown = {.name = "Unknown", .inputs = kMany, .outputs = kOut, .infer = infer_unknown};
inline constexpr OpDef kPicky = {.name = "Picky", .inputs = kMany, .outputs = kOut, .infer = infer_picky};

inline constexpr std::string_view kTwoBodies[] = {"then_branch", "else_branch"};
inline constexpr std::string_view kOneBody[] = {"body"};
inline constexpr OpDef kChoose = {
    .name = "Choose", .inputs = kMany, .outputs = kOut, .bodies = kTwoBodies, .traits = kControlFlow, .infer = infer_from_body};
inline constexpr Formal kLoopInputs[] = {{"M", kOptional}, {"cond", kOptional}, {"v", kVariadic | kOptional}};
inline constexpr OpDef kRepeat = {
    .name = "Repeat", .inputs = kLoopInputs, .outputs = kOut, .bodies = kOneBody, .traits = kControlFlow, .infer = infer_from_body};

// Shift: since 20 the amount is an input, before it was an attribute; opset 1 called it `by`.
inline void shift_upgrade_19(Graph& g, NodeDraft& d) {
  const int64_t amount = d.attributes.get_int("amount", 0);
  d.attributes.erase("amount");
  d.inputs.push_back(g.add_constant("amount", Tensor::scalar(amount)));
}
inline void shift_lower_19(const Graph& g, NodeDraft& d) {
  if (!g.is_constant(d.inputs.at(1))) throw Error(ErrorCode::kUnsupported, "the amount is computed");
  d.attributes.set("amount", to_int64(g.value(d.inputs[1]).data)[0]);
  d.inputs.pop_back();
}
inline void shift_upgrade_1(Graph&, NodeDraft& d) {
  d.attributes.set("amount", d.attributes.get_int("by", 0));
  d.attributes.erase("by");
}
inline void infer_shift(InferContext& c) { c.set(0, c.input(0)); }
inline constexpr OpVersion kShiftVersions[] = {{20}, {6, shift_upgrade_19, shift_lower_19}, {1, shift_upgrade_1}};
inline constexpr OpDef kShift = {.name = "Shift", .inputs = kTwo, .outputs = kOut, .versions = kShiftVersions, .infer = infer_shift};

inline std::vector<ValueId> expand_to_joins(Graph& g, const Node& n) {
  const ValueId first = g.add1(kJoin, {n.inputs[0], n.inputs[0]});
  return {g.add1(kJoin, {first, n.inputs[0]})};
}
inline constexpr OpDef kOurs = {
    .name = "Ours", .domain = "ai.omni", .inputs = kMany, .outputs = kOut, .infer = infer_join, .expand = expand_to_joins};
inline constexpr OpDef kOursOnly = {.name = "OursOnly", .domain = "ai.omni", .inputs = kMany, .outputs = kOut, .infer = infer_join};
inline constexpr OpVersion kNewVersions[] = {{20}};
inline constexpr OpDef kNew = {
    .name = "New", .inputs = kMany, .outputs = kOut, .versions = kNewVersions, .infer = infer_join, .expand = expand_to_joins};
inline constexpr OpDef kNewOnly = {.name = "NewOnly", .inputs = kMany, .outputs = kOut, .versions = kNewVersions, .infer = infer_join};

// Replaces itself by its own nodes on the way in.
inline void old_upgrade(Graph& g, NodeDraft& d) {
  Node node;
  node.inputs = d.inputs;
  d.results = expand_to_joins(g, node);
}
inline constexpr OpVersion kOldVersions[] = {{13}, {1, old_upgrade}};
inline constexpr OpDef kOld = {.name = "Old", .inputs = kMany, .outputs = kOut, .versions = kOldVersions, .infer = infer_join};

inline const OpDef* find_test_op(std::string_view domain, std::string_view name) {
  for (const OpDef* op : {&kJoin, &kForeign, &kUnknown, &kPicky, &kChoose, &kRepeat, &kShift, &kOurs, &kOursOnly, &kNew, &kNewOnly, &kOld}) {
    if (op->domain == domain && op->name == name) return op;
  }
  return ops::find_op(domain, name);
}

// A model, grown call by call.
class ModelText {
 public:
  onnx::ModelProto model;
  explicit ModelText(int64_t opset = 17) {
    model.set_ir_version(8);
    model.add_opset_import()->set_version(opset);
    model.mutable_graph()->set_name("g");
  }
  onnx::GraphProto& graph() { return *model.mutable_graph(); }

  static void value(onnx::ValueInfoProto& info, const std::string& name, int elem_type, const std::vector<std::string>& dims) {
    info.set_name(name);
    info.mutable_type()->mutable_tensor_type()->set_elem_type(elem_type);
    onnx::TensorShapeProto& shape = *info.mutable_type()->mutable_tensor_type()->mutable_shape();
    for (const std::string& d : dims) {
      if (d == "?") {
        shape.add_dim();
      } else if (d.find_first_not_of("-0123456789") == std::string::npos) {
        shape.add_dim()->set_dim_value(std::stoll(d));
      } else {
        shape.add_dim()->set_dim_param(d);
      }
    }
  }
  ModelText& input(const std::string& name, const std::vector<std::string>& dims, int elem_type = 1) {
    value(*graph().add_input(), name, elem_type, dims);
    return *this;
  }
  ModelText& output(const std::string& name, const std::vector<std::string>& dims = {}, int elem_type = 1) {
    value(*graph().add_output(), name, elem_type, dims);
    return *this;
  }
  onnx::TensorProto& initializer(const std::string& name, const std::vector<int64_t>& dims, const std::vector<float>& values) {
    onnx::TensorProto& t = *graph().add_initializer();
    t.set_name(name);
    t.set_data_type(onnx::TensorProto::FLOAT);
    for (const int64_t d : dims) t.add_dims(d);
    for (const float v : values) t.add_float_data(v);
    return t;
  }
  static onnx::NodeProto& node(onnx::NodeProto& n, const std::string& op, const std::vector<std::string>& inputs,
                               const std::vector<std::string>& outputs, const std::string& name = {}) {
    n.set_op_type(op);
    for (const std::string& i : inputs) n.add_input(i);
    for (const std::string& o : outputs) n.add_output(o);
    if (!name.empty()) n.set_name(name);
    return n;
  }
  onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                        const std::string& name = {}) {
    return node(*graph().add_node(), op, inputs, outputs, name);
  }
  std::string bytes() const { return model.SerializeAsString(); }
};

inline Graph import_bytes(std::string_view bytes, OnnxImportOptions options = {}) {
  if (options.ops == nullptr) options.ops = find_test_op;
  return import_onnx(std::as_bytes(std::span(bytes)), options);
}
inline Graph import_model(const ModelText& text, OnnxImportOptions options = {}) { return import_bytes(text.bytes(), std::move(options)); }

// What the error says; "" when none comes.
inline std::string error_of(const std::function<void()>& call, ErrorCode* code = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (code != nullptr) *code = error.code();
    return error.what();
  }
  return {};
}

}  // namespace omni::formats::test
