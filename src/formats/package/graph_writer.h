// A graph as tables of the index.
#pragma once

#include <string_view>
#include <unordered_map>

#include "formats/package/package.h"
#include "formats/package/schema.h"
#include "formats/package/section_table.h"

namespace omni::formats {

class GraphWriter {
 public:
  GraphWriter(flatbuffers::FlatBufferBuilder& builder, SectionTable& sections, bool coded) : builder_(builder), sections_(sections), coded_(coded) {}

  // Throws Error (kUnsupported) for what a package cannot hold.
  flatbuffers::Offset<fb::Graph> write(const graph::Graph& graph, int depth = 0);
  bool coded() const { return coded_; }

 private:
  flatbuffers::FlatBufferBuilder& builder_;
  SectionTable& sections_;
  bool coded_;
};

using KeyValues = flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::KeyValue>>>;
KeyValues write_metadata(flatbuffers::FlatBufferBuilder& builder, const Metadata& metadata);

}  // namespace omni::formats
