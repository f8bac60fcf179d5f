// ONNX models in: every IR version and opset up to the newest known, raised to the one dialect of the graph.
//
// The bytes are untrusted: whatever they hold, the answer is a graph or an Error. Large tensors are not copied: those inside the model keep its
// parsed message alive, those outside (external data) are mapped. docs/onnx.md says what is accepted and what becomes of it.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace omni::formats {

using namespace graph;

// The newest opset of ai.onnx whose operators this importer was written against.
inline constexpr int64_t kNewestOpset = 28;

struct OnnxImportOptions {
  // Shapes that take the place of what inputs declare: {"images", {1, 3, 640, 640}}; -1 leaves a dimension as it is.
  std::map<std::string, std::vector<int64_t>, std::less<>> input_shapes = {};
  // Where external data is looked for when the model comes from memory; "" refuses it. A model read from a path uses its own folder.
  std::string directory = {};
  // Finds operators; nullptr: all of ops/op_list.h.
  OpLookup ops = nullptr;
};

// Whether the bytes (the first kilobyte is enough) look like an ONNX model. Packages have a magic number: ask for that first.
bool is_onnx(std::span<const std::byte> bytes);

// Throws Error: kNotFound, kInvalidData (with node and value names), kUnsupported (everything that is missing, at once).
Graph import_onnx(const std::string& path, const OnnxImportOptions& options = {});
Graph import_onnx(std::span<const std::byte> bytes, const OnnxImportOptions& options = {});

}  // namespace omni::formats
