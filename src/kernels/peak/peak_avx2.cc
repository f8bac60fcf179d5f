#include "kernels/peak/peak.h"

namespace omni::kernels::avx2 {

int64_t peak_f32_rounds(int64_t rounds) {
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile(
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm0\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm1\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm2\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm3\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm4\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm5\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm6\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm7\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm8\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm9\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm10\n"
      "vfmadd231ps %%ymm14, %%ymm15, %%ymm11\n"
        ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");
  }
  return rounds * 12 * 16;
}

int64_t peak_int8_rounds(int64_t rounds) {
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile(
      "vpmaddwd %%ymm14, %%ymm15, %%ymm12\n"
      "vpaddd %%ymm12, %%ymm0, %%ymm0\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm13\n"
      "vpaddd %%ymm13, %%ymm1, %%ymm1\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm12\n"
      "vpaddd %%ymm12, %%ymm2, %%ymm2\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm13\n"
      "vpaddd %%ymm13, %%ymm3, %%ymm3\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm12\n"
      "vpaddd %%ymm12, %%ymm4, %%ymm4\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm13\n"
      "vpaddd %%ymm13, %%ymm5, %%ymm5\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm12\n"
      "vpaddd %%ymm12, %%ymm6, %%ymm6\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm13\n"
      "vpaddd %%ymm13, %%ymm7, %%ymm7\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm12\n"
      "vpaddd %%ymm12, %%ymm8, %%ymm8\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm13\n"
      "vpaddd %%ymm13, %%ymm9, %%ymm9\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm12\n"
      "vpaddd %%ymm12, %%ymm10, %%ymm10\n"
      "vpmaddwd %%ymm14, %%ymm15, %%ymm13\n"
      "vpaddd %%ymm13, %%ymm11, %%ymm11\n"
        ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13");
  }
  return rounds * 12 * 32;
}

}  // namespace omni::kernels::avx2
