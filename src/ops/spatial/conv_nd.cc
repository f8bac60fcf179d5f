#include "ops/spatial/conv_nd.h"

#include <algorithm>

#include "core/kernel_args.h"
#include "ops/spatial/product.h"
#include "ops/spatial/strides.h"

namespace omni::ops {

namespace {

constexpr int kAxes = Window::kMaxSpatial;
constexpr size_t kRowsBytes = 4u << 20;  // of gathered windows at a time: stays in the caches
constexpr int64_t kTask = 32;            // positions a task

// The forward convolution that all of these are about. x: its input, y: its output, w: [out_c, in_c / groups, taps].
struct Nd {
  Isa isa = Isa::kScalar;
  Window window;
  int64_t in[kAxes] = {}, images = 1, in_c = 1, out_c = 1, groups = 1, taps = 1, positions = 1;
  Strides x, y;
  int64_t chunk = 1;                                                // positions at a time
  size_t rows_at = 0, sums_at = 0, weights_at = 0, product_at = 0;  // in the scratch
  bool clamp = false;
  float lo = 0, hi = 0;
  int residual_input = -1;
  Tensor weights;  // reordered ahead of time, where constant

  int64_t group_in() const { return in_c / groups; }
  int64_t group_out() const { return out_c / groups; }
  int64_t row() const { return taps * group_in(); }
};

// Where a tap of the window of an output position lies in x; -1: in the padding.
int64_t place(const Nd& p, int64_t position, int64_t tap) {
  int64_t offset = 0;
  for (int a = p.window.spatial - 1; a >= 0; --a) {
    const size_t i = static_cast<size_t>(a);
    const int64_t at = position % p.window.out[i] * p.window.stride[i] + tap % p.window.kernel[i] * p.window.dilation[i] - p.window.pad_begin[i];
    if (at < 0 || at >= p.in[a]) return -1;
    offset += at * p.x.axis[a];
    position /= p.window.out[i];
    tap /= p.window.kernel[i];
  }
  return offset;
}

int64_t y_place(const Nd& p, int64_t position) { return position_offset(p.y, p.window.out.data(), p.window.spatial, position); }

template <class F>
void over_positions(int64_t n, ThreadPool& pool, F&& f) {
  pool.parallel_for((n + kTask - 1) / kTask, [&](int64_t task) {
    for (int64_t i = task * kTask; i < std::min(n, (task + 1) * kTask); ++i) f(i);
  });
}

// rows[i] = the window of position first + i: [taps][channels of the group]. `x` stands at the image and the group.
template <class T>
void gather(const Nd& p, const T* x, int64_t first, int64_t n, T* rows, ThreadPool& pool) {
  const int64_t channels = p.group_in();
  over_positions(n, pool, [&](int64_t i) {
    T* to = rows + i * p.row();
    for (int64_t tap = 0; tap < p.taps; ++tap, to += channels) {
      const int64_t at = place(p, first + i, tap);
      if (at < 0) {
        std::fill(to, to + channels, T(0));
      } else {
        for (int64_t c = 0; c < channels; ++c) to[c] = x[at + c * p.x.channel];
      }
    }
  });
}

// W[out_c][group_in][taps] as [out_c][taps][group_in], and back.
template <class T>
void reorder_weights(const Nd& p, const T* w, T* to, bool back) {
  const int64_t channels = p.group_in();
  for (int64_t m = 0; m < p.out_c; ++m) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t t = 0; t < p.taps; ++t) {
        const int64_t plain = (m * channels + c) * p.taps + t, moved = (m * p.taps + t) * channels + c;
        to[back ? plain : moved] = w[back ? moved : plain];
      }
    }
  }
}

template <class T>
const T* weights_of(const Nd& p, const KernelArgs& k) {
  if (p.weights.count() != 0) return static_cast<const T*>(p.weights.data());
  T* const to = reinterpret_cast<T*>(k.scratch + p.weights_at);
  reorder_weights(p, k.inputs[1].as<T>(), to, false);
  return to;
}

// Calls f(image, group, first position, positions) for every piece.
template <class F>
void over_pieces(const Nd& p, F&& f) {
  for (int64_t image = 0; image < p.images; ++image) {
    for (int64_t group = 0; group < p.groups; ++group) {
      for (int64_t first = 0; first < p.positions; first += p.chunk) f(image, group, first, std::min(p.chunk, p.positions - first));
    }
  }
}

template <class T>
void run_forward(const KernelArgs& k) noexcept {
  const Nd& p = *static_cast<const Nd*>(k.params);
  T *const rows = reinterpret_cast<T*>(k.scratch + p.rows_at), *const sums = reinterpret_cast<T*>(k.scratch + p.sums_at);
  const T* const w = weights_of<T>(p, k);
  const T* const bias = k.inputs.size() > 2 ? k.inputs[2].as<T>() : nullptr;
  const T* const residual = p.residual_input < 0 ? nullptr : k.inputs[static_cast<size_t>(p.residual_input)].as<T>();
  const int64_t columns = p.group_out();
  over_pieces(p, [&](int64_t image, int64_t group, int64_t first, int64_t n) {
    gather(p, k.inputs[0].as<T>() + image * p.x.image + group * p.group_in() * p.x.channel, first, n, rows, *k.pool);
    product(p.isa, {n, columns, p.row(), false, true}, rows, w + group * columns * p.row(), sums, k.scratch + p.product_at, *k.pool);
    over_positions(n, *k.pool, [&](int64_t i) {
      const int64_t base = image * p.y.image + y_place(p, first + i);
      for (int64_t m = 0; m < columns; ++m) {
        const int64_t channel = group * columns + m, at = base + channel * p.y.channel;
        T v = sums[i * columns + m] + (bias == nullptr ? T(0) : bias[channel]) + (residual == nullptr ? T(0) : residual[at]);
        if (p.clamp) v = v < static_cast<T>(p.lo) ? static_cast<T>(p.lo) : v > static_cast<T>(p.hi) ? static_cast<T>(p.hi) : v;
        k.outputs[0].as<T>()[at] = v;
      }
    });
  });
}

// y's rows of one group: [positions][channels of the group].
template <class T>
void gather_y(const Nd& p, const T* y, int64_t image, int64_t group, int64_t first, int64_t n, T* sums, ThreadPool& pool) {
  const int64_t columns = p.group_out();
  over_positions(n, pool, [&](int64_t i) {
    const T* from = y + image * p.y.image + y_place(p, first + i) + group * columns * p.y.channel;
    for (int64_t m = 0; m < columns; ++m) sums[i * columns + m] = from[m * p.y.channel];
  });
}

// dX of the convolution (which is ConvTranspose): each position's row of products is added where its window lay. A channel is one task's: sums come
// in the order of the positions.
template <class T>
void run_input_grad(const KernelArgs& k) noexcept {
  const Nd& p = *static_cast<const Nd*>(k.params);
  T *const rows = reinterpret_cast<T*>(k.scratch + p.rows_at), *const sums = reinterpret_cast<T*>(k.scratch + p.sums_at);
  T* const dx = k.outputs[0].as<T>();
  const T* const w = weights_of<T>(p, k);
  const int64_t columns = p.group_out(), channels = p.group_in(), plane = k.outputs[0].shape.count(2);
  std::fill(dx, dx + k.outputs[0].count(), T(0));
  over_pieces(p, [&](int64_t image, int64_t group, int64_t first, int64_t n) {
    gather_y(p, k.inputs[0].as<T>(), image, group, first, n, sums, *k.pool);
    product(p.isa, {n, p.row(), columns}, sums, w + group * columns * p.row(), rows, k.scratch + p.product_at, *k.pool);
    T* const to = dx + image * p.x.image + group * channels * p.x.channel;
    k.pool->parallel_for((channels + 7) / 8, [&](int64_t task) {
      const int64_t c0 = task * 8, c1 = std::min(channels, c0 + 8);
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t tap = 0; tap < p.taps; ++tap) {
          const int64_t at = place(p, first + i, tap);
          if (at < 0) continue;
          for (int64_t c = c0; c < c1; ++c) to[at + c * p.x.channel] += rows[i * p.row() + tap * channels + c];
        }
      }
    });
  });
  const T* const bias = k.inputs.size() > 2 && p.residual_input == 2 ? k.inputs[2].as<T>() : nullptr;  // ConvTranspose's
  if (bias == nullptr) return;
  k.pool->parallel_for(p.images * p.in_c, [&](int64_t task) {
    T* const to = dx + task / p.in_c * p.x.image + task % p.in_c * p.x.channel;
    const int64_t step = p.x.channel == 1 ? p.in_c : 1;
    for (int64_t i = 0; i < plane; ++i) to[i * step] += bias[task % p.in_c];
  });
}

template <class T>
void run_weight_grad(const KernelArgs& k) noexcept {
  const Nd& p = *static_cast<const Nd*>(k.params);
  T *const rows = reinterpret_cast<T*>(k.scratch + p.rows_at), *const sums = reinterpret_cast<T*>(k.scratch + p.sums_at);
  T* const moved = reinterpret_cast<T*>(k.scratch + p.weights_at);  // [out_c][taps][group_in], then one group's product
  const int64_t columns = p.group_out(), size = p.out_c * p.row();
  T* const part = moved + size;
  T* const db = k.outputs.size() > 1 ? k.outputs[1].as<T>() : nullptr;
  std::fill(moved, moved + size, T(0));
  if (db != nullptr) std::fill(db, db + p.out_c, T(0));
  over_pieces(p, [&](int64_t image, int64_t group, int64_t first, int64_t n) {
    gather_y(p, k.inputs[0].as<T>(), image, group, first, n, sums, *k.pool);
    gather(p, k.inputs[1].as<T>() + image * p.x.image + group * p.group_in() * p.x.channel, first, n, rows, *k.pool);
    product(p.isa, {columns, p.row(), n, true, false}, sums, rows, part, k.scratch + p.product_at, *k.pool);
    T* const to = moved + group * columns * p.row();
    for (int64_t i = 0; i < columns * p.row(); ++i) to[i] += part[i];
    for (int64_t i = 0; db != nullptr && i < n * columns; ++i) db[group * columns + i % columns] += sums[i];
  });
  reorder_weights(p, moved, k.outputs[0].as<T>(), true);
}

enum class Kind : uint8_t { kForward, kInputGrad, kWeightGrad };

// What is left to know once x, y, w and the window are: sizes of the scratch.
template <class T>
Binding finish(std::shared_ptr<Nd> p, Kind kind, const Tensor* weights) {
  Nd& nd = *p;
  for (int a = 0; a < nd.window.spatial; ++a) {
    nd.taps *= nd.window.kernel[static_cast<size_t>(a)];
    nd.positions *= nd.window.out[static_cast<size_t>(a)];
  }
  const auto fitting = static_cast<int64_t>(kRowsBytes / (static_cast<size_t>(std::max<int64_t>(1, nd.row())) * sizeof(T)));
  nd.chunk = std::clamp<int64_t>(fitting, 32, std::max<int64_t>(32, nd.positions));
  size_t scratch = 0;
  const auto part = [&](int64_t elements) {
    const size_t at = scratch;
    scratch += (static_cast<size_t>(elements) * sizeof(T) + 63) / 64 * 64;
    return at;
  };
  nd.rows_at = part(nd.chunk * nd.row());
  nd.sums_at = part(nd.chunk * nd.group_out());
  if (weights != nullptr && weights->count() != 0) {
    nd.weights = Tensor(weights->dtype(), weights->shape());
    reorder_weights(nd, weights->values<T>().data(), nd.weights.template mutable_values<T>().data(), false);
  } else {
    nd.weights_at = part(nd.out_c * nd.row() + (kind == Kind::kWeightGrad ? nd.group_out() * nd.row() : 0));
  }
  nd.product_at = scratch;
  size_t most = 0;
  for (const int64_t n : {std::min(nd.chunk, nd.positions), nd.positions % nd.chunk}) {
    const ProductShape shape = kind == Kind::kForward     ? ProductShape{n, nd.group_out(), nd.row(), false, true}
                               : kind == Kind::kInputGrad ? ProductShape{n, nd.row(), nd.group_out(), false, false}
                                                          : ProductShape{nd.group_out(), nd.row(), n, true, false};
    if (n > 0) most = std::max(most, product_scratch<T>(nd.isa, shape));
  }
  scratch += most;
  const KernelFn fn = kind == Kind::kForward ? run_forward<T> : kind == Kind::kInputGrad ? run_input_grad<T> : run_weight_grad<T>;
  return {fn, std::move(p), scratch};
}

Binding finish_any(const PlannedNode& n, std::shared_ptr<Nd> p, Kind kind, const Tensor* weights) {
  const DType dtype = n.input(0).dtype;
  for (const PlannedValue& v : n.inputs) {
    if (v.present && v.dtype != dtype) n.unsupported("inputs of different element types");
  }
  if (dtype == DType::kF32) return finish<float>(std::move(p), kind, weights);
  if (dtype == DType::kF64) return finish<double>(std::move(p), kind, weights);
  n.unsupported("a convolution of this element type");
}

std::shared_ptr<Nd> make_nd(const PlannedNode& n, const PlannedValue& x, const PlannedValue& y, const Shape& w, const Window& window) {
  auto p = std::make_shared<Nd>();
  p->isa = n.isa;
  p->window = window;
  p->images = x.shape[0];
  p->in_c = x.shape[1];
  p->out_c = y.shape[1];
  p->groups = n.attributes.get_int("group", 1);
  const int axes = x.shape.rank() - 2;
  for (int a = 0; a < axes; ++a) p->in[a] = x.shape[2 + a];
  p->x = strides_of(x, axes);
  p->y = strides_of(y, axes);
  const bool fits = p->groups >= 1 && p->in_c % p->groups == 0 && p->out_c % p->groups == 0 && w.rank() == x.shape.rank() && w[0] == p->out_c &&
                    w[1] == p->group_in();
  if (!fits) n.unsupported("X, W and the groups do not fit");
  for (int a = 0; a < axes; ++a) {
    if (w[2 + a] != window.kernel[static_cast<size_t>(a)] || y.shape[2 + a] != window.out[static_cast<size_t>(a)])
      n.unsupported("the window does not fit the shapes");
  }
  return p;
}

void check_axes(const PlannedNode& n, const Shape& x) {
  if (x.rank() < 3 || x.rank() > 2 + kAxes) n.unsupported("a convolution of " + std::to_string(x.rank() - 2) + " spatial dimensions");
}

Window window_of(const PlannedNode& n, const Shape& x, const Shape& w) {
  return resolve_window(n.attributes, w.dims().subspan(2), x.dims().subspan(2), false);
}

}  // namespace

bool is_conv_nd(const PlannedValue& x) { return x.dtype == DType::kF64 || x.shape.rank() > 4; }

Binding bind_conv_nd(const PlannedNode& n, const ConvEpilogue& epilogue) {
  const PlannedValue &x = n.input(0), &y = n.output(0);
  check_axes(n, x.shape);
  auto p = make_nd(n, x, y, n.input(1).shape, window_of(n, x.shape, n.input(1).shape));
  if (n.has_input(2) && n.input(2).shape.count() != p->out_c) n.unsupported("the bias does not have one value per output channel");
  p->clamp = epilogue.clamp;
  p->lo = epilogue.lo;
  p->hi = epilogue.hi;
  p->residual_input = epilogue.residual_input;
  if (epilogue.residual_input >= 0) {
    const PlannedValue& residual = n.input(epilogue.residual_input);
    if (residual.shape != y.shape || residual.layout != y.layout) n.unsupported("a residual in another layout");
  }
  return finish_any(n, std::move(p), Kind::kForward, n.input(1).constant);
}

Binding bind_input_grad_nd(const PlannedNode& n) {
  const PlannedValue& x = n.output(0);
  check_axes(n, x.shape);
  return finish_any(n, make_nd(n, x, n.input(0), n.input(1).shape, window_of(n, x.shape, n.input(1).shape)), Kind::kInputGrad, n.input(1).constant);
}

Binding bind_weight_grad_nd(const PlannedNode& n) {
  const PlannedValue& x = n.input(1);
  check_axes(n, x.shape);
  return finish_any(n, make_nd(n, x, n.input(0), n.output(0).shape, window_of(n, x.shape, n.output(0).shape)), Kind::kWeightGrad, nullptr);
}

Binding bind_conv_transpose_nd(const PlannedNode& n, const Window& window) {
  check_axes(n, n.input(0).shape);
  auto p = make_nd(n, n.output(0), n.input(0), n.input(1).shape, window);
  if (n.has_input(2) && n.input(2).shape.count() != p->in_c) n.unsupported("the bias does not have one value per output channel");
  p->residual_input = n.has_input(2) ? 2 : -1;
  return finish_any(n, std::move(p), Kind::kInputGrad, n.input(1).constant);
}

}  // namespace omni::ops
