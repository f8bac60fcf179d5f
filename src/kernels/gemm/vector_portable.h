// Four floats in whatever vector register the target has (SSE2, NEON), through the compiler's vector extension: the f32 kernels
// for instruction sets without a file of their own.
#pragma once

#include <cmath>
#include <cstdint>

namespace omni::kernels {
namespace {

struct Vector128 {
  typedef float Reg __attribute__((vector_size(16)));
  typedef int32_t Bits __attribute__((vector_size(16)));
  using Mask = int64_t;
  static constexpr int kLanes = 4;

  static Reg zero() { return Reg{0, 0, 0, 0}; }
  static Reg set(float x) { return Reg{x, x, x, x}; }
  static Reg load(const float* p) {
    Reg x;
    __builtin_memcpy(&x, p, sizeof x);
    return x;
  }
  static Reg load(const float* p, Mask valid) {
    Reg x = zero();
#pragma GCC unroll 1
    for (int64_t i = 0; i < valid; ++i) x[i] = p[i];
    return x;
  }
  static void store(float* p, Reg x) { __builtin_memcpy(p, &x, sizeof x); }
  static void store(float* p, Mask valid, Reg x) {
#pragma GCC unroll 1
    for (int64_t i = 0; i < valid; ++i) p[i] = x[i];
  }
  static Mask mask(int64_t valid) { return valid > kLanes ? kLanes : valid; }
  static Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
  static Reg add(Reg a, Reg b) { return a + b; }
  static Reg sub(Reg a, Reg b) { return a - b; }
  static Reg mul(Reg a, Reg b) { return a * b; }
  static Reg div(Reg a, Reg b) { return a / b; }
  static Reg max(Reg floor, Reg x) { return select(floor > x, floor, x); }
  static Reg min(Reg ceiling, Reg x) { return select(ceiling < x, ceiling, x); }
  using Bool = Bits;
  static Reg select(Bool m, Reg yes, Reg no) { return (Reg)((m & (Bits)yes) | (~m & (Bits)no)); }
  static Bool greater(Reg a, Reg b) { return a > b; }
  static Bool equal(Reg a, Reg b) { return a == b; }
  static float sum(Reg x) { return (x[0] + x[2]) + (x[1] + x[3]); }
};

}  // namespace
}  // namespace omni::kernels
