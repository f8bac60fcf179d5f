#include "device/host.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

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

// Of the first core's data cache of that level, 0 where the system does not tell. sysconf adds up what a core cannot reach.
double cache_kb(int level) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const auto word = [&](const char* name) {
      char text[32] = {};
      if (std::FILE* file = std::fopen((folder + name).c_str(), "r")) {
        if (std::fscanf(file, "%31s", text) != 1) text[0] = 0;
        std::fclose(file);
      }
      return std::string(text);
    };
    if (word("level") != std::to_string(level) || word("type") == "Instruction") continue;
    double size = 0;
    char unit = 'K';
    if (std::sscanf(word("size").c_str(), "%lf%c", &size, &unit) >= 1) return unit == 'M' ? size * 1024 : size;
  }
  return 0;
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
  const std::pair<int, std::optional<Figure> Profile::*> caches[] = {{1, &Profile::l1_kb}, {2, &Profile::l2_kb}, {3, &Profile::l3_kb}};
  for (const auto& [level, member] : caches) {
    if (const double size = cache_kb(level); size >= 1) p.*member = Figure{size, source, Confidence::kMeasured};
  }
  return p;
}

}  // namespace omni::device
