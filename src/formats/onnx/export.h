// ONNX models out: the graph lowered to an older opset that other engines read, deterministic to the byte.
//
// docs/onnx.md says what is written. States are written as initializers with their data; commits cannot be expressed and are refused.
#pragma once

#include <cstdint>
#include <string>

#include "core/atomic_file.h"
#include "graph/graph.h"

namespace omni::formats {

using namespace graph;

enum class ExternalData : uint8_t { kAuto, kAlways, kNever };  // kAuto: when the model would pass the 2 GB of a protobuf message

struct OnnxExportOptions {
  // 0: 17, or 21 where 4-bit types or an operator need it. Otherwise 15 to kNewestOpset: operators say how to go down to 15, not further.
  int64_t opset = 0;
  // Tensors of 1 KiB and more go to PATH.data beside the model.
  ExternalData external_data = ExternalData::kAuto;
  Overwrite overwrite = Overwrite::kRefuse;
};

// The message's bytes, all tensors inside. Throws Error kUnsupported (every operator that cannot be written, at once; a message over 2 GB).
std::string export_onnx(const Graph& graph, const OnnxExportOptions& options = {});
// Written whole or not at all; the data file before the model. Throws also as AtomicFile does.
void export_onnx(const Graph& graph, const std::string& path, const OnnxExportOptions& options = {});

}  // namespace omni::formats
