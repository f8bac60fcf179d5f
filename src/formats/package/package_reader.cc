#include "core/crc32c.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/package/graph_reader.h"
#include "formats/package/package.h"
#include "formats/package/package_layout.h"

namespace omni::formats {

namespace {

Error broken(const std::string& what, const std::string& where) {
  return Error(ErrorCode::kInvalidData, "broken package: " + what, where, "fetch or make the file again");
}

// The index after its checksum, its offsets and its sections have been checked.
struct Index {
  PackageHeader header;
  const fb::Package* package = nullptr;
  std::vector<SectionBytes> sections;
  std::vector<std::byte> aligned;  // the index, where memory was not aligned as a mapped file is
};

std::vector<SectionBytes> find_sections(const fb::Package& package, std::span<const std::byte> area, const std::string& where) {
  std::vector<SectionBytes> sections;
  if (package.sections() == nullptr) return sections;
  for (const fb::Section* s : *package.sections()) {
    const std::string name = "section " + std::to_string(sections.size());
    if (s->offset() % kSectionAlignment != 0) throw broken(name + " is not aligned", where);
    if (s->offset() > area.size() || s->size() > area.size() - s->offset()) throw broken(name + " lies behind the end", where);
    sections.push_back({static_cast<uint32_t>(s->kind()), s->crc32c(), area.subspan(static_cast<size_t>(s->offset()), static_cast<size_t>(s->size()))});
  }
  return sections;
}

Index read_index(std::span<const std::byte> bytes, const std::string& where) {
  Index index;
  index.header = read_header(bytes, where);
  const size_t size = static_cast<size_t>(index.header.index_size);
  std::span<const std::byte> tables = bytes.subspan(kHeaderBytes, size);
  if (reinterpret_cast<uintptr_t>(tables.data()) % alignof(uint64_t) != 0) {
    index.aligned.assign(tables.begin(), tables.end());
    tables = index.aligned;
  }
  // Four tables a level of bodies and four bytes a table are what a real file can have; the counts bound files whose tables share each other.
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(tables.data()), size, 4 * kMaxBodyDepth + 16,
                                 static_cast<flatbuffers::uoffset_t>(size / 4 + 1));
  if (size < 8 || !fb::VerifyPackageBuffer(verifier)) throw broken("the index makes no sense", where);
  index.package = fb::GetPackage(tables.data());
  index.sections = find_sections(*index.package, bytes.subspan(static_cast<size_t>(index.header.sections_at)), where);
  return index;
}

Package build(Index& index, std::shared_ptr<const void> keeper, graph::OpLookup ops, size_t file_bytes, const std::string& where) {
  PackageSource source(index.sections, std::move(keeper), ops, static_cast<size_t>(index.header.index_size), file_bytes);
  Package package;
  try {
    package.metadata = read_metadata(index.package->metadata(), source);
    if (index.package->graphs() != nullptr) {
      for (const fb::Graph* table : *index.package->graphs()) {
        auto graph = std::make_shared<graph::Graph>(read_graph(*table, source));
        if (package.find(graph->name())) throw Error(ErrorCode::kInvalidData, "broken package: two graphs are called " + quoted(graph->name()));
        package.graphs.push_back(std::move(graph));
      }
    }
    if (package.graphs.empty()) throw Error(ErrorCode::kInvalidData, "broken package: it holds no graph");
  } catch (const Error& e) {
    throw e.within(where);
  }
  return package;
}

}  // namespace

Package parse_package(std::span<const std::byte> bytes, std::shared_ptr<const void> keeper, graph::OpLookup ops, const std::string& where) {
  Index index = read_index(bytes, where);
  return build(index, std::move(keeper), ops, bytes.size(), where);
}

Package load_package(const std::string& path, graph::OpLookup ops) {
  MappedFile file = map_file(path);
  return parse_package(file.bytes, std::move(file.keeper), ops, path);
}

PackageSummary verify_package(std::span<const std::byte> bytes, graph::OpLookup ops, const std::string& where, const Progress& progress) {
  Index index = read_index(bytes, where);
  constexpr size_t kPiece = size_t{16} << 20;
  uint64_t done = 0;
  for (size_t i = 0; i < index.sections.size(); ++i) {
    std::span<const std::byte> left = index.sections[i].bytes;
    // Sections may share bytes; all of them together are still one walk over the file in a file of ours.
    done += left.size();
    if (done > 2 * static_cast<uint64_t>(bytes.size())) throw broken("its sections overlap", where);
    uint32_t crc = 0;
    while (!left.empty()) {
      const size_t now = std::min(left.size(), kPiece);
      crc = crc32c(left.first(now), crc);
      left = left.subspan(now);
      report(progress, std::min(1.0, static_cast<double>(done - left.size()) / static_cast<double>(bytes.size())), "checking the package");
    }
    if (crc != index.sections[i].crc) throw broken("the checksum of section " + std::to_string(i) + " is wrong", where);
  }
  const Package package = build(index, std::make_shared<int>(0), ops, bytes.size(), where);
  return {index.header.version, bytes.size(), package.graphs.size(), index.sections.size()};
}

PackageSummary verify_package(const std::string& path, graph::OpLookup ops, const Progress& progress) {
  const MappedFile file = map_file(path);
  return verify_package(file.bytes, ops, path, progress);
}

}  // namespace omni::formats
