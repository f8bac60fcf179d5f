#include "kernels/resize/resize_bytes.h"

#include <algorithm>
#include <cmath>

#include "kernels/resize/coordinates.h"

namespace omni::kernels {

namespace {

constexpr int64_t kTaskBytes = 1 << 14;
constexpr int kCorners = 1 << (kMaxLinearAxes - 1);  // of all axes but the last

// What one line along the last axis reads: the start of each corner's line, and its weight but for that axis.
struct Line {
  int64_t starts[kCorners];
  float factors[kCorners][kMaxLinearAxes];
  int corners = 1, factor_count = 0;
};

Line line_of(const ResizeBytesPlan& plan, int64_t index) {
  const LinearAxis& last = plan.axes.back();
  int64_t at[core::Shape::kMaxRank];
  for (int d = last.axis - 1; d >= 0; --d) {
    at[d] = index % plan.out[d];
    index /= plan.out[d];
  }
  Line line;
  line.factor_count = static_cast<int>(plan.axes.size()) - 1;
  line.corners = 1 << line.factor_count;
  for (int c = 0; c < line.corners; ++c) {
    int64_t start = 0;
    int a = 0;
    for (int d = 0; d < last.axis; ++d) {
      int64_t position = at[d];
      if (a < line.factor_count && plan.axes[static_cast<size_t>(a)].axis == d) {
        const LinearAxis& axis = plan.axes[static_cast<size_t>(a)];
        const int bit = line.factor_count - 1 - a;  // the axis before the last changes fastest
        const bool high = (c >> bit & 1) != 0;
        position = (high ? axis.high : axis.low)[static_cast<size_t>(at[d])];
        line.factors[c][bit] = (high ? axis.high_weight : axis.low_weight)[static_cast<size_t>(at[d])];
        ++a;
      }
      start = start * plan.in[d] + position;
    }
    line.starts[c] = start * plan.in.count(last.axis);
  }
  return line;
}

template <class T>
void run_line(const ResizeBytesPlan& plan, const T* x, T* y, int64_t index) {
  const LinearAxis& last = plan.axes.back();
  const Line line = line_of(plan, index);
  const int64_t inner = plan.in.count(last.axis + 1), out = plan.out[last.axis];
  T* to = y + index * out * inner;
  for (int64_t i = 0; i < out; ++i) {
    const auto at = static_cast<size_t>(i);
    const int64_t low = last.low[at] * inner, high = last.high[at] * inner;
    float weights[2 * kCorners];
    for (int c = 0; c < line.corners; ++c) {
      weights[2 * c] = last.low_weight[at];
      weights[2 * c + 1] = last.high_weight[at];
      for (int f = 0; f < line.factor_count; ++f) {
        weights[2 * c] *= line.factors[c][f];
        weights[2 * c + 1] *= line.factors[c][f];
      }
    }
    for (int64_t k = 0; k < inner; ++k) {
      float sum = weights[0] * static_cast<float>(x[line.starts[0] + low + k]) + weights[1] * static_cast<float>(x[line.starts[0] + high + k]);
      for (int c = 1; c < line.corners; ++c) {
        sum += weights[2 * c] * static_cast<float>(x[line.starts[c] + low + k]);
        sum += weights[2 * c + 1] * static_cast<float>(x[line.starts[c] + high + k]);
      }
      *to++ = static_cast<T>(sum);  // weights of a cell sum to 1 at most
    }
  }
}

template <class T>
void run_all(const ResizeBytesPlan& plan, const T* x, T* y, core::ThreadPool& pool) {
  const int last = plan.axes.back().axis;
  const int64_t lines = plan.out.count(0, last), group = std::max<int64_t>(1, kTaskBytes / std::max<int64_t>(1, plan.out.count(last)));
  pool.parallel_for((lines + group - 1) / group, [&](int64_t task) {
    for (int64_t i = task * group; i < std::min(lines, (task + 1) * group); ++i) run_line(plan, x, y, i);
  });
}

}  // namespace

LinearAxis plan_linear_axis(int axis, int64_t in, int64_t out, float scale, ResizeCoordinates coordinates) {
  LinearAxis a;
  a.axis = axis;
  const float last = static_cast<float>(in - 1), size = static_cast<float>(in), out_size = static_cast<float>(out);
  const float exact = coordinates == ResizeCoordinates::kAlignCorners ? out_size : scale * size;
  for (int64_t i = 0; i < out; ++i) {
    const float index = static_cast<float>(i);
    const float stated = scale == 1 ? index : source_coordinate(index, size, out_size, exact, scale, coordinates);
    const float x = std::isnan(stated) ? 0 : std::clamp(stated, 0.0f, last);
    const auto low = static_cast<int32_t>(std::min<int64_t>(static_cast<int64_t>(x), in - 1)),
               high = static_cast<int32_t>(std::min<int64_t>(low + 1, in - 1));
    a.low.push_back(low);
    a.high.push_back(high);
    const float high_weight = low == high ? 0.5f : x - static_cast<float>(low);  // exact; `high` need not be a float on an axis beyond 2^24
    a.low_weight.push_back(1 - high_weight);
    a.high_weight.push_back(high_weight);
  }
  return a;
}

void run_resize_bytes(const ResizeBytesPlan& plan, const void* x, void* y, core::ThreadPool& pool) noexcept {
  if (plan.is_signed) {
    run_all(plan, static_cast<const int8_t*>(x), static_cast<int8_t*>(y), pool);
  } else {
    run_all(plan, static_cast<const uint8_t*>(x), static_cast<uint8_t*>(y), pool);
  }
}

}  // namespace omni::kernels
