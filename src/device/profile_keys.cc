// Every key of a profile.
#include <array>

#include "device/profile.h"

namespace omni::device {

namespace {

using P = Profile;

constexpr std::array kNumberKeys = {
    NumberKey{"ram_mb", "MB", "main memory", &P::ram_mb, 1, 1 << 26, true, true},
    NumberKey{"cpu_cores", "", "physical cores", &P::cpu_cores, 1, 1024, true, true},
    NumberKey{"max_model_size_mb", "MB", "the largest model file that is to be put on the device", &P::max_model_size_mb, 0.001, 1 << 26, false,
              true},
    NumberKey{"f32_gflops", "GFLOP/s", "f32 operations of all cores at most", &P::f32_gflops, 1e-3, 1e7},
    NumberKey{"int8_gops", "GOP/s", "8-bit operations of all cores at most", &P::int8_gops, 1e-3, 1e8},
    NumberKey{"gpu_f16_gflops", "GFLOP/s", "f16 operations of the GPU at most", &P::gpu_f16_gflops, 1e-3, 1e8},
    NumberKey{"memory_gb_s", "GB/s", "bandwidth of the main memory at most", &P::memory_gb_s, 1e-3, 1e5},
    NumberKey{"copy_gb_s", "GB/s", "what copying in main memory reaches, read and written bytes together", &P::copy_gb_s, 1e-3, 1e5},
    NumberKey{"conv_f32_gflops", "GFLOP/s", "what a whole f32 convolutional network reaches on all cores", &P::conv_f32_gflops, 1e-3, 1e7},
    NumberKey{"conv_int8_gops", "GOP/s", "what a whole 8-bit convolutional network reaches on all cores", &P::conv_int8_gops, 1e-3, 1e8},
    NumberKey{"l1_kb", "kB", "data cache nearest to a core", &P::l1_kb, 1, 1 << 20},
    NumberKey{"l2_kb", "kB", "second cache, of a core or shared", &P::l2_kb, 1, 1 << 22},
    NumberKey{"l3_kb", "kB", "third cache", &P::l3_kb, 1, 1 << 24},
    NumberKey{"l1_gb_s", "GB/s", "copying inside the first cache on one thread, read and written bytes together", &P::l1_gb_s, 1e-3, 1e6},
    NumberKey{"l2_gb_s", "GB/s", "the same inside the second", &P::l2_gb_s, 1e-3, 1e6},
    NumberKey{"l3_gb_s", "GB/s", "the same inside the third", &P::l3_gb_s, 1e-3, 1e6},
    NumberKey{"node_us", "us", "what one kernel costs however little it does", &P::node_us, 0, 1e6},
    NumberKey{"run_us", "us", "what one run costs beside its kernels", &P::run_us, 0, 1e6},
    NumberKey{"mean_ratio", "", "mean over median of the times of runs", &P::mean_ratio, 0.5, 1000},
    NumberKey{"p95_ratio", "", "95th percentile over median", &P::p95_ratio, 1, 1000},
    NumberKey{"p99_ratio", "", "99th percentile over median", &P::p99_ratio, 1, 1000},
    NumberKey{"picojoules_per_operation", "pJ", "energy of one f32 operation", &P::picojoules_per_operation, 1e-3, 1e6},
    NumberKey{"picojoules_per_byte", "pJ", "energy of one byte from or to main memory", &P::picojoules_per_byte, 1e-3, 1e6},
};

constexpr std::array kWordKeys = {
    WordKey{"gpu", "the GPU, or none", &P::gpu, true},
    WordKey{"isa", "the instruction set that kernels use: scalar, avx2, avx512, avx512vnni, neon, dotprod or i8mm", &P::isa, true},
    WordKey{"cpu", "the processor", &P::cpu},
};

}  // namespace

std::span<const NumberKey> number_keys() { return kNumberKeys; }
std::span<const WordKey> word_keys() { return kWordKeys; }

std::string_view confidence_name(Confidence confidence) {
  switch (confidence) {
    case Confidence::kMeasured: return "measured";
    case Confidence::kPublished: return "published";
    case Confidence::kEstimated: return "estimated";
  }
  return "estimated";
}

}  // namespace omni::device
