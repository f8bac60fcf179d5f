// Instruction sets that kernels are written for, from the poorest to the richest of each family.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace omni::core {

// On x86 and on Arm the order is a chain: a CPU that has one has those before it.
enum class Isa : uint8_t { kScalar, kAvx2, kAvx512, kAvx512Vnni, kNeon, kDotprod, kI8mm };

// The richest set of this CPU. AVX2 stands for AVX2+FMA+F16C; AVX-512 for F, BW, DQ, VL; VNNI for AVX-512 VNNI and VBMI.
Isa detect_isa();
// The sets this CPU can run, kScalar first.
std::span<const Isa> available_isas();
bool isa_available(Isa isa);

// "scalar", "avx2", "avx512", "avx512vnni", "neon", "dotprod", "i8mm": the values of OMNI_ISA.
std::string_view isa_name(Isa isa);
std::optional<Isa> parse_isa(std::string_view name);

}  // namespace omni::core
