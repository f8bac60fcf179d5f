// Values of the ONNX suite's files: tensors, and where the model declares them sequences and optionals.
#pragma once

#include "formats/onnx/tensor_proto.h"

namespace omni::formats {

// `bytes` is a TensorProto, SequenceProto or OptionalProto, as `type` says. bf16 that is stored as the u16 of its bits comes as bf16.
// Throws Error: kInvalidData for another message, kUnsupported for maps and such.
Tensor read_value(std::span<const std::byte> bytes, const onnx::TypeProto& type);

}  // namespace omni::formats
