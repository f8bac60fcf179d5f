#include "ops/vision/crop_and_resize.h"

#include <algorithm>
#include <cmath>

#include "core/kernel_args.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr int kTaps = 4;

struct Axis {
  int dim;
  int64_t in, out;
  size_t table;  // in the scratch: `out` entries
};

struct Entry {
  int64_t at[kTaps];
  double weight[kTaps];
  bool inside;
};

struct Params {
  std::vector<Axis> axes;
  kernels::ResizeOptions options;
  double outside = 0;
  Shape x, y;  // in the order of the bytes
};

double cubic(double d, double a) {
  const double t = std::abs(d);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

int64_t nearest(double x, kernels::ResizeNearest rounding) {
  switch (rounding) {
    case kernels::ResizeNearest::kRoundPreferFloor: return static_cast<int64_t>(std::ceil(x - 0.5));
    case kernels::ResizeNearest::kRoundPreferCeil: return static_cast<int64_t>(std::floor(x + 0.5));
    case kernels::ResizeNearest::kFloor: return static_cast<int64_t>(std::floor(x));
    case kernels::ResizeNearest::kCeil: return static_cast<int64_t>(std::ceil(x));
  }
  return 0;
}

Entry entry_of(const Params& p, const Axis& a, int64_t i, double start, double end) {
  Entry e{};
  const double last = static_cast<double>(a.in - 1);
  const double x =
      a.out > 1 ? start * last + static_cast<double>(i) * (end - start) * last / static_cast<double>(a.out - 1) : 0.5 * (start + end) * last;
  e.inside = x >= 0 && x <= last;  // false for NaN too
  if (!e.inside) return e;
  const auto clamped = [&](int64_t at) { return std::clamp<int64_t>(at, 0, a.in - 1); };
  if (p.options.mode == kernels::ResizeMode::kNearest) {
    e.at[0] = clamped(nearest(x, p.options.nearest));
    e.weight[0] = 1;
    return e;
  }
  const int64_t floor = static_cast<int64_t>(std::floor(x));
  const bool linear = p.options.mode == kernels::ResizeMode::kLinear;
  double sum = 0;
  for (int t = 0; t < kTaps; ++t) {
    const int64_t at = floor - 1 + t;
    const double d = static_cast<double>(at) - x;
    double w = linear ? std::max(0.0, 1 - std::abs(d)) : cubic(d, p.options.cubic_coefficient);
    if (p.options.exclude_outside && (at < 0 || at >= a.in)) w = 0;
    e.at[t] = clamped(at);
    e.weight[t] = w;
    sum += w;
  }
  for (double& w : e.weight) w = sum != 0 ? w / sum : w;
  return e;
}

template <class T>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const Shape &x = p.x, &y = p.y;
  const size_t n = p.axes.size();
  for (size_t a = 0; a < n; ++a) {
    const auto roi = [&](size_t i) {
      return k.inputs[1].dtype == DType::kF64 ? k.inputs[1].as<double>()[i] : static_cast<double>(k.inputs[1].as<float>()[i]);
    };
    Entry* const table = reinterpret_cast<Entry*>(k.scratch + p.axes[a].table);
    for (int64_t i = 0; i < p.axes[a].out; ++i) table[i] = entry_of(p, p.axes[a], i, roi(a), roi(a + n));
  }
  const int64_t row = y.rank() == 0 ? 1 : y[-1], rows = row == 0 ? 0 : y.count() / row;
  k.pool->parallel_for(rows, [&](int64_t task) {
    for (int64_t column = 0; column < row; ++column) {
      // Where the element reads along each axis, then the product of the axes' taps, counted like digits.
      const Entry* entries[Shape::kMaxRank] = {};
      int64_t strides[Shape::kMaxRank] = {}, base = 0, rest = task * row + column, stride = 1;
      size_t used = 0;
      bool inside = true;
      for (int d = y.rank() - 1; d >= 0; --d) {
        const int64_t at = rest % y[d];
        rest /= y[d];
        const auto axis = std::find_if(p.axes.begin(), p.axes.end(), [&](const Axis& a) { return a.dim == d; });
        if (axis == p.axes.end()) {
          base += at * stride;
        } else {
          entries[used] = reinterpret_cast<const Entry*>(k.scratch + axis->table) + at;
          inside = inside && entries[used]->inside;
          strides[used++] = stride;
        }
        stride *= x[d];
      }
      double sum = inside ? 0 : p.outside;
      const int taps = p.options.mode == kernels::ResizeMode::kNearest ? 1 : kTaps;
      int64_t combinations = 1;
      for (size_t a = 0; a < used; ++a) combinations *= taps;
      for (int64_t c = 0; inside && c < combinations; ++c) {
        double weight = 1;
        int64_t at = base, digits = c;
        for (size_t a = 0; a < used; ++a, digits /= taps) {
          weight *= entries[a]->weight[digits % taps];
          at += entries[a]->at[digits % taps] * strides[a];
        }
        if (weight != 0) sum += weight * static_cast<double>(k.inputs[0].as<T>()[at]);
      }
      k.outputs[0].as<T>()[task * row + column] = static_cast<T>(sum);
    }
  });
}

}  // namespace

Binding bind_crop_and_resize(const PlannedNode& n, const std::vector<int>& axes, const kernels::ResizeOptions& options) {
  const PlannedValue &x = n.input(0), &y = n.output(0);
  if (!n.has_input(1) || n.input(1).shape.count() != 2 * static_cast<int64_t>(axes.size()))
    n.unsupported("the region is not a start and an end for each axis");
  if (n.input(1).dtype != DType::kF32 && n.input(1).dtype != DType::kF64) n.unsupported("the region's element type");
  if (options.antialias) n.unsupported("cropping and antialiasing together");
  if (x.shape.count() == 0 && y.shape.count() != 0) n.unsupported("an empty tensor has nothing to resize");
  auto p = std::make_shared<Params>();
  p->options = options;
  p->outside = static_cast<double>(n.attributes.get_float("extrapolation_value", 0));
  p->x = x.physical();
  p->y = y.physical();
  size_t scratch = 0;
  for (const int d : axes) {
    p->axes.push_back({physical_axis(d, x.shape.rank(), x.layout), x.shape[d], y.shape[d], scratch});
    scratch += static_cast<size_t>(y.shape[d]) * sizeof(Entry);
  }
  if (x.dtype == DType::kF32) return {run<float>, p, scratch};
  if (x.dtype == DType::kF64) return {run<double>, p, scratch};
  n.unsupported("no kernel for this element type");
}

}  // namespace omni::ops
