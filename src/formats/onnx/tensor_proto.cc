#include "formats/onnx/tensor_proto.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "ops/onnx_dtype.h"

namespace omni::formats {

namespace {

using onnx::TensorProto;

constexpr size_t kViewBytes = 4096;         // below, a copy is cheaper than keeping the whole message
constexpr int64_t kDenseLimit = 256 << 20;  // bytes that a few indices may ask for

DType known_dtype(int data_type) {
  const auto dtype = ops::from_onnx(data_type);
  if (!dtype) throw Error(ErrorCode::kUnsupported, "the element type " + onnx_dtype_name(data_type) + " is not supported");
  return *dtype;
}

Shape read_dims(const google::protobuf::RepeatedField<int64_t>& dims) {
  return Shape(std::span<const int64_t>(dims.data(), static_cast<size_t>(dims.size())));
}

[[noreturn]] void wrong_count(size_t found, const char* what, DType dtype, const Shape& shape) {
  throw Error(ErrorCode::kInvalidData, std::to_string(found) + " " + what + " for a tensor " + std::string(dtype_name(dtype)) + shape.text(), {},
              "the file is damaged or was written wrongly");
}

// Bytes of the message: a view of it where that pays, else a copy. Bytes of bools become 0 or 1.
Tensor from_message(DType dtype, const Shape& shape, const void* data, size_t bytes, const TensorSource& source) {
  const auto* first = static_cast<const std::byte*>(data);
  if (dtype == DType::kBool && std::any_of(first, first + bytes, [](std::byte b) { return b > std::byte{1}; })) {
    Tensor tensor(dtype, shape);
    auto* out = static_cast<uint8_t*>(tensor.mutable_data());
    for (size_t i = 0; i < bytes; ++i) out[i] = first[i] != std::byte{0};
    return tensor;
  }
  const bool aligned = reinterpret_cast<uintptr_t>(data) % dtype_size(dtype) == 0;
  if (source.keeper && bytes >= kViewBytes && aligned) return Tensor::view(dtype, shape, data, source.keeper);
  return Tensor::from_bytes(dtype, shape, {first, bytes});
}

// A typed field whose elements have the tensor's own width.
template <class Field>
Tensor from_same_width(const Field& field, DType dtype, const Shape& shape, const TensorSource& source) {
  if (field.size() != shape.count()) wrong_count(static_cast<size_t>(field.size()), "values", dtype, shape);
  return from_message(dtype, shape, field.data(), static_cast<size_t>(field.size()) * sizeof(*field.data()), source);
}

// A typed field of wider elements: the low bits of each count.
template <class T, class Field>
Tensor from_wider(const Field& field, DType dtype, const Shape& shape) {
  if (field.size() != shape.count()) wrong_count(static_cast<size_t>(field.size()), "values", dtype, shape);
  Tensor tensor(dtype, shape);
  T* out = static_cast<T*>(tensor.mutable_data());
  for (int i = 0; i < field.size(); ++i) out[i] = static_cast<T>(field[i]);
  return tensor;
}

Tensor from_4bit(const TensorProto& proto, DType dtype, const Shape& shape) {
  Tensor tensor(dtype, shape);
  if (static_cast<size_t>(proto.int32_data_size()) != tensor.bytes())
    wrong_count(static_cast<size_t>(proto.int32_data_size()), "pairs", dtype, shape);
  auto* out = static_cast<uint8_t*>(tensor.mutable_data());
  for (int i = 0; i < proto.int32_data_size(); ++i) out[i] = static_cast<uint8_t>(proto.int32_data(i));
  return tensor;
}

Tensor from_bool(const TensorProto& proto, const Shape& shape) {
  if (proto.int32_data_size() != shape.count()) wrong_count(static_cast<size_t>(proto.int32_data_size()), "values", DType::kBool, shape);
  Tensor tensor(DType::kBool, shape);
  auto* out = static_cast<uint8_t*>(tensor.mutable_data());
  for (int i = 0; i < proto.int32_data_size(); ++i) out[i] = proto.int32_data(i) != 0;
  return tensor;
}

Tensor from_strings(const TensorProto& proto, const Shape& shape) {
  if (proto.string_data_size() != shape.count()) wrong_count(static_cast<size_t>(proto.string_data_size()), "strings", DType::kString, shape);
  const std::vector<std::string> values(proto.string_data().begin(), proto.string_data().end());
  return Tensor::strings(shape, values);
}

Tensor from_typed_field(const TensorProto& proto, DType dtype, const Shape& shape, const TensorSource& source) {
  switch (dtype) {
    case DType::kF32: return from_same_width(proto.float_data(), dtype, shape, source);
    case DType::kF64: return from_same_width(proto.double_data(), dtype, shape, source);
    case DType::kI64: return from_same_width(proto.int64_data(), dtype, shape, source);
    case DType::kU64: return from_same_width(proto.uint64_data(), dtype, shape, source);
    case DType::kI32: return from_same_width(proto.int32_data(), dtype, shape, source);
    case DType::kU32: return from_wider<uint32_t>(proto.uint64_data(), dtype, shape);
    case DType::kI16:
    case DType::kU16:
    case DType::kF16:
    case DType::kBF16: return from_wider<uint16_t>(proto.int32_data(), dtype, shape);
    case DType::kI8:
    case DType::kU8: return from_wider<uint8_t>(proto.int32_data(), dtype, shape);
    case DType::kBool: return from_bool(proto, shape);
    case DType::kI4:
    case DType::kU4: return from_4bit(proto, dtype, shape);
    case DType::kString: return from_strings(proto, shape);
  }
  throw Error(ErrorCode::kInternal, "an element type without a reader");
}

}  // namespace

std::string onnx_dtype_name(int data_type) {
  static constexpr const char* kNames[] = {"UNDEFINED", "FLOAT",      "UINT8",      "INT8",         "UINT16",         "INT16",      "INT32",
                                           "INT64",     "STRING",     "BOOL",       "FLOAT16",      "DOUBLE",         "UINT32",     "UINT64",
                                           "COMPLEX64", "COMPLEX128", "BFLOAT16",   "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ",
                                           "UINT4",     "INT4",       "FLOAT4E2M1", "FLOAT8E8M0",   "UINT2",          "INT2"};
  if (data_type >= 0 && data_type < static_cast<int>(std::size(kNames))) return kNames[data_type];
  return "type " + std::to_string(data_type);
}

Tensor read_tensor(const TensorProto& proto, const TensorSource& source) {
  const DType dtype = known_dtype(proto.data_type());
  const Shape shape = read_dims(proto.dims());
  if (proto.has_segment()) throw Error(ErrorCode::kUnsupported, "a tensor stored in segments");
  if (proto.data_location() == TensorProto::EXTERNAL) {
    if (source.files == nullptr) throw Error(ErrorCode::kInvalidData, "external data where there can be none");
    const Tensor tensor = source.files->read(proto, dtype, shape);
    if (dtype != DType::kBool) return tensor;
    return from_message(dtype, shape, tensor.data(), tensor.bytes(), {});
  }
  if (!proto.has_raw_data()) return from_typed_field(proto, dtype, shape, source);
  if (dtype == DType::kString) throw Error(ErrorCode::kInvalidData, "strings stored as raw data");
  const std::string& raw = proto.raw_data();
  if (raw.size() != packed_bytes(dtype, static_cast<size_t>(shape.count()))) wrong_count(raw.size(), "bytes", dtype, shape);
  return from_message(dtype, shape, raw.data(), raw.size(), source);
}

Tensor read_sparse_tensor(const onnx::SparseTensorProto& proto, const TensorSource& source) {
  const Shape shape = read_dims(proto.dims());
  const Tensor values = read_tensor(proto.values(), source);
  const Tensor indices = read_tensor(proto.indices(), source);
  const int64_t count = values.count();
  const bool linear = indices.shape().rank() == 1;
  const bool fits = values.shape().rank() == 1 && indices.dtype() == DType::kI64 &&
                    (linear ? indices.count() == count : indices.shape() == Shape{count, static_cast<int64_t>(shape.rank())});
  if (!fits) throw Error(ErrorCode::kInvalidData, "a sparse tensor " + shape.text() + " whose values and indices do not fit");
  if (dtype_bits(values.dtype()) < 8) throw Error(ErrorCode::kUnsupported, "a sparse tensor of " + std::string(dtype_name(values.dtype())));
  const size_t width = dtype_size(values.dtype());
  if (shape.count() > kDenseLimit / static_cast<int64_t>(width)) {
    throw Error(ErrorCode::kUnsupported, "a sparse tensor " + shape.text() + " that takes more than 256 MiB when dense");
  }
  Tensor dense(values.dtype(), shape);
  const std::span<const int64_t> at = indices.values<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    int64_t index = linear ? at[static_cast<size_t>(i)] : 0;
    bool in_range = index >= 0 && index < shape.count();
    for (int d = 0; !linear && d < shape.rank(); ++d) {
      const int64_t coordinate = at[static_cast<size_t>(i * shape.rank() + d)];
      in_range = in_range && coordinate >= 0 && coordinate < shape[d];
      index = in_range ? index * shape[d] + coordinate : 0;
    }
    if (!in_range) throw Error(ErrorCode::kInvalidData, "a sparse tensor " + shape.text() + " with an index outside");
    std::memcpy(static_cast<std::byte*>(dense.mutable_data()) + static_cast<size_t>(index) * width,
                static_cast<const std::byte*>(values.data()) + static_cast<size_t>(i) * width, width);
  }
  return dense;
}

void write_tensor_header(const Tensor& tensor, std::string_view name, TensorProto& proto) {
  for (const int64_t d : tensor.shape()) proto.add_dims(d);
  proto.set_data_type(static_cast<int32_t>(ops::to_onnx(tensor.dtype())));
  if (!name.empty()) proto.set_name(std::string(name));
}

void write_tensor(const Tensor& tensor, std::string_view name, TensorProto& proto) {
  write_tensor_header(tensor, name, proto);
  if (tensor.dtype() == DType::kString) {
    for (int64_t i = 0; i < tensor.count(); ++i) proto.add_string_data(std::string(tensor.string_at(i)));
  } else {
    proto.set_raw_data(tensor.bytes() == 0 ? std::string() : std::string(static_cast<const char*>(tensor.data()), tensor.bytes()));
  }
}

}  // namespace omni::formats
