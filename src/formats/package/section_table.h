// The sections of a package being written: tensors' bytes, each content once.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/progress.h"
#include "core/sha256.h"
#include "core/tensor.h"

namespace omni::formats {

using namespace core;

class SectionTable {
 public:
  struct Section {
    Tensor data;  // keeps the bytes alive until they are written
    uint64_t offset = 0;
    uint32_t crc = 0;
  };

  // The number of the section with these bytes, a new one if there is none.
  uint32_t add(const Tensor& tensor);
  const std::vector<Section>& sections() const { return sections_; }
  // Bytes from the start of the section area to the end of the last section.
  uint64_t size() const;
  // All sections, padded between; `file` stands at the start of the section area.
  void write(AtomicFile& file, const Progress& progress) const;

 private:
  std::vector<Section> sections_;
  std::map<Sha256Digest, uint32_t> by_content_;
  std::map<std::pair<const void*, size_t>, uint32_t> by_address_;  // graphs that share a tensor share its bytes: hashed once
};

}  // namespace omni::formats
