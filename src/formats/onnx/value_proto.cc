#include "formats/onnx/value_proto.h"

#include "core/error.h"

namespace omni::formats {

namespace {

template <class Message>
Message parsed(std::span<const std::byte> bytes, const char* what) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) throw Error(ErrorCode::kInvalidData, what);
  return message;
}

Tensor declared_tensor(const onnx::TensorProto& proto, int declared) {
  Tensor stored = read_tensor(proto);
  if (declared != onnx::TensorProto::BFLOAT16 || stored.dtype() != DType::kU16) return stored;
  return Tensor::from_bytes(DType::kBF16, stored.shape(), {static_cast<const std::byte*>(stored.data()), stored.bytes()});
}

DType element_dtype(const onnx::TypeProto& type) {
  DimTable dims;
  const std::optional<Type> read = read_type(type, {dims, false});
  if (!read) throw Error(ErrorCode::kInvalidData, "the element type is not declared");
  return read->dtype;
}

Tensor sequence(const onnx::SequenceProto& proto, const onnx::TypeProto& type) {
  const int declared = type.sequence_type().elem_type().tensor_type().elem_type();
  std::vector<Tensor> elements;
  for (const onnx::TensorProto& t : proto.tensor_values()) elements.push_back(declared_tensor(t, declared));
  return Tensor::sequence(element_dtype(type), std::move(elements));
}

}  // namespace

Tensor read_value(std::span<const std::byte> bytes, const onnx::TypeProto& type) {
  if (type.has_sequence_type()) return sequence(parsed<onnx::SequenceProto>(bytes, "no sequence"), type);
  if (type.has_optional_type()) {
    const onnx::TypeProto& held = type.optional_type().elem_type();
    const auto proto = parsed<onnx::OptionalProto>(bytes, "no optional");
    if (proto.has_tensor_value()) return declared_tensor(proto.tensor_value(), held.tensor_type().elem_type());
    if (proto.has_sequence_value()) return sequence(proto.sequence_value(), held);
    return Tensor::nothing(element_dtype(type));
  }
  const auto proto = parsed<onnx::TensorProto>(bytes, "no tensor");
  if (!proto.has_data_type()) throw Error(ErrorCode::kInvalidData, "no tensor");
  return declared_tensor(proto, type.tensor_type().elem_type());
}

}  // namespace omni::formats
