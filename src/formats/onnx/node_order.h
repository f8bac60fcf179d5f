// The order in which a list of ONNX nodes can be read.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proto/onnx.pb.h"

namespace omni::formats {

using NodeProtos = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

// The names that a node reads from the scope it stands in: its inputs and what its bodies, at any depth, take from outside themselves.
std::unordered_set<std::string_view> names_read(const onnx::NodeProto& node);

// Indices so that each node comes after those it reads from. The file's own order where that is one, as ONNX demands; otherwise the closest to it.
// Throws Error (kInvalidData) for a cycle or a name that two nodes produce.
std::vector<int> node_order(const NodeProtos& nodes);

// The node's name, or its first output's, or its operator's: what to call it in a message.
std::string node_text(const onnx::NodeProto& node);

}  // namespace omni::formats
