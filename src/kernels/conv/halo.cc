// Copying a picture with its padding.
#include "kernels/conv/halo.h"

#include <algorithm>
#include <cstring>

namespace omni::kernels {

ConvShape with_halo(ConvShape s) {
  s.in_h += s.pad_top + s.pad_bottom;
  s.in_w += s.pad_left + s.pad_right;
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = 0;
  return s;
}

void copy_with_halo(const ConvShape& s, const float* x, float* to, core::ThreadPool& pool) noexcept {
  const ConvShape h = with_halo(s);
  pool.parallel_for(s.images, [&](int64_t image) {
    const int64_t line = s.in_w * s.in_c, wide = h.in_w * s.in_c;
    float* out = to + image * h.in_h * wide;
    const float* in = x + image * s.in_h * line;
    std::fill_n(out, s.pad_top * wide, 0.0f);
    out += s.pad_top * wide;
    for (int64_t y = 0; y < s.in_h; ++y, out += wide, in += line) {
      std::fill_n(out, s.pad_left * s.in_c, 0.0f);
      std::memcpy(out + s.pad_left * s.in_c, in, static_cast<size_t>(line) * sizeof(float));
      std::fill_n(out + s.pad_left * s.in_c + line, s.pad_right * s.in_c, 0.0f);
    }
    std::fill_n(out, s.pad_bottom * wide, 0.0f);
  });
}

}  // namespace omni::kernels
