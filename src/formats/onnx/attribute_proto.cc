#include "formats/onnx/attribute_proto.h"

#include "core/error.h"

namespace omni::formats {

using onnx::AttributeProto;

AttributeProto::AttributeType attribute_type(const AttributeProto& proto) {
  if (proto.type() != AttributeProto::UNDEFINED) return proto.type();
  if (proto.has_f()) return AttributeProto::FLOAT;
  if (proto.has_i()) return AttributeProto::INT;
  if (proto.has_s()) return AttributeProto::STRING;
  if (proto.has_t()) return AttributeProto::TENSOR;
  if (proto.has_g()) return AttributeProto::GRAPH;
  if (proto.has_sparse_tensor()) return AttributeProto::SPARSE_TENSOR;
  if (proto.floats_size() > 0) return AttributeProto::FLOATS;
  if (proto.strings_size() > 0) return AttributeProto::STRINGS;
  if (proto.tensors_size() > 0) return AttributeProto::TENSORS;
  if (proto.graphs_size() > 0) return AttributeProto::GRAPHS;
  return AttributeProto::INTS;
}

namespace {

// "f32" of a tensor, "seq(f32)" of a sequence: what Optional needs to know.
std::string type_name(const onnx::TypeProto& proto) {
  DimTable dims;
  const std::optional<Type> type = read_type(proto, {dims, false});
  if (!type || (type->kind != TypeKind::kTensor && type->kind != TypeKind::kSequence)) throw Error(ErrorCode::kUnsupported, "a type that is neither tensor nor sequence");
  const std::string name(dtype_name(type->dtype));
  return type->kind == TypeKind::kTensor ? name : "seq(" + name + ")";
}

}  // namespace

std::optional<AttributeValue> read_attribute(const AttributeProto& proto, const TensorSource& source) {
  switch (attribute_type(proto)) {
    case AttributeProto::FLOAT: return AttributeValue(proto.f());
    case AttributeProto::INT: return AttributeValue(static_cast<int64_t>(proto.i()));
    case AttributeProto::STRING: return AttributeValue(proto.s());
    case AttributeProto::TENSOR: return AttributeValue(read_tensor(proto.t(), source));
    case AttributeProto::SPARSE_TENSOR: return AttributeValue(read_sparse_tensor(proto.sparse_tensor(), source));
    case AttributeProto::FLOATS: return AttributeValue(std::vector<float>(proto.floats().begin(), proto.floats().end()));
    case AttributeProto::INTS: return AttributeValue(std::vector<int64_t>(proto.ints().begin(), proto.ints().end()));
    case AttributeProto::STRINGS: return AttributeValue(std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
    case AttributeProto::GRAPH: return std::nullopt;
    case AttributeProto::GRAPHS:
    case AttributeProto::TENSORS:
    case AttributeProto::SPARSE_TENSORS:
    case AttributeProto::TYPE_PROTOS:
      throw Error(ErrorCode::kUnsupported, "attribute " + quoted(proto.name()) + " holds a list of tensors, graphs or types");
    case AttributeProto::TYPE_PROTO: return AttributeValue(type_name(proto.tp()));
    case AttributeProto::UNDEFINED: break;
  }
  throw Error(ErrorCode::kInvalidData, "attribute " + quoted(proto.name()) + " has no value");
}

namespace {

struct Writer {
  AttributeProto& proto;

  void operator()(int64_t v) const {
    proto.set_type(AttributeProto::INT);
    proto.set_i(v);
  }
  void operator()(float v) const {
    proto.set_type(AttributeProto::FLOAT);
    proto.set_f(v);
  }
  void operator()(const std::string& v) const {
    proto.set_type(AttributeProto::STRING);
    proto.set_s(v);
  }
  void operator()(const std::vector<int64_t>& v) const {
    proto.set_type(AttributeProto::INTS);
    for (const int64_t x : v) proto.add_ints(x);
  }
  void operator()(const std::vector<float>& v) const {
    proto.set_type(AttributeProto::FLOATS);
    for (const float x : v) proto.add_floats(x);
  }
  void operator()(const std::vector<std::string>& v) const {
    proto.set_type(AttributeProto::STRINGS);
    for (const std::string& x : v) proto.add_strings(x);
  }
  void operator()(const Tensor& v) const {
    proto.set_type(AttributeProto::TENSOR);
    write_tensor(v, "", *proto.mutable_t());
  }
};

}  // namespace

void write_attribute(std::string_view name, const AttributeValue& value, AttributeProto& proto) {
  proto.set_name(std::string(name));
  std::visit(Writer{proto}, value);
}

}  // namespace omni::formats
