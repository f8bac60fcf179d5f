// One call a method: a float graph in, a compressed graph out, with what was done and why some of it was not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compress/quantize/calibrate.h"
#include "compress/quantize/static.h"
#include "graph/graph.h"

namespace omni::compress {

enum class Method : uint8_t { kFp16, kBf16, kInt8Dynamic, kInt8Static, kInt8Weight, kInt4Weight };

// "fp16", "bf16", "int8-dynamic", "int8-static", "int8-weight", "int4-weight".
std::string_view method_name(Method method);
std::vector<std::string> method_names();
// Throws Error (kInvalidArgument) with the nearest names.
Method parse_method(std::string_view name);

struct CompressOptions {
  Observer observer = Observer::kMse;
  double percentile = 99.99;
  int64_t group = 32;  // of INT4
  bool keep_ends_int8 = true;
  CalibrateOptions calibration;
};

struct LayerReport {
  std::string name;     // of the weight
  std::string op;       // that reads it
  std::string action;   // "int8", "int4", "f16", "bf16" or "kept"
  std::string reason;   // where it was kept, or kept at more bits
  int64_t elements = 0;
  size_t bytes_before = 0, bytes_after = 0;
};

struct CompressResult {
  Graph graph;
  std::vector<LayerReport> layers;
  std::vector<TensorReport> tensors;  // static INT8: the ranges of activations
  std::vector<std::string> notes;
};

// `data` is needed for kInt8Static alone. Throws Error: kInvalidArgument without data, what calibrate throws.
CompressResult compress(const Graph& graph, Method method, const runtime::SampleSource* data, const CompressOptions& options);

// Bytes of the constants as stored. `payload`: of weights alone, what the study counts; the rest is scales, zero points, biases, shapes.
struct WeightBytes {
  size_t total = 0, payload = 0;
};
WeightBytes weight_bytes(const Graph& graph);

}  // namespace omni::compress
