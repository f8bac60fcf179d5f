// Writes a Graph as a ModelProto.
#pragma once

#include "graph/graph.h"
#include "proto/onnx.pb.h"

namespace omni::formats {

using namespace graph;

// Where the data of initializers goes: into the message, or into a file beside it.
class TensorSink {
 public:
  virtual ~TensorSink() = default;
  // Fills all of `proto` for a tensor of that name.
  virtual void write(const Tensor& tensor, std::string_view name, onnx::TensorProto& proto) = 0;
};

// The IR version in which an opset came out.
int64_t ir_version_of(int64_t opset);

// Throws Error: kUnsupported with every operator that cannot be written, kInternal for a graph whose layout is not plain.
onnx::ModelProto write_model(const Graph& graph, int64_t opset, TensorSink& sink);

}  // namespace omni::formats
