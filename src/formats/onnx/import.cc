#include "formats/onnx/import.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <limits>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/onnx/model_importer.h"

namespace omni::formats {

namespace {

// Protobuf stops at 100 nested messages; a graph in a graph is three (graph, node, attribute).
constexpr int kMaxNesting = 100;
constexpr int kNestedGraphs = kMaxNesting / 3;

// The bytes of a file, piece by piece; pages that were read are let go, so that a model is not in memory twice while it is parsed.
class FileStream : public google::protobuf::io::ZeroCopyInputStream {
 public:
  static constexpr int kPiece = 1 << 20;

  explicit FileStream(const MappedFile& file) : file_(file), array_(file.bytes.data(), static_cast<int>(file.bytes.size()), kPiece) {}
  bool Next(const void** data, int* size) override {
    file_.release(static_cast<size_t>(array_.ByteCount()));
    return array_.Next(data, size);
  }
  void BackUp(int count) override { array_.BackUp(count); }
  bool Skip(int count) override { return array_.Skip(count); }
  int64_t ByteCount() const override { return array_.ByteCount(); }

 private:
  const MappedFile& file_;
  google::protobuf::io::ArrayInputStream array_;
};

bool parse(onnx::ModelProto& model, const MappedFile& file, int nesting) {
  FileStream pieces(file);
  google::protobuf::io::CodedInputStream stream(&pieces);
  stream.SetRecursionLimit(nesting);
  return model.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

std::shared_ptr<const onnx::ModelProto> parse(const MappedFile& file) {
  if (file.bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    throw Error(ErrorCode::kUnsupported, "an ONNX message of more than 2 GB", {}, "store the weights as external data");
  }
  auto model = std::make_shared<onnx::ModelProto>();
  if (parse(*model, file, kMaxNesting)) {
    if (model->has_graph()) return model;
    throw Error(ErrorCode::kInvalidData, "no ONNX model: it holds no graph");
  }
  onnx::ModelProto deeper;
  if (parse(deeper, file, 4 * kMaxNesting)) {
    throw Error(ErrorCode::kUnsupported, "subgraphs nested more than " + std::to_string(kNestedGraphs) + " deep");
  }
  throw Error(ErrorCode::kInvalidData, "no ONNX model, or a truncated or damaged one", {}, "copy or export the file again");
}

Graph import_any(const MappedFile& file, const std::string& path, const OnnxImportOptions& options) {
  try {
    return ModelImporter(parse(file), path, options).run();
  } catch (const Error& error) {
    if (path.empty() || error.where().starts_with(path)) throw;
    throw error.within(path);
  }
}

// Reads what a protobuf message starts with. Every read says whether there was enough.
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool done() const { return at_ == bytes_.size(); }
  bool varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (done()) return false;
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  bool skip(uint64_t size) {
    if (size > bytes_.size() - at_) return false;
    at_ += size;
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

}  // namespace

bool is_onnx(std::span<const std::byte> bytes) {
  constexpr uint64_t kVarint = 0, kBytes = 2;
  FieldReader reader(bytes);
  bool ir_version = false;
  while (!reader.done()) {
    uint64_t tag = 0, value = 0;
    if (!reader.varint(tag)) return false;
    const uint64_t field = tag >> 3, type = tag & 7;
    const bool number = field == 1 || field == 5;
    const bool text =
        field == 2 || field == 3 || field == 4 || field == 6 || field == 7 || field == 8 || field == 14 || field == 20 || field == 25 || field == 26;
    if (!(number && type == kVarint) && !(text && type == kBytes)) return false;
    if (!reader.varint(value)) return false;
    ir_version = ir_version || (field == 1 && value > 0 && value < 1000);
    if (field == 7) return ir_version || value > 0;
    if (type == kBytes && !reader.skip(value)) return ir_version;  // the field reaches over the bytes at hand
  }
  return ir_version;
}

Graph import_onnx(const std::string& path, const OnnxImportOptions& options) {
  return import_any(map_file(path), path, options);
}

Graph import_onnx(std::span<const std::byte> bytes, const OnnxImportOptions& options) { return import_any({bytes, nullptr}, {}, options); }

}  // namespace omni::formats
