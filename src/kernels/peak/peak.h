// Registers-only peaks: what a percentage of peak is measured against, in the same process.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace omni::kernels {

// Runs `rounds` rounds of independent multiply-adds and returns the operations done (a multiply-add is two).
using PeakFn = int64_t (*)(int64_t rounds);

// The loop of that instruction set's GEMM: fused multiply-adds in f32, the integer kernels' multiply-adds. nullptr where none is written.
PeakFn peak_f32(core::Isa isa);
PeakFn peak_int8(core::Isa isa);

// Operations per second / 1e9 of one thread: the best of `repetitions` runs of `rounds`, as a neighbour can only slow a run down. 0 for nullptr.
double peak_rate(PeakFn peak, int repetitions = 5, int64_t rounds = 200'000);

namespace avx2 {
int64_t peak_f32_rounds(int64_t rounds);   // vfmadd231ps, ymm
int64_t peak_int8_rounds(int64_t rounds);  // vpmaddwd + vpaddd, ymm
}  // namespace avx2
namespace avx512 {
int64_t peak_f32_rounds(int64_t rounds);  // vfmadd231ps, zmm
}
namespace avx512vnni {
int64_t peak_int8_rounds(int64_t rounds);  // vpdpbusd, zmm
}

}  // namespace omni::kernels
