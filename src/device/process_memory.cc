#include "device/process_memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace omni::device {

namespace {

// "VmRSS:     1234 kB" of /proc/self/status.
int64_t status_bytes(const char* key) {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr) return 0;
  char line[256];
  long long kilobytes = 0;
  const size_t length = std::strlen(key);
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, key, length) == 0 && line[length] == ':' && std::sscanf(line + length + 1, "%lld", &kilobytes) == 1) break;
  }
  std::fclose(file);
  return kilobytes * 1024;
}

}  // namespace

int64_t own_bytes() {
#if defined(__GLIBC__)
  const struct mallinfo2 info = mallinfo2();
  const int64_t data = status_bytes("VmData");  // private writable pages, the allocator's heap among them
  if (info.arena == 0 || data == 0) return 0;
  return static_cast<int64_t>(info.uordblks) + data - static_cast<int64_t>(info.arena);
#else
  return 0;
#endif
}

int64_t resident_bytes() { return status_bytes("VmRSS"); }
int64_t peak_resident_bytes() { return status_bytes("VmHWM"); }
int64_t file_resident_bytes() { return status_bytes("RssFile"); }

MappedFiles::MappedFiles() {
  std::FILE* file = std::fopen("/proc/self/maps", "r");
  if (file == nullptr) return;
  char line[4608];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    unsigned long long begin = 0, end = 0, inode = 0;
    if (std::sscanf(line, "%llx-%llx %*s %*s %*s %llu", &begin, &end, &inode) != 3 || inode == 0) continue;
    ranges_.push_back({static_cast<uintptr_t>(begin), static_cast<uintptr_t>(end)});
  }
  std::fclose(file);
}

bool MappedFiles::contain(const void* address) const {
  const auto at = reinterpret_cast<uintptr_t>(address);
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& r) { return at >= r.begin && at < r.end; });
}

MemoryFence::MemoryFence(int64_t bytes) {
  const int64_t data = status_bytes("VmData");  // what RLIMIT_DATA counts: private writable pages, touched or not
  rlimit limit{};
  if (data == 0 || getrlimit(RLIMIT_DATA, &limit) != 0) return;
  before_ = limit.rlim_cur;
  const auto wanted = static_cast<rlim_t>(data + std::max<int64_t>(bytes, 0));
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= wanted) return;
  limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : std::min(wanted, limit.rlim_max);
  set_ = setrlimit(RLIMIT_DATA, &limit) == 0;
}

MemoryFence::~MemoryFence() {
  rlimit limit{};
  if (!set_ || getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = static_cast<rlim_t>(before_);
  setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace omni::device
