// Tensors and types between the graph and ONNX's messages.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/tensor.h"
#include "formats/onnx/external_data.h"
#include "graph/type.h"
#include "proto/onnx.pb.h"

namespace omni::formats {

using namespace graph;

// "FLOAT8E4M3FN" or "type 99".
std::string onnx_dtype_name(int data_type);

struct TensorSource {
  ExternalFiles* files = nullptr;           // nullptr: external data is refused
  std::shared_ptr<const void> keeper = {};  // keeps the message alive for tensors that are views of it; empty: everything is copied
};

// Throws Error: kInvalidData when the data does not fit the shape exactly, kUnsupported for an element type the graph does not know.
Tensor read_tensor(const onnx::TensorProto& proto, const TensorSource& source = {});
// Made dense. Throws also kUnsupported above 256 MiB.
Tensor read_sparse_tensor(const onnx::SparseTensorProto& proto, const TensorSource& source = {});

// Data included, as raw bytes (strings as strings).
void write_tensor(const Tensor& tensor, std::string_view name, onnx::TensorProto& proto);
// All but the data.
void write_tensor_header(const Tensor& tensor, std::string_view name, onnx::TensorProto& proto);

// How the names of dimensions are read: as they are, or (`expressions`, our own files) as DimTable::text wrote them.
struct DimReader {
  DimTable& dims;
  bool expressions = false;

  Dim read(const std::string& name) const;
};

// A declared type; nothing when it is absent or has no element type. Throws Error (kUnsupported) for maps, sparse tensors and such.
std::optional<Type> read_type(const onnx::TypeProto& proto, const DimReader& reader);
void write_type(const Type& type, const DimTable& dims, onnx::TypeProto& proto);

}  // namespace omni::formats
