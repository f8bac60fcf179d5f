#include "formats/onnx/export.h"

#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "formats/onnx/import.h"
#include "formats/onnx/model_exporter.h"
#include "formats/onnx/tensor_proto.h"

namespace omni::formats {

namespace {

constexpr int64_t kDefaultOpset = 17, kInt4Opset = 21, kOldestOpset = 15;
constexpr size_t kExternalBytes = 1024;      // smaller tensors stay in the message
constexpr size_t kExternalAlignment = 4096;  // what ONNX asks for, so that readers can map the file
constexpr size_t kMessageLimit = std::numeric_limits<int>::max();
constexpr size_t kMessageReserve = size_t{64} << 20;  // for everything but the tensors

class InlineSink : public TensorSink {
 public:
  void write(const Tensor& tensor, std::string_view name, onnx::TensorProto& proto) override { write_tensor(tensor, name, proto); }
};

class ExternalSink : public TensorSink {
 public:
  ExternalSink(AtomicFile& file, std::string location) : file_(file), location_(std::move(location)) {}

  void write(const Tensor& tensor, std::string_view name, onnx::TensorProto& proto) override {
    if (tensor.bytes() < kExternalBytes || tensor.dtype() == DType::kString) return write_tensor(tensor, name, proto);
    write_tensor_header(tensor, name, proto);
    file_.pad_to(kExternalAlignment);
    proto.set_data_location(onnx::TensorProto::EXTERNAL);
    add(proto, "location", location_);
    add(proto, "offset", std::to_string(file_.written()));
    add(proto, "length", std::to_string(tensor.bytes()));
    file_.write({static_cast<const std::byte*>(tensor.data()), tensor.bytes()});
  }

 private:
  static void add(onnx::TensorProto& proto, const char* key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *proto.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }

  AtomicFile& file_;
  std::string location_;
};

// Data of constants and states, bodies included; and whether any has a 4-bit type.
struct Contained {
  size_t bytes = 0;
  bool four_bits = false;
};

Contained contained(const Graph& graph) {
  Contained sum;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const Value& v = graph.value(id);
    if (v.erased) continue;
    sum.four_bits = sum.four_bits || dtype_bits(v.type.dtype) == 4;
    if (v.kind == ValueKind::kConstant || v.kind == ValueKind::kState) sum.bytes += v.data.bytes();
  }
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    for (const auto& body : graph.node(id).bodies) {
      const Contained inner = contained(*body);
      sum.bytes += inner.bytes;
      sum.four_bits = sum.four_bits || inner.four_bits;
    }
  }
  return sum;
}

// A sink that keeps nothing: to find out whether an opset will do.
class NullSink : public TensorSink {
 public:
  void write(const Tensor&, std::string_view, onnx::TensorProto&) override {}
};

int64_t choose_opset(const Graph& graph, const OnnxExportOptions& options, bool four_bits) {
  if (options.opset != 0) {
    if (options.opset < kOldestOpset || options.opset > kNewestOpset) {
      throw Error(ErrorCode::kInvalidArgument, "opset " + std::to_string(options.opset) + " cannot be written", {},
                  "choose one from " + std::to_string(kOldestOpset) + " to " + std::to_string(kNewestOpset));
    }
    return options.opset;
  }
  if (four_bits) return kInt4Opset;
  NullSink nothing;
  try {
    write_model(graph, kDefaultOpset, nothing);
    return kDefaultOpset;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    return kInt4Opset;
  }
}

std::string serialize(const onnx::ModelProto& model) {
  if (model.ByteSizeLong() > kMessageLimit) {
    throw Error(ErrorCode::kUnsupported, "the model takes more than the 2 GB of an ONNX message", {}, "write it to a file with external data");
  }
  return model.SerializeAsString();
}

}  // namespace

std::string export_onnx(const Graph& graph, const OnnxExportOptions& options) {
  const Contained inside = contained(graph);
  if (options.external_data == ExternalData::kAlways || inside.bytes > kMessageLimit - kMessageReserve) {
    throw Error(ErrorCode::kUnsupported, "a model in memory has no place for external data", {}, "write it to a file");
  }
  InlineSink sink;
  return serialize(write_model(graph, choose_opset(graph, options, inside.four_bits), sink));
}

void export_onnx(const Graph& graph, const std::string& path, const OnnxExportOptions& options) {
  const Contained inside = contained(graph);
  const int64_t opset = choose_opset(graph, options, inside.four_bits);
  const bool external = options.external_data == ExternalData::kAlways ||
                        (options.external_data == ExternalData::kAuto && inside.bytes > kMessageLimit - kMessageReserve);
  AtomicFile file(path, options.overwrite);
  if (!external) {
    InlineSink sink;
    file.write(serialize(write_model(graph, opset, sink)));
    file.commit();
    return;
  }
  const std::string data_path = path + ".data";
  AtomicFile data(data_path, options.overwrite);
  ExternalSink sink(data, std::filesystem::path(data_path).filename().string());
  file.write(serialize(write_model(graph, opset, sink)));
  data.commit();
  file.commit();
}

}  // namespace omni::formats
