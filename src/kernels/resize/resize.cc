#include "kernels/resize/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/resize/coordinates.h"

namespace omni::kernels {

using core::Shape;

namespace {

constexpr int64_t kTaskBytes = 1 << 16;

// Nearest rounds what ONNX Runtime rounds; the rest is smooth.
double stated_coordinate(int64_t i, int64_t in, int64_t out, double scale, const ResizeOptions& options) {
  const auto at = [&]<class T>(T factor) {
    const T size = static_cast<T>(in);
    return static_cast<double>(source_coordinate(static_cast<T>(i), size, static_cast<T>(out), size * factor, factor, options.coordinates));
  };
  return options.mode == ResizeMode::kNearest ? at(static_cast<float>(scale)) : at(scale);
}

int64_t nearest_position(double x, ResizeNearest rounding) {
  switch (rounding) {
    case ResizeNearest::kRoundPreferFloor: return static_cast<int64_t>(std::ceil(x - 0.5));
    case ResizeNearest::kRoundPreferCeil: return static_cast<int64_t>(std::floor(x + 0.5));
    case ResizeNearest::kFloor: return static_cast<int64_t>(std::floor(x));
    case ResizeNearest::kCeil: return static_cast<int64_t>(std::ceil(x));
  }
  return 0;
}

double filter(double distance, const ResizeOptions& options) {
  const double t = std::fabs(distance), a = options.cubic_coefficient;
  if (options.mode == ResizeMode::kLinear) return std::max(0.0, 1 - t);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

// [outer, in, inner] to [outer, out, inner].
void copy_nearest(const ResizeAxis& axis, int64_t outer, int64_t inner_bytes, const char* x, char* y, core::ThreadPool& pool) {
  const int64_t rows = outer * axis.out, group = std::max<int64_t>(1, kTaskBytes / std::max<int64_t>(1, inner_bytes));
  pool.parallel_for((rows + group - 1) / group, [&](int64_t task) {
    for (int64_t r = task * group; r < std::min(rows, (task + 1) * group); ++r) {
      const char* from = x + (r / axis.out * axis.in + axis.positions[static_cast<size_t>(r % axis.out)]) * inner_bytes;
      if (inner_bytes == 4)
        std::memcpy(y + r * 4, from, 4);
      else
        std::memcpy(y + r * inner_bytes, from, static_cast<size_t>(inner_bytes));
    }
  });
}

// The last axis: one element after the other, without a division each.
template <class T>
void combine_last(const ResizeAxis& axis, int64_t outer, const T* x, T* y, core::ThreadPool& pool) {
  const int64_t group = std::max<int64_t>(1, kTaskBytes / (axis.out * axis.taps * 4)), taps = axis.taps;
  const double* weights = axis.weights.data();
  const int32_t* positions = axis.positions.data();
  pool.parallel_for((outer + group - 1) / group, [=, &axis](int64_t task) {
    for (int64_t r = task * group; r < std::min(outer, (task + 1) * group); ++r) {
      const T* from = x + r * axis.in;
      T* to = y + r * axis.out;
      for (int64_t i = 0; i < axis.out; ++i) {
        T sum = static_cast<T>(weights[i * taps]) * from[positions[i * taps]];
        for (int64_t t = i * taps + 1; t < (i + 1) * taps; ++t) {
          const T w = static_cast<T>(weights[t]);
          if (w != 0) sum += w * from[positions[t]];
        }
        to[i] = sum;
      }
    }
  });
}

template <class T>
void combine(const ResizeAxis& axis, int64_t outer, int64_t inner, const T* x, T* y, core::ThreadPool& pool) {
  if (inner == 1) return combine_last(axis, outer, x, y, pool);
  const int64_t rows = outer * axis.out, group = std::max<int64_t>(1, kTaskBytes / (inner * axis.taps * 4));
  pool.parallel_for((rows + group - 1) / group, [&](int64_t task) {
    for (int64_t r = task * group; r < std::min(rows, (task + 1) * group); ++r) {
      const size_t first = static_cast<size_t>(r % axis.out * axis.taps);
      const T* panel = x + r / axis.out * axis.in * inner;
      T* to = y + r * inner;
      for (int t = 0; t < axis.taps; ++t) {
        const T w = static_cast<T>(axis.weights[first + static_cast<size_t>(t)]);
        const T* from = panel + axis.positions[first + static_cast<size_t>(t)] * inner;
        if (t == 0) {
          for (int64_t c = 0; c < inner; ++c) to[c] = w * from[c];
        } else if (w != 0) {
          for (int64_t c = 0; c < inner; ++c) to[c] += w * from[c];
        }
      }
    }
  });
}

// Elements after each axis was done.
std::vector<int64_t> counts_of(const ResizePlan& plan) {
  std::vector<int64_t> counts;
  int64_t count = plan.in.count();
  for (const ResizeAxis& a : plan.axes) counts.push_back(count = count / a.in * a.out);
  return counts;
}

}  // namespace

ResizeAxis plan_resize_axis(int axis, int64_t in, int64_t out, double scale, const ResizeOptions& options) {
  ResizeAxis result{axis, in, out, 1, {}, {}};
  const bool nearest = options.mode == ResizeMode::kNearest;
  // Shrinking with antialiasing widens the filter by 1 / scale.
  const double widen = options.antialias && scale < 1 ? std::max(1.0, std::min(1 / scale, static_cast<double>(in))) : 1,
               radius = (options.mode == ResizeMode::kCubic ? 2 : 1) * widen;
  if (!nearest) result.taps = 2 * static_cast<int>(std::ceil(radius)) + (widen > 1 ? 1 : 0);
  for (int64_t i = 0; i < out; ++i) {
    // Beyond the reach of the filter everything is the border; a wild scale may say 1e30 or NaN.
    const double stated = stated_coordinate(i, in, out, scale, options), reach = static_cast<double>(in) + radius + 2;
    const double x = std::isnan(stated) ? 0 : std::clamp(stated, -reach, static_cast<double>(in) + reach);
    if (nearest) {
      result.positions.push_back(static_cast<int32_t>(std::clamp<int64_t>(nearest_position(x, options.nearest), 0, in - 1)));
      continue;
    }
    const int64_t first = static_cast<int64_t>(std::floor(x)) - static_cast<int64_t>(std::ceil(radius)) + 1;
    double sum = 0;
    std::vector<double> weights;
    for (int t = 0; t < result.taps; ++t) {
      const int64_t at = first + t;
      double w = filter((static_cast<double>(at) - x) / widen, options);
      if (options.exclude_outside && (at < 0 || at >= in)) w = 0;
      weights.push_back(w);
      sum += w;
      result.positions.push_back(static_cast<int32_t>(std::clamp<int64_t>(at, 0, in - 1)));
    }
    for (const double w : weights) result.weights.push_back(sum != 0 ? w / sum : w);
  }
  return result;
}

size_t resize_scratch_bytes(const ResizePlan& plan) {
  const std::vector<int64_t> counts = counts_of(plan);
  int64_t most = 0;
  for (size_t i = 0; i + 1 < counts.size(); ++i) most = std::max(most, counts[i]);
  const size_t bytes = (static_cast<size_t>(most) * plan.element_size + 63) / 64 * 64;
  return counts.size() > 2 ? 2 * bytes : bytes;
}

void run_resize(const ResizePlan& plan, const void* x, void* y, void* scratch, core::ThreadPool& pool) noexcept {
  int64_t dims[Shape::kMaxRank];
  for (int d = 0; d < plan.in.rank(); ++d) dims[d] = plan.in[d];
  const size_t half = resize_scratch_bytes(plan) / (plan.axes.size() > 2 ? 2 : 1);
  const void* from = x;
  for (size_t i = 0; i < plan.axes.size(); ++i) {
    const ResizeAxis& axis = plan.axes[i];
    void* to = i + 1 == plan.axes.size() ? y : static_cast<char*>(scratch) + (i % 2) * half;
    int64_t outer = 1, inner = 1;
    for (int d = 0; d < axis.axis; ++d) outer *= dims[d];
    for (int d = axis.axis + 1; d < plan.in.rank(); ++d) inner *= dims[d];
    if (axis.weights.empty()) {
      copy_nearest(axis, outer, inner * static_cast<int64_t>(plan.element_size), static_cast<const char*>(from), static_cast<char*>(to), pool);
    } else if (plan.element_size == sizeof(double)) {
      combine(axis, outer, inner, static_cast<const double*>(from), static_cast<double*>(to), pool);
    } else {
      combine(axis, outer, inner, static_cast<const float*>(from), static_cast<float*>(to), pool);
    }
    dims[axis.axis] = axis.out;
    from = to;
  }
  if (plan.axes.empty()) std::memcpy(y, x, static_cast<size_t>(plan.in.count()) * plan.element_size);
}

}  // namespace omni::kernels
