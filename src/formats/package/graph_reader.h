// Graphs out of the index of a package. Nothing in the index is trusted: it has passed the FlatBuffers verifier, which knows offsets only.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "formats/package/package.h"
#include "formats/package/schema.h"

namespace omni::formats {

struct SectionBytes {
  uint32_t kind = 0;
  uint32_t crc = 0;
  std::span<const std::byte> bytes;
};

// What all graphs of one file share while it is read.
class PackageSource {
 public:
  PackageSource(std::vector<SectionBytes> sections, std::shared_ptr<const void> keeper, graph::OpLookup lookup, size_t index_bytes, size_t file_bytes)
      : sections_(std::move(sections)), keeper_(std::move(keeper)), ops_(lookup), index_left_(index_bytes), copy_left_(file_bytes) {}

  graph::OpLookup ops() const { return ops_; }
  // Tables may point at the same bytes again and again, so that a small file would unfold without end. A file of ours reads each byte once;
  // reading more than there is throws Error (kInvalidData).
  void spend_index(size_t bytes) { spend(index_left_, bytes); }
  Tensor tensor(const fb::Tensor* t);

 private:
  static void spend(size_t& left, size_t bytes);
  // Graphs of one file that share a section share what it decodes to.
  Tensor decoded(uint32_t section, DType dtype, const Shape& shape);

  std::vector<SectionBytes> sections_;
  std::shared_ptr<const void> keeper_;
  graph::OpLookup ops_;
  size_t index_left_, copy_left_;
  std::map<uint32_t, Tensor> decoded_;  // by section
};

// Throws Error (kInvalidData, kUnsupported) with graph and node, not the file.
graph::Graph read_graph(const fb::Graph& table, PackageSource& source);
Metadata read_metadata(const flatbuffers::Vector<flatbuffers::Offset<fb::KeyValue>>* pairs, PackageSource& source);

}  // namespace omni::formats
