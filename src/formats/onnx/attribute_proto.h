// Attributes between the graph and ONNX's messages.
#pragma once

#include <optional>

#include "formats/onnx/tensor_proto.h"
#include "graph/attribute.h"

namespace omni::formats {

// What kind of value it holds; guessed from what is set where the file says nothing (IR version 1).
onnx::AttributeProto::AttributeType attribute_type(const onnx::AttributeProto& proto);

// Nothing for graphs, which are bodies. Throws Error: kUnsupported for kinds the graph has none of, kInvalidData.
std::optional<AttributeValue> read_attribute(const onnx::AttributeProto& proto, const TensorSource& source);

void write_attribute(std::string_view name, const AttributeValue& value, onnx::AttributeProto& proto);

}  // namespace omni::formats
