#include "ops/spatial/pool_nd.h"

#include <cmath>
#include <limits>

#include "core/kernel_args.h"
#include "ops/spatial/strides.h"

namespace omni::ops {

namespace {

constexpr int kAxes = Window::kMaxSpatial;

struct Nd {
  Window window;
  int64_t in[kAxes] = {1, 1, 1}, images = 1, channels = 1, taps = 1, positions = 1, plane = 1;
  Strides x, y;
  bool include_pad = false, column_major = false;
  int64_t p = 2;  // of the norm
};

struct Tap {
  int64_t offset = -1;  // in a plane of x; -1: in the padding
  int64_t index = 0;    // position counted in the plain order
  bool counts = false;  // for an average that counts padding: not beyond it
};

Tap tap_of(const Nd& p, int64_t position, int64_t tap) {
  Tap result{0, 0, true};
  int64_t scale = 1, column = 0, stride = p.plane;
  bool inside = true;
  for (int a = p.window.spatial - 1; a >= 0; --a) {
    const size_t i = static_cast<size_t>(a);
    const int64_t at = position % p.window.out[i] * p.window.stride[i] + tap % p.window.kernel[i] * p.window.dilation[i] - p.window.pad_begin[i];
    inside = inside && at >= 0 && at < p.in[a];
    result.counts = result.counts && at < p.in[a] + p.window.pad_end[i];
    result.offset += at * p.x.axis[a];
    result.index += at * scale;
    scale *= p.in[a];
    stride /= p.in[a];
    column += at * stride;
    position /= p.window.out[i];
    tap /= p.window.kernel[i];
  }
  if (p.column_major) result.index = column;
  if (!inside) result.offset = -1;
  return result;
}

// Calls f(task, offset of the plane in x, offset in y) for every image and channel.
template <class F>
void over_planes(const Nd& p, ThreadPool& pool, F&& f) {
  pool.parallel_for(p.images * p.channels, [&](int64_t task) {
    const int64_t image = task / p.channels, channel = task % p.channels;
    f(task, image * p.x.image + channel * p.x.channel, image * p.y.image + channel * p.y.channel);
  });
}

int64_t y_offset(const Nd& p, int64_t position) { return position_offset(p.y, p.window.out.data(), p.window.spatial, position); }

template <class T>
bool better(T a, T best) {
  return a > best || (a != a && best == best);  // NaN passes
}

template <class T>
void run_max(const KernelArgs& k) noexcept {
  const Nd& p = *static_cast<const Nd*>(k.params);
  int64_t* const indices = k.outputs.size() > 1 ? k.outputs[1].as<int64_t>() : nullptr;
  over_planes(p, *k.pool, [&](int64_t task, int64_t x_at, int64_t y_at) {
    const T* const x = k.inputs[0].as<T>() + x_at;
    for (int64_t position = 0; position < p.positions; ++position) {
      T best = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
      int64_t index = -1;
      for (int64_t t = 0; t < p.taps; ++t) {
        const Tap tap = tap_of(p, position, t);
        if (tap.offset < 0 || (index >= 0 && !better(x[tap.offset], best))) continue;
        best = x[tap.offset];
        index = tap.index;
      }
      k.outputs[0].as<T>()[y_at + y_offset(p, position)] = best;
      if (indices != nullptr) indices[task * p.positions + position] = index < 0 ? 0 : task * p.plane + index;
    }
  });
}

template <class T>
void run_average(const KernelArgs& k) noexcept {
  const Nd& p = *static_cast<const Nd*>(k.params);
  over_planes(p, *k.pool, [&](int64_t, int64_t x_at, int64_t y_at) {
    const T* const x = k.inputs[0].as<T>() + x_at;
    for (int64_t position = 0; position < p.positions; ++position) {
      double sum = 0, n = 0;
      for (int64_t t = 0; t < p.taps; ++t) {
        const Tap tap = tap_of(p, position, t);
        if (tap.offset >= 0) sum += static_cast<double>(x[tap.offset]);
        if (tap.offset >= 0 || (p.include_pad && tap.counts)) n += 1;
      }
      k.outputs[0].as<T>()[y_at + y_offset(p, position)] = static_cast<T>(n == 0 ? 0 : sum / n);
    }
  });
}

template <class T>
void run_lp(const KernelArgs& k) noexcept {
  const Nd& p = *static_cast<const Nd*>(k.params);
  over_planes(p, *k.pool, [&](int64_t, int64_t x_at, int64_t y_at) {
    const T* const x = k.inputs[0].as<T>() + x_at;
    for (int64_t position = 0; position < p.positions; ++position) {
      double sum = 0;
      for (int64_t t = 0; t < p.taps; ++t) {
        const Tap tap = tap_of(p, position, t);
        if (tap.offset < 0) continue;
        const double v = std::abs(static_cast<double>(x[tap.offset]));
        sum += p.p == 1 ? v : p.p == 2 ? v * v : std::pow(v, static_cast<double>(p.p));
      }
      const double root = p.p == 1 ? sum : p.p == 2 ? std::sqrt(sum) : std::pow(sum, 1.0 / static_cast<double>(p.p));
      k.outputs[0].as<T>()[y_at + y_offset(p, position)] = static_cast<T>(root);
    }
  });
}

template <class T, bool kFirst>
void run_grad(const KernelArgs& k) noexcept {
  const Nd& p = *static_cast<const Nd*>(k.params);
  std::fill(k.outputs[0].as<T>(), k.outputs[0].as<T>() + k.outputs[0].count(), T(0));
  over_planes(p, *k.pool, [&](int64_t, int64_t x_at, int64_t y_at) {
    const T* const x = k.inputs[1].as<T>() + x_at;
    T* const dx = k.outputs[0].as<T>() + x_at;
    for (int64_t position = 0; position < p.positions; ++position) {
      const T dy = k.inputs[0].as<T>()[y_at + y_offset(p, position)];
      int64_t best = -1, n = 0;
      for (int64_t t = 0; t < p.taps; ++t) {
        const Tap tap = tap_of(p, position, t);
        if (tap.offset >= 0 && (best < 0 || better(x[tap.offset], x[best]))) best = tap.offset;
        if (tap.offset >= 0 || (p.include_pad && tap.counts)) ++n;
      }
      if (kFirst && best >= 0) dx[best] += dy;
      for (int64_t t = 0; !kFirst && t < p.taps; ++t) {
        const Tap tap = tap_of(p, position, t);
        if (tap.offset >= 0) dx[tap.offset] += dy / static_cast<T>(n);
      }
    }
  });
}

std::shared_ptr<Nd> make_nd(const PlannedNode& n, const PlannedValue& x, const PlannedValue& y) {
  const int axes = x.shape.rank() - 2;
  const bool global = !n.attributes.has("kernel_shape");
  if (x.shape.count(2) == 0) n.unsupported("a pool over no positions");
  if (axes < 1 || (axes > kAxes && !global)) n.unsupported("a pool of " + std::to_string(axes) + " spatial dimensions");
  auto p = std::make_shared<Nd>();
  p->images = x.shape[0];
  p->channels = x.shape[1];
  p->plane = x.shape.count(2);
  p->include_pad = n.attributes.get_int("count_include_pad", 0) != 0;
  p->column_major = n.attributes.get_int("storage_order", 0) != 0;
  p->p = n.attributes.get_int("p", 2);
  if (p->p < 1) n.unsupported("a norm of order " + std::to_string(p->p));
  if (global) {  // one axis of all positions, whichever the layout
    PlannedValue flat = x, one = y;
    flat.shape = Shape{x.shape[0], x.shape[1], p->plane};
    one.shape = Shape{x.shape[0], x.shape[1], 1};
    p->x = strides_of(flat, 1);
    p->y = strides_of(one, 1);
    p->in[0] = p->taps = p->plane;
    const int64_t kernel[] = {p->plane};
    p->window = resolve_window({}, kernel, kernel, false);
    return p;
  }
  const std::vector<int64_t> kernel = n.attributes.get_ints("kernel_shape");
  if (static_cast<int>(kernel.size()) != axes) n.unsupported("kernel_shape has not one size a spatial dimension");
  p->window = resolve_window(n.attributes, kernel, x.shape.dims().subspan(2), n.attributes.get_int("ceil_mode", 0) != 0);
  p->x = strides_of(x, axes);
  p->y = strides_of(y, axes);
  for (int a = 0; a < axes; ++a) {
    p->in[a] = x.shape[2 + a];
    p->taps *= kernel[static_cast<size_t>(a)];
    p->positions *= p->window.out[static_cast<size_t>(a)];
    if (y.shape[2 + a] != p->window.out[static_cast<size_t>(a)]) n.unsupported("the window does not fit the shapes");
  }
  return p;
}

}  // namespace

bool is_pool_nd(const PlannedNode& n, const PlannedValue& x) {
  return x.dtype == DType::kF64 || x.dtype == DType::kI8 || x.dtype == DType::kU8 || (n.attributes.has("kernel_shape") && x.shape.rank() > 4);
}

Binding bind_pool_nd(const PlannedNode& n, PoolKind kind) {
  const DType dtype = n.input(0).dtype;
  KernelFn fn = nullptr;
  if (dtype == DType::kF32) fn = kind == PoolKind::kLargest ? run_max<float> : kind == PoolKind::kAveraged ? run_average<float> : run_lp<float>;
  if (dtype == DType::kF64) fn = kind == PoolKind::kLargest ? run_max<double> : kind == PoolKind::kAveraged ? run_average<double> : run_lp<double>;
  if (dtype == DType::kI8 && kind == PoolKind::kLargest) fn = run_max<int8_t>;
  if (dtype == DType::kU8 && kind == PoolKind::kLargest) fn = run_max<uint8_t>;
  if (fn == nullptr) n.unsupported("a pool of this element type");
  return {fn, make_nd(n, n.input(0), n.output(0)), 0};
}

Binding bind_pool_grad_nd(const PlannedNode& n, PoolKind kind) {
  const DType dtype = n.input(1).dtype;
  const bool max = kind == PoolKind::kLargest;
  KernelFn fn = nullptr;
  if (dtype == DType::kF32) fn = max ? run_grad<float, true> : run_grad<float, false>;
  if (dtype == DType::kF64) fn = max ? run_grad<double, true> : run_grad<double, false>;
  if (fn == nullptr || n.input(0).dtype != dtype) n.unsupported("a pool's gradient of this element type");
  return {fn, make_nd(n, n.input(1), n.input(0)), 0};
}

}  // namespace omni::ops
