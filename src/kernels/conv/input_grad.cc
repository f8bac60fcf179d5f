// Input gradient of a convolution: dx is a convolution of dy with the kernel turned around and its channels exchanged.
//
// With a stride, the input pixels (y mod stride, x mod stride) of one class meet the same kernel taps: each class is a window GEMM of stride 1 with
// its own taps, written to every stride-th pixel. A class without taps is zero.
#include <algorithm>
#include <numeric>

#include "kernels/conv/conv.h"
#include "kernels/conv/depthwise.h"
#include "kernels/conv/halo.h"
#include "kernels/conv/input_grad_columns.h"
#include "kernels/conv/window.h"
#include "kernels/gemm/pack.h"

namespace omni::kernels {

namespace {

constexpr int64_t kDepthwiseTask = 1 << 17;  // multiply-adds of a depthwise task

// Taps k of one axis that meet input positions of class p: last, last - step, ... (count of them), so that output positions ascend:
// tap number t reads output (input position - p) / stride + first + t * out_step.
struct AxisTaps {
  int64_t last, step, count;
  int64_t first, out_step;
};

AxisTaps taps_of_class(int64_t p, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
  AxisTaps a{0, stride / std::gcd(stride, dilation), 0, 0, 0};
  a.out_step = a.step * dilation / stride;
  for (int64_t k = 0; k < kernel; ++k) {
    if ((p + pad - k * dilation) % stride != 0) continue;
    a.last = k;
    ++a.count;
  }
  a.first = (p + pad - a.last * dilation) / stride;
  return a;
}

struct Class {
  int64_t py, px;
  AxisTaps y, x;
  Window w;
  int64_t panel_floats;  // of one group
};

Class make_class(const TileSet& tiles, const ConvShape& s, int64_t py, int64_t px) {
  Class c{
      py, px, taps_of_class(py, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top), taps_of_class(px, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left),
      {}, 0};
  Window& w = c.w;
  w.images = s.images;
  w.in_h = s.out_h();
  w.in_w = s.out_w();
  w.in_pixel = s.out_c;
  w.channels = s.group_out();
  w.grid_h = (s.in_h - py + s.stride_h - 1) / s.stride_h;
  w.grid_w = (s.in_w - px + s.stride_w - 1) / s.stride_w;
  w.stride_y = w.stride_x = 1;
  w.y_first = c.y.first;
  w.y_step = c.y.out_step;
  w.y_count = c.x.count == 0 ? 0 : c.y.count;
  w.x_first = c.x.first;
  w.x_step = c.x.out_step;
  w.x_count = c.y.count == 0 ? 0 : c.x.count;
  w.out_pixel = s.stride_w * s.in_c;
  w.out_row = s.stride_h * s.in_w * s.in_c;
  w.out_image = s.in_h * s.in_w * s.in_c;
  w.columns = s.group_in();
  c.panel_floats = up16(packed_panel_floats(tiles, w.depth(), w.columns));
  return c;
}

// f(class) for every class that has input pixels.
template <class F>
void each_class(const TileSet& tiles, const ConvShape& s, F&& f) {
  for (int64_t py = 0; py < std::min(s.stride_h, s.in_h); ++py) {
    for (int64_t px = 0; px < std::min(s.stride_w, s.in_w); ++px) f(make_class(tiles, s, py, px));
  }
}

int64_t zero_floats(const ConvShape& s) { return up16(s.kernel_w * s.group_out()); }

void run_class(const TileSet& tiles, const ConvGradArgs& a, const Class& c, const float* zeros, float* panels, core::ThreadPool& pool) {
  const ConvShape& s = a.shape;
  const int64_t cut_count = cut_panels(tiles, c.w.columns).count, taps = s.taps();
  if (c.w.depth() > 0) {
    pool.parallel_for(s.groups * cut_count, [&](int64_t task) {
      const int64_t group = task / cut_count, panel = task % cut_count;
      const float* const weights = a.weights + group * s.group_out() * s.group_in() * taps;
      const TapWeights t{weights,   c.y.last * s.kernel_w, -c.y.step * s.kernel_w, c.y.count,    c.x.last, -c.x.step,
                         c.x.count, s.group_out(),         s.group_in() * taps,    s.group_in(), taps};
      pack_taps(tiles, t, panel, panel + 1, panels + group * c.panel_floats);
    });
  }
  const WindowCut cut = cut_window(tiles, c.w);
  const int64_t each = cut.tasks();
  if (each == 0) return;
  pool.parallel_for(s.groups * each, [&](int64_t task) {
    const int64_t group = task / each;
    float* const dx = a.dx + (c.py * s.in_w + c.px) * s.in_c + group * s.group_in();
    run_window_task(tiles, c.w, cut, {a.dy + group * s.group_out(), panels + group * c.panel_floats, zeros, dx, {}}, task % each);
  });
}

void run_depthwise(core::Isa isa, const ConvGradArgs& a, core::ThreadPool& pool) {
  const ConvShape& s = a.shape;
  float* const weights = reinterpret_cast<float*>(a.scratch);
  transpose(a.weights, s.taps(), s.in_c, s.taps(), weights, s.in_c);
  const DepthwiseKernels& kernels = depthwise_kernels(isa);
  const int64_t rows = s.images * s.in_h, out_row = s.out_w() * s.out_c;
  const int64_t per_task = std::max<int64_t>(1, kDepthwiseTask / std::max<int64_t>(1, s.out_w() * s.taps() * s.in_c));
  pool.parallel_for((rows + per_task - 1) / per_task, [&](int64_t task) {
    const float* lines[ConvShape::kMaxKernelLines];
    for (int64_t row = task * per_task; row < std::min(rows, (task + 1) * per_task); ++row) {
      const int64_t image = row / s.in_h, iy = row % s.in_h;
      for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
        const int64_t at = iy + s.pad_top - ky * s.dilation_h;
        const bool hit = at >= 0 && at % s.stride_h == 0 && at / s.stride_h < s.out_h();
        lines[ky] = hit ? a.dy + (image * s.out_h() + at / s.stride_h) * out_row : nullptr;
      }
      kernels.input_grad_row({&s, lines, weights, a.dx + row * s.in_w * s.in_c, 0, s.in_c});
    }
  });
}

}  // namespace

size_t conv_input_grad_scratch_bytes(core::Isa isa, const ConvShape& s) {
  if (s.depthwise()) return static_cast<size_t>(s.taps() * s.in_c) * sizeof(float);
  if (input_grad_by_columns(isa, s)) return static_cast<size_t>(input_grad_columns_scratch_floats(isa, s)) * sizeof(float);
  const TileSet& tiles = tile_set(isa, s.group_in());
  int64_t most = 0;
  each_class(tiles, s, [&](const Class& c) { most = std::max(most, s.groups * c.panel_floats); });
  return static_cast<size_t>(zero_floats(s) + most) * sizeof(float);
}

void conv_input_grad(core::Isa isa, const ConvGradArgs& a, core::ThreadPool& pool) noexcept {
  const ConvShape& s = a.shape;
  if (s.depthwise()) return run_depthwise(isa, a, pool);
  if (input_grad_by_columns(isa, s)) return run_input_grad_columns(isa, a, pool);
  const TileSet& tiles = tile_set(isa, s.group_in());
  float* const zeros = reinterpret_cast<float*>(a.scratch);
  std::fill_n(zeros, zero_floats(s), 0.0f);
  each_class(tiles, s, [&](const Class& c) { run_class(tiles, a, c, zeros, zeros + zero_floats(s), pool); });
}

}  // namespace omni::kernels
