// Loops whose counter is a constant, so that arrays of vectors become registers before GCC 12 can spill them. For files of one
// instruction set; everything has internal linkage.
#pragma once

namespace omni::kernels {
namespace {

template <int kValue>
struct Index {
  constexpr operator int() const { return kValue; }
};

template <int kFrom, int kTo, class F>
[[gnu::always_inline]] inline void unroll(F&& f) {
  if constexpr (kFrom < kTo) {
    f(Index<kFrom>{});
    unroll<kFrom + 1, kTo>(f);
  }
}

#define OMNI_UNROLLED __attribute__((always_inline))

}  // namespace
}  // namespace omni::kernels
