#include "formats/onnx/external_data.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "core/error.h"

namespace omni::formats {

namespace fs = std::filesystem;

namespace {

uint64_t number(std::string_view text, std::string_view key) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(ErrorCode::kInvalidData, "the " + std::string(key) + " of external data is " + core::quoted(text) + ", not a number");
  }
  return value;
}

bool inside(const fs::path& file, const fs::path& folder) {
  const auto [f, _] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return f == folder.end();
}

void check_location(const std::string& location) {
  const fs::path path(location);
  const bool steps_out = std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
  if (location.empty() || path.is_absolute() || steps_out || location.find('\0') != std::string::npos) {
    throw Error(ErrorCode::kInvalidData, "external data may only lie in the model's folder, not at " + core::quoted(location), {},
                "put the data file beside the model and save the model with that location");
  }
}

}  // namespace

ExternalFiles::ExternalFiles(const std::string& model_path, const std::string& directory) : directory_(directory) {
  std::error_code ignored;
  if (!model_path.empty()) {
    directory_ = fs::path(model_path).parent_path().string();
    if (directory_.empty()) directory_ = ".";
    // A model cache links both files into a folder of names: then the folder of the linked file counts as the model's too.
    const fs::path real = fs::canonical(model_path, ignored);
    if (!ignored) roots_.push_back(real.parent_path().string());
  }
  if (directory_.empty()) return;
  const fs::path real = fs::canonical(directory_, ignored);
  if (!ignored) roots_.insert(roots_.begin(), real.string());
}

const MappedFile& ExternalFiles::open(const std::string& location) {
  const auto found = files_.find(location);
  if (found != files_.end()) return found->second;
  check_location(location);
  if (directory_.empty()) {
    throw Error(ErrorCode::kInvalidData, "the model keeps tensors in the file " + core::quoted(location), {},
                "read the model from its path, not from memory");
  }
  const fs::path path = fs::path(directory_) / location;
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) {
    throw Error(ErrorCode::kNotFound, "the data file " + core::quoted(path.string()) + " is missing", {}, "copy it beside the model");
  }
  const bool confined = std::any_of(roots_.begin(), roots_.end(), [&](const std::string& root) { return inside(real, root); });
  if (!confined || !fs::is_regular_file(real, error)) {
    throw Error(ErrorCode::kInvalidData, "the data file " + core::quoted(path.string()) + " is no regular file in the model's folder");
  }
  return files_.emplace(location, map_file(real.string())).first->second;
}

Tensor ExternalFiles::read(const onnx::TensorProto& proto, DType dtype, const Shape& shape) {
  std::string location;
  uint64_t offset = 0;
  const uint64_t size = packed_bytes(dtype, static_cast<size_t>(shape.count()));
  uint64_t length = size;
  for (const onnx::StringStringEntryProto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = number(entry.value(), "offset");
    if (entry.key() == "length") length = number(entry.value(), "length");
  }
  if (dtype == DType::kString) throw Error(ErrorCode::kInvalidData, "strings cannot be external data");
  if (length != size) {
    throw Error(ErrorCode::kInvalidData, "external data of " + std::to_string(length) + " bytes for a tensor " + std::string(dtype_name(dtype)) +
                                             shape.text() + " that takes " + std::to_string(size));
  }
  if (size == 0) return Tensor(dtype, shape);
  const MappedFile& file = open(location);
  if (offset > file.bytes.size() || file.bytes.size() - offset < size) {
    throw Error(ErrorCode::kInvalidData,
                "external data at byte " + std::to_string(offset) + " reaches over the end of " + core::quoted(location) + " (" +
                    std::to_string(file.bytes.size()) + " bytes)",
                {}, "the data file is truncated or of another model");
  }
  const std::byte* data = file.bytes.data() + offset;
  if (reinterpret_cast<uintptr_t>(data) % dtype_size(dtype) != 0) return Tensor::from_bytes(dtype, shape, {data, static_cast<size_t>(size)});
  return Tensor::view(dtype, shape, data, file.keeper);
}

}  // namespace omni::formats
