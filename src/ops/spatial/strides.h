// Where the elements of [N, C, d1…] lie, plain or channels-last.
#pragma once

#include "ops/window.h"

namespace omni::ops {

// Elements from one index to the next.
struct Strides {
  int64_t image = 0, channel = 0, axis[Window::kMaxSpatial] = {};
};

// Of a tensor with `axes` spatial dimensions, at most Window::kMaxSpatial.
inline Strides strides_of(const PlannedValue& v, int axes) {
  Strides s;
  const bool last = v.layout == Layout::kChannelsLast;
  s.image = v.shape.count(1);
  s.channel = last ? 1 : v.shape.count(2);
  for (int a = 0; a < axes; ++a) s.axis[a] = v.shape.count(3 + a) * (last ? v.shape[1] : 1);
  return s;
}

// The offset of a position counted over spatial sizes `sizes`.
inline int64_t position_offset(const Strides& s, const int64_t* sizes, int axes, int64_t position) {
  int64_t offset = 0;
  for (int a = axes - 1; a >= 0; --a) {
    offset += position % sizes[a] * s.axis[a];
    position /= sizes[a];
  }
  return offset;
}

}  // namespace omni::ops
