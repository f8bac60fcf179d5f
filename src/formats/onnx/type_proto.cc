// Types: element type and shape with named dimensions, sequences and optionals.
#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "formats/onnx/tensor_proto.h"
#include "ops/onnx_dtype.h"

namespace omni::formats {

namespace {

// Whether DimTable::parse reads the text at all.
std::optional<Dim> parsed(std::string_view text, DimTable& dims) {
  try {
    return dims.parse(text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

Type read_shape(int elem_type, bool has_shape, const onnx::TensorShapeProto& shape, const DimReader& reader) {
  const auto dtype = ops::from_onnx(elem_type);
  if (!dtype) throw Error(ErrorCode::kUnsupported, "the element type " + onnx_dtype_name(elem_type) + " is not supported");
  if (!has_shape) return Type::unranked(*dtype);
  if (shape.dim_size() > Shape::kMaxRank) {
    throw Error(ErrorCode::kUnsupported, "a tensor of rank " + std::to_string(shape.dim_size()) + " (8 is the most)");
  }
  Type type(*dtype, std::vector<Dim>{});
  for (const onnx::TensorShapeProto::Dimension& d : shape.dim()) {
    if (d.has_dim_value() && d.dim_value() >= 0) {
      type.dims.emplace_back(d.dim_value());
    } else if (d.has_dim_param() && !d.dim_param().empty()) {
      type.dims.push_back(reader.read(d.dim_param()));
    } else {
      type.dims.push_back(reader.dims.fresh());  // unknown, or -1 as some exporters write it
    }
  }
  return type;
}

std::optional<Type> wrapped(const onnx::TypeProto& element, TypeKind kind, TypeKind sequence_kind, const DimReader& reader) {
  std::optional<Type> type = read_type(element, reader);
  if (!type) return type;
  if (type->kind == TypeKind::kSequence && sequence_kind != TypeKind::kSequence) {
    type->kind = sequence_kind;
  } else if (type->kind == TypeKind::kTensor) {
    type->kind = kind;
  } else {
    throw Error(ErrorCode::kUnsupported, "a sequence or optional of something that is no tensor");
  }
  return type;
}

}  // namespace

Dim DimReader::read(const std::string& name) const {
  // "?", "-1", "None": exporters' ways to say nothing. As a name it would make sizes equal that are not.
  const bool is_name = std::any_of(name.begin(), name.end(), [](unsigned char c) { return std::isalpha(c) || c == '_' || c >= 0x80; });
  if (!is_name || name == "None") return dims.fresh();
  if (expressions) {
    if (const auto dim = parsed(name, dims)) return *dim;
  }
  return dims.symbol(name);
}

std::optional<Type> read_type(const onnx::TypeProto& proto, const DimReader& reader) {
  switch (proto.value_case()) {
    case onnx::TypeProto::kTensorType:
      if (proto.tensor_type().elem_type() == 0) return std::nullopt;
      return read_shape(proto.tensor_type().elem_type(), proto.tensor_type().has_shape(), proto.tensor_type().shape(), reader);
    case onnx::TypeProto::kSequenceType: return wrapped(proto.sequence_type().elem_type(), TypeKind::kSequence, TypeKind::kSequence, reader);
    case onnx::TypeProto::kOptionalType: return wrapped(proto.optional_type().elem_type(), TypeKind::kOptional, TypeKind::kOptionalSequence, reader);
    case onnx::TypeProto::kMapType: throw Error(ErrorCode::kUnsupported, "maps are not supported");
    case onnx::TypeProto::kSparseTensorType: throw Error(ErrorCode::kUnsupported, "sparse tensors as inputs or outputs are not supported");
    case onnx::TypeProto::VALUE_NOT_SET: break;
  }
  return std::nullopt;
}

namespace {

// A lone symbol by its name, unless the reader would take that name for an expression.
std::string dim_text(Dim dim, const DimTable& dims) {
  const std::string_view name = dims.symbol_name(dim);
  if (name.empty()) return dims.text(dim);
  DimTable scratch;
  const auto read = parsed(name, scratch);
  return read && scratch.symbol_name(*read) != name ? dims.text(dim) : std::string(name);
}

}  // namespace

void write_type(const Type& type, const DimTable& dims, onnx::TypeProto& proto) {
  onnx::TypeProto* element = &proto;
  if (type.kind == TypeKind::kOptional || type.kind == TypeKind::kOptionalSequence) element = element->mutable_optional_type()->mutable_elem_type();
  if (type.kind == TypeKind::kSequence || type.kind == TypeKind::kOptionalSequence) element = element->mutable_sequence_type()->mutable_elem_type();
  onnx::TypeProto::Tensor& tensor = *element->mutable_tensor_type();
  tensor.set_elem_type(static_cast<int32_t>(ops::to_onnx(type.dtype)));
  if (!type.ranked) return;
  tensor.mutable_shape();
  for (const Dim d : type.dims) {
    onnx::TensorShapeProto::Dimension& dim = *tensor.mutable_shape()->add_dim();
    if (d.is_constant()) {
      dim.set_dim_value(d.value);
    } else {
      dim.set_dim_param(dim_text(d, dims));
    }
  }
}

}  // namespace omni::formats
