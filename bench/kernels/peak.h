// Registers-only peaks: what a percentage of peak is measured against, in the same run.
#pragma once

#include <cstdint>

namespace omni::bench {

// Each runs `rounds` rounds of independent multiply-adds and returns the operations done (a multiply-add is two).
using PeakFn = int64_t (*)(int64_t rounds);

namespace avx2 {
int64_t peak_f32(int64_t rounds);   // vfmadd231ps, ymm
int64_t peak_int8(int64_t rounds);  // vpmaddwd + vpaddd, ymm
}  // namespace avx2
namespace avx512 {
int64_t peak_f32(int64_t rounds);  // vfmadd231ps, zmm
}
namespace avx512vnni {
int64_t peak_int8(int64_t rounds);  // vpdpbusd, zmm
}

}  // namespace omni::bench
