// What a device can do, as a YAML file says it: one device a file, every figure with where it comes from and how sure it is.
//
// The keys are rows of a table (number_keys, word_keys), which parser, writer, listing and docs/devices.md share. A file is refused whole, with line,
// key and what was expected; nothing in it is trusted. MB in keys is 2^20 bytes and kB 2^10, as in the study; G is 10^9.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/isa.h"
#include "device/kernel_work.h"

namespace omni::device {

using namespace core;

inline constexpr int kProfileFormat = 1;
inline constexpr size_t kMaxProfileBytes = 1 << 20;

enum class Confidence : uint8_t { kMeasured, kPublished, kEstimated };
std::string_view confidence_name(Confidence confidence);

template <class T>
struct Known {
  T value{};
  std::string source;
  Confidence confidence = Confidence::kEstimated;
  bool operator==(const Known&) const = default;
};
using Figure = Known<double>;
using Fact = Known<std::string>;

// One kernel as a probe timed it among its neighbours in a network.
struct KernelSample {
  KernelWork work;
  int threads = 1;
  double microseconds = 0;  // undisturbed
  bool operator==(const KernelSample&) const = default;
};

struct Profile {
  std::string name;                                            // [a-z0-9_], at most 64
  std::string description;                                     // one line
  std::optional<Figure> ram_mb, cpu_cores, max_model_size_mb;  // always there
  std::optional<Fact> gpu, isa;                                // always there
  std::optional<Fact> cpu;
  std::optional<Figure> f32_gflops, int8_gops, gpu_f16_gflops;  // the most that all cores do
  std::optional<Figure> memory_gb_s, copy_gb_s;                 // main memory: the most, and what copying reaches
  std::optional<Figure> conv_f32_gflops, conv_int8_gops;        // what a whole convolutional network reaches on all cores
  std::optional<Figure> l1_kb, l2_kb, l3_kb;                    // data caches
  std::optional<Figure> l1_gb_s, l2_gb_s, l3_gb_s;              // copying inside each, one thread
  std::optional<Figure> node_us, run_us;                        // what a kernel and a run cost however little they do
  std::optional<Figure> mean_ratio, p95_ratio, p99_ratio;       // of a run's time to the median of runs
  std::optional<Figure> picojoules_per_operation, picojoules_per_byte;
  std::vector<KernelSample> kernels;

  bool has_gpu() const { return gpu && gpu->value != "none"; }
  int cores() const { return static_cast<int>(cpu_cores->value); }
  Isa instruction_set() const { return parse_isa(isa->value).value_or(Isa::kScalar); }
  double ram_bytes() const { return ram_mb->value * 1048576; }
  double max_model_bytes() const { return max_model_size_mb->value * 1048576; }
  bool operator==(const Profile&) const = default;
};

struct NumberKey {
  std::string_view key, unit, meaning;
  std::optional<Figure> Profile::*member;
  double low, high;  // what makes sense, both included
  bool whole = false, required = false;
};
std::span<const NumberKey> number_keys();

struct WordKey {
  std::string_view key, meaning;
  std::optional<Fact> Profile::*member;
  bool required = false;
};
std::span<const WordKey> word_keys();

inline constexpr size_t kMaxKernels = 4096;

// `where` names the text in messages: a path. Throws Error (kInvalidData): "pi.yaml:7: …".
Profile parse_profile(std::string_view text, const std::string& where);
// Throws what reading throws, too.
Profile load_profile(const std::string& path);

// What parse_profile reads back as the same profile.
std::string profile_text(const Profile& profile);

}  // namespace omni::device
