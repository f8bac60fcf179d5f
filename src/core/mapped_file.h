// Whole files, read only.
//
// A mapped file is paged in as it is read and shared between processes. It must not be shortened while it is mapped (the system would end
// the process); our own tools replace files by renaming, which leaves a mapping whole.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace omni::core {

struct MappedFile {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keeper;  // the bytes live as long as it does
  bool mapped = false;                 // else read into memory

  // Lets go of whole pages among the first `count` bytes: they take no memory until they are read again. Nothing where the file is not mapped.
  void release(size_t count) const;
};

// Throws Error: kNotFound, kInvalidArgument (a directory), kInvalidData (an empty file), kMachine. What cannot be mapped (a pipe, a file of
// /proc) is read into memory instead.
MappedFile map_file(const std::string& path);

// A copy of the whole file, which may be empty. Throws as map_file does, and kUnsupported above `max_bytes`.
std::vector<std::byte> read_file(const std::string& path, size_t max_bytes);
std::string read_text_file(const std::string& path, size_t max_bytes);

}  // namespace omni::core
