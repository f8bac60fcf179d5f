// What this process holds, as the allocator and the system count it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace omni::device {

// Bytes of its own that the process has in use, but for a constant: what the allocator has given out and not got back, and private pages beside its heap
// (large tensors have pages of their own). Differences tell what a step took, as long as no thread was started. 0 where that cannot be told (a C library
// other than glibc, sanitizers).
int64_t own_bytes();

// Resident pages of the process, now and at most so far (VmRSS, VmHWM), and of them those of mapped files, code too (RssFile); 0 where the system
// does not tell.
int64_t resident_bytes();
int64_t peak_resident_bytes();
int64_t file_resident_bytes();

// Which addresses are those of mapped files.
class MappedFiles {
 public:
  MappedFiles();
  bool contain(const void* address) const;

 private:
  struct Range {
    uintptr_t begin, end;
  };
  std::vector<Range> ranges_;
};

// While it lives the process gets at most `bytes` more memory of its own; beyond that allocations fail, instead of the system ending the process
// later. Where limits cannot be set it does nothing.
class MemoryFence {
 public:
  explicit MemoryFence(int64_t bytes);
  ~MemoryFence();
  MemoryFence(const MemoryFence&) = delete;
  MemoryFence& operator=(const MemoryFence&) = delete;

 private:
  bool set_ = false;
  uint64_t before_ = 0;
};

}  // namespace omni::device
