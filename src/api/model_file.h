// Models from and to files, whatever their format.
#pragma once

#include <string>

#include "api/access.h"

namespace omni::api {

struct LoadedModel {
  graph::Graph graph;
  std::string format;
};

// Told apart by content. Throws Error.
LoadedModel load_model(const std::string& path);
// "onnx" or "omni", by the option or the extension. Throws Error (kInvalidArgument).
std::string format_for(const std::string& path, const std::string& wanted);
// `coded`: a package with entropy-coded tensors.
void save_model(const graph::Graph& graph, const std::string& path, const std::string& format, core::Overwrite overwrite, bool coded);
// Checks of the format's own: the checksum of every section of a package. Adds to the facts and problems of `result`.
void verify_file(const std::string& path, const std::string& format, Verification& result);

}  // namespace omni::api
