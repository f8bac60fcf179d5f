#include "formats/package/section_table.h"

#include <algorithm>

#include "core/crc32c.h"
#include "formats/package/package_layout.h"

namespace omni::formats {

namespace {

std::span<const std::byte> bytes_of(const Tensor& tensor) { return {static_cast<const std::byte*>(tensor.data()), tensor.bytes()}; }

}  // namespace

uint32_t SectionTable::add(const Tensor& tensor) {
  const auto next = static_cast<uint32_t>(sections_.size());
  const auto [address, first] = by_address_.try_emplace({tensor.data(), tensor.bytes()}, next);
  if (!first) return address->second;
  const auto [content, is_new] = by_content_.try_emplace(sha256(bytes_of(tensor)), next);
  if (is_new) {
    sections_.push_back({tensor, align_section(size()), crc32c(bytes_of(tensor))});
  } else {
    by_address_.erase(address);  // nobody here keeps these bytes: another tensor's may come to stand there
  }
  return content->second;
}

uint64_t SectionTable::size() const { return sections_.empty() ? 0 : sections_.back().offset + sections_.back().data.bytes(); }

void SectionTable::write(AtomicFile& file, const Progress& progress) const {
  constexpr size_t kPiece = size_t{16} << 20;
  uint64_t done = 0;
  for (const Section& section : sections_) {
    file.pad_to(kSectionAlignment);
    std::span<const std::byte> bytes = bytes_of(section.data);
    while (!bytes.empty()) {
      const size_t now = std::min(bytes.size(), kPiece);
      file.write(bytes.first(now));
      bytes = bytes.subspan(now);
      done += now;
      report(progress, static_cast<double>(done) / static_cast<double>(size()), "writing the package");
    }
  }
}

}  // namespace omni::formats
