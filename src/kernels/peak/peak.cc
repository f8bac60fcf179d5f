#include "kernels/peak/peak.h"

#include <algorithm>
#include <chrono>

namespace omni::kernels {

using core::Isa;

PeakFn peak_f32([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512 || isa == Isa::kAvx512Vnni) return avx512::peak_f32_rounds;
  if (isa == Isa::kAvx2) return avx2::peak_f32_rounds;
#endif
  return nullptr;
}

PeakFn peak_int8([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512Vnni) return avx512vnni::peak_int8_rounds;
  if (isa == Isa::kAvx2 || isa == Isa::kAvx512) return avx2::peak_int8_rounds;
#endif
  return nullptr;
}

double peak_rate(PeakFn peak, int repetitions, int64_t rounds) {
  if (peak == nullptr) return 0;
  double best = 0;
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const int64_t operations = peak(rounds);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (seconds > 0) best = std::max(best, static_cast<double>(operations) / seconds / 1e9);
  }
  return best;
}

}  // namespace omni::kernels
