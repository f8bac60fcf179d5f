// The .omni package: graphs, their tensors and facts about them in one file that is mapped, not read. docs/package-format.md has every byte.
//
// Promise: every later version reads what this one writes. A file whose format version is higher than kPackageVersion is refused by name; unknown
// sections and unknown fields of a known version are skipped.
// The same packages give the same bytes: no time, path or host is written, metadata is sorted, tensors with the same bytes are stored once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/progress.h"
#include "graph/graph.h"

namespace omni::formats {

using namespace core;

inline constexpr uint32_t kPackageVersion = 1;

using Metadata = std::map<std::string, std::string, std::less<>>;

// Keys of Package::metadata that our tools write and read. Others are kept as they are.
inline constexpr std::string_view kMetaTool = "tool";                    // "omni 0.1.0"
inline constexpr std::string_view kMetaSourceHash = "source_sha256";     // of the file the package was made from
inline constexpr std::string_view kMetaRecipe = "recipe";                // how it was compressed, as a recipe file that does it again
inline constexpr std::string_view kMetaAccuracy = "accuracy";            // "0.9123", measured on kMetaAccuracyData
inline constexpr std::string_view kMetaAccuracyData = "accuracy_data";   // as --data takes it
inline constexpr std::string_view kMetaPreprocessing = "preprocessing";  // as formats/dataset/preprocess.h writes it
inline constexpr std::string_view kMetaCoding = "coding";                // kRangeCoding: tensors are entropy-coded where that is smaller
inline constexpr std::string_view kRangeCoding = "range";
inline constexpr std::string_view kMetaLabels = "labels";                // class names, one a line

// Graphs by their own names, which differ: "main" or "infer", "train", "eval". Loaded tensors keep the mapped file alive.
struct Package {
  Metadata metadata;
  std::vector<std::shared_ptr<const graph::Graph>> graphs;

  // The graph of that name, or nullptr.
  std::shared_ptr<const graph::Graph> find(std::string_view name) const;
};

// Whether a file that begins like this is a package.
bool is_package(std::span<const std::byte> bytes);

// Tensors are stored as they are, to be mapped, or as kMetaCoding says, decoded when the package is loaded.
// Throws Error: kInvalidArgument (no graph, two of one name), kUnsupported (a value that no package can hold), and as AtomicFile does.
void save_package(const std::string& path, const Package& package, Overwrite overwrite, const Progress& progress = {});

// Maps the file. Header and index are always checked, tensors' bytes are not read (verify_package does). `ops` is ops::find_op. Throws Error:
// kInvalidData (no package, broken), kUnsupported (a newer version, an unknown operator or encoding), and as map_file does.
Package load_package(const std::string& path, graph::OpLookup ops);
// The same from memory that lives as long as `keeper` does; without one the tensors are copied.
Package parse_package(std::span<const std::byte> bytes, std::shared_ptr<const void> keeper, graph::OpLookup ops, const std::string& where);

struct PackageSummary {
  uint32_t version = 0;
  uint64_t bytes = 0;
  size_t graphs = 0, sections = 0;
};
// All that load_package checks, and the checksum of every section, unknown ones too. Throws as load_package does, naming the first broken section.
PackageSummary verify_package(const std::string& path, graph::OpLookup ops, const Progress& progress = {});
PackageSummary verify_package(std::span<const std::byte> bytes, graph::OpLookup ops, const std::string& where, const Progress& progress = {});

}  // namespace omni::formats
