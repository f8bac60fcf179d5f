#include <set>

#include "core/crc32c.h"
#include "core/error.h"
#include "formats/package/graph_writer.h"
#include "formats/package/package.h"
#include "formats/package/package_layout.h"

namespace omni::formats {

using flatbuffers::Offset;

namespace {

void check_graphs(const Package& package) {
  if (package.graphs.empty()) throw Error(ErrorCode::kInvalidArgument, "a package without a graph");
  std::set<std::string_view> names;
  for (const auto& g : package.graphs) {
    graph::verify(*g);
    if (!names.insert(g->name()).second) throw Error(ErrorCode::kInvalidArgument, "two graphs are called " + quoted(g->name()));
  }
}

Offset<flatbuffers::Vector<Offset<fb::Section>>> write_sections(flatbuffers::FlatBufferBuilder& builder, const SectionTable& table) {
  std::vector<Offset<fb::Section>> sections;
  for (const SectionTable::Section& s : table.sections()) {
    sections.push_back(fb::CreateSection(builder, s.offset, s.data.bytes(), s.crc, static_cast<uint16_t>(fb::SectionKind::Tensor)));
  }
  return builder.CreateVector(sections);
}

}  // namespace

void save_package(const std::string& path, const Package& package, Overwrite overwrite, const Progress& progress) {
  check_graphs(package);
  AtomicFile file(path, overwrite);
  flatbuffers::FlatBufferBuilder builder(1 << 16);
  SectionTable table;
  const auto coding = package.metadata.find(kMetaCoding);
  GraphWriter writer(builder, table, coding != package.metadata.end() && coding->second == kRangeCoding);
  std::vector<Offset<fb::Graph>> graphs;
  for (const auto& graph : package.graphs) graphs.push_back(writer.write(*graph));
  const auto metadata = write_metadata(builder, package.metadata);
  const auto sections = write_sections(builder, table);
  builder.Finish(fb::CreatePackage(builder, metadata, sections, builder.CreateVector(graphs)));

  const std::span<const std::byte> index(reinterpret_cast<const std::byte*>(builder.GetBufferPointer()), builder.GetSize());
  PackageHeader header;
  header.version = kPackageVersion;
  header.index_size = index.size();
  header.sections_at = align_section(kHeaderBytes + index.size());
  header.file_size = header.sections_at + table.size();
  header.index_crc = crc32c(index);
  file.write(header_bytes(header));
  file.write(index);
  file.pad_to(kSectionAlignment);
  table.write(file, progress);
  file.commit();
}

std::shared_ptr<const graph::Graph> Package::find(std::string_view name) const {
  for (const auto& graph : graphs) {
    if (graph->name() == name) return graph;
  }
  return nullptr;
}

}  // namespace omni::formats
