// Tensors whose bytes lie in files beside the model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/mapped_file.h"
#include "core/tensor.h"
#include "proto/onnx.pb.h"

namespace omni::formats {

using namespace core;

class ExternalFiles {
 public:
  // `model_path`: "" when the model came from memory; then `directory`, if any, holds the files.
  ExternalFiles(const std::string& model_path, const std::string& directory);

  // The tensor's bytes, mapped (copied where they are not aligned to an element). Its location must stay inside the model's folder, and the part
  // must lie in the file and have exactly the size of the tensor. Throws Error (kInvalidData, kNotFound).
  Tensor read(const onnx::TensorProto& proto, DType dtype, const Shape& shape);

 private:
  const MappedFile& open(const std::string& location);

  std::vector<std::string> roots_;  // folders, with links followed; the first is where locations start
  std::string directory_;
  std::map<std::string, MappedFile> files_;  // by location
};

}  // namespace omni::formats
