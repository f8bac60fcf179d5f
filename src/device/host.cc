#include "device/host.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "core/thread_pool.h"

namespace omni::device {

namespace {

// "model name : AMD …" of /proc/cpuinfo, which Arm kernels may lack.
std::string processor() {
  std::FILE* file = std::fopen("/proc/cpuinfo", "r");
  if (file == nullptr) return {};
  std::string name;
  char line[512];
  while (name.empty() && std::fgets(line, sizeof line, file) != nullptr) {
    const char* mark = std::strchr(line, ':');
    if (mark == nullptr || std::strncmp(line, "model name", 10) != 0) continue;
    name = mark + 1;
    name.erase(0, name.find_first_not_of(" \t"));
    name.erase(name.find_last_not_of(" \t\n") + 1);
  }
  std::fclose(file);
  return name.substr(0, 200);
}

double cache_kb(int name) {
  const long bytes = sysconf(name);
  return bytes > 0 ? static_cast<double>(bytes) / 1024 : 0;
}

}  // namespace

Profile host_profile() {
  const std::string source = "the operating system";
  Profile p;
  p.name = kThisDevice;
  p.description = "the machine that omni runs on";
  const double ram = std::floor(static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1048576);
  p.ram_mb = Figure{std::max(ram, 1.0), source, Confidence::kMeasured};
  p.cpu_cores = Figure{static_cast<double>(physical_cores()), source, Confidence::kMeasured};
  p.max_model_size_mb = Figure{std::max(ram, 1.0) / 8, "an eighth of the RAM, as in the study's profile of Raspberry Pi 4", Confidence::kEstimated};
  p.gpu = Fact{"none", "not asked for", Confidence::kEstimated};
  p.isa = Fact{std::string(isa_name(detect_isa())), "the CPU", Confidence::kMeasured};
  if (const std::string name = processor(); !name.empty()) p.cpu = Fact{name, source, Confidence::kMeasured};
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  const struct {
    int name;
    std::optional<Figure> Profile::*member;
  } caches[] = {{_SC_LEVEL1_DCACHE_SIZE, &Profile::l1_kb}, {_SC_LEVEL2_CACHE_SIZE, &Profile::l2_kb}, {_SC_LEVEL3_CACHE_SIZE, &Profile::l3_kb}};
  for (const auto& cache : caches) {
    if (const double size = cache_kb(cache.name); size >= 1) p.*cache.member = Figure{size, source, Confidence::kMeasured};
  }
#endif
  return p;
}

}  // namespace omni::device
