// Which taps of a pooling window lie inside along one axis, and how many an average counts.
#pragma once

#include <cstdint>

#include "kernels/pool/pool.h"

namespace omni::kernels {
namespace {  // included by per-instruction-set files

struct TapRange {
  int64_t origin;       // input position of tap 0, may be negative
  int64_t first, last;  // taps inside the input: [first, last)
  int64_t counted;      // taps that an average counts
};

inline TapRange tap_range(int64_t out, int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad_begin, int64_t pad_end,
                          bool include_pad) {
  TapRange r{out * stride - pad_begin, 0, kernel, 0};
  if (dilation == 1) {  // the same without divisions, which would take longer than a small window
    const auto clamp = [&](int64_t n) { return n < 0 ? 0 : n < kernel ? n : kernel; };
    r.last = clamp(in - r.origin);
    r.first = r.origin < 0 ? -r.origin : 0;
    if (r.first > r.last) r.first = r.last;
    r.counted = include_pad ? clamp(in + pad_end - r.origin) : r.last - r.first;
    return r;
  }
  if (r.origin < 0) r.first = (-r.origin + dilation - 1) / dilation;
  const auto below = [&](int64_t end) {  // taps at positions < end
    const int64_t n = end <= r.origin ? 0 : (end - r.origin + dilation - 1) / dilation;
    return n < kernel ? n : kernel;
  };
  r.last = below(in);
  if (r.first > r.last) r.first = r.last;
  r.counted = include_pad ? below(in + pad_end) : r.last - r.first;
  return r;
}

inline TapRange rows_of(const PoolShape& s, int64_t oy) {
  return tap_range(oy, s.in_h, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top, s.pad_bottom, s.count_include_pad);
}
inline TapRange columns_of(const PoolShape& s, int64_t ox) {
  return tap_range(ox, s.in_w, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left, s.pad_right, s.count_include_pad);
}

}  // namespace
}  // namespace omni::kernels
