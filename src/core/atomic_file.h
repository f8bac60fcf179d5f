// Output files that are there whole or not at all.
//
// Bytes go to a temporary file beside the target; commit() flushes them to the disk, renames the temporary over the target and flushes the
// directory, so that after a crash at any moment the target is the old file or the new one. Without commit() the temporary is removed and the
// target is untouched. An existing target is refused unless the caller says to replace it; a symbolic link is followed. A target that is no
// regular file (/dev/null, a pipe) is written to as it stands. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace omni::core {

enum class Overwrite : bool { kRefuse, kReplace };

class AtomicFile {
 public:
  // Throws Error: kExists (the target is there and may not be replaced), kNotFound (no such directory), kInvalidArgument (a directory, an
  // impossible name), kMachine (permission, disk).
  AtomicFile(std::string path, Overwrite overwrite);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Throws Error (kMachine) when the disk is full or fails.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  // Zero bytes up to the next multiple of `alignment`.
  void pad_to(size_t alignment);
  uint64_t written() const { return written_; }

  // Throws as the constructor and write() do; then the target is untouched. Nothing may be written afterwards.
  void commit();

 private:
  void flush();
  void close_and_remove() noexcept;

  std::string path_, target_, temporary_;  // as given, with links followed, the file being written ("" when written in place)
  Overwrite overwrite_;
  int fd_ = -1;
  uint64_t written_ = 0;
  std::vector<std::byte> buffer_;
};

// The whole of a file in one call.
void write_file_atomically(const std::string& path, std::span<const std::byte> bytes, Overwrite overwrite);
void write_file_atomically(const std::string& path, std::string_view text, Overwrite overwrite);

}  // namespace omni::core
