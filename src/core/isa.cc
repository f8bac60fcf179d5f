#include "core/isa.h"

#include <array>
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace omni::core {

namespace {

constexpr std::array<std::string_view, 7> kNames = {"scalar", "avx2", "avx512", "avx512vnni", "neon", "dotprod", "i8mm"};

#if defined(__x86_64__)
constexpr std::array kChain = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Vnni};

size_t chain_length() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 1;
#if !defined(__clang__)  // clang 14 does not know the name; every processor with AVX2 has it
  if (!__builtin_cpu_supports("f16c")) return 1;
#endif
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl")) {
    return 2;
  }
  return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi") ? 4 : 3;
}
#elif defined(__aarch64__)
constexpr std::array kChain = {Isa::kScalar, Isa::kNeon, Isa::kDotprod, Isa::kI8mm};

size_t chain_length() {
#if defined(__linux__)
  constexpr unsigned long kHwcapAsimdDp = 1ul << 20, kHwcap2I8mm = 1ul << 13;
  if ((getauxval(AT_HWCAP) & kHwcapAsimdDp) == 0) return 2;
  return (getauxval(AT_HWCAP2) & kHwcap2I8mm) != 0 ? 4 : 3;
#else
  return 2;
#endif
}
#else
constexpr std::array kChain = {Isa::kScalar};
size_t chain_length() { return 1; }
#endif

}  // namespace

std::span<const Isa> available_isas() {
  static const size_t length = chain_length();
  return {kChain.data(), length};
}

Isa detect_isa() { return available_isas().back(); }

bool isa_available(Isa isa) {
  for (const Isa each : available_isas()) {
    if (each == isa) return true;
  }
  return false;
}

std::string_view isa_name(Isa isa) { return kNames[static_cast<size_t>(isa)]; }

std::optional<Isa> parse_isa(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Isa>(i);
  }
  return std::nullopt;
}

}  // namespace omni::core
