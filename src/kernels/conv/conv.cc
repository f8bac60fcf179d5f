// Forward convolution: 1x1 of stride 1 is a GEMM, depthwise has its own rows, everything else is a GEMM over windows, group by group.
#include "kernels/conv/conv.h"

#include <algorithm>

#include "kernels/conv/depthwise.h"
#include "kernels/conv/halo.h"
#include "kernels/conv/window.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/pack.h"

namespace omni::kernels {

namespace {

constexpr int64_t kDepthwiseTask = 1 << 17;  // multiply-adds of a depthwise task

// With few channels most windows of a padded picture touch a border in x, where each tap needs a pointer of its own. A copy with the border
// (a few percent of the work) lets whole kernel lines run instead.
constexpr int64_t kHaloRun = 64;  // most floats of a kernel line for which the copy pays

bool use_halo(const ConvShape& s) { return s.padded() && s.groups == 1 && s.dilation_w == 1 && s.kernel_w > 1 && s.kernel_w * s.in_c <= kHaloRun; }

int64_t halo_floats(const ConvShape& s) { return use_halo(s) ? picture_floats(with_halo(s)) : 0; }

bool is_gemm(const ConvShape& s) { return s.groups == 1 && s.taps() == 1 && s.stride_h == 1 && s.stride_w == 1 && !s.padded(); }

Window window_of(const ConvShape& s) {
  Window w{};
  w.images = s.images;
  w.in_h = s.in_h;
  w.in_w = s.in_w;
  w.in_pixel = s.in_c;
  w.channels = s.group_in();
  w.grid_h = s.out_h();
  w.grid_w = s.out_w();
  w.stride_y = s.stride_h;
  w.stride_x = s.stride_w;
  w.y_first = -s.pad_top;
  w.y_step = s.dilation_h;
  w.y_count = s.kernel_h;
  w.x_first = -s.pad_left;
  w.x_step = s.dilation_w;
  w.x_count = s.kernel_w;
  w.out_pixel = s.out_c;
  w.out_row = w.grid_w * s.out_c;
  w.out_image = w.grid_h * w.out_row;
  w.columns = s.group_out();
  return w;
}

// Packed weights of the window path: the panels of each group, then the zeros that stand for padding.
int64_t group_floats(const TileSet& tiles, const ConvShape& s) { return up16(packed_panel_floats(tiles, s.taps() * s.group_in(), s.group_out())); }
int64_t zero_floats(const ConvShape& s) { return up16(s.kernel_w * s.group_in()); }

int64_t packed_floats(core::Isa isa, const ConvShape& s) {
  if (s.depthwise()) return s.taps() * s.in_c;
  const TileSet& tiles = tile_set(isa, s.group_out());
  return s.groups * group_floats(tiles, s) + zero_floats(s);
}

// Task i of `tasks` packs its share: panels of one group, or depthwise taps.
int64_t pack_tasks(core::Isa isa, const ConvShape& s) {
  return s.depthwise() ? 1 : s.groups * cut_panels(tile_set(isa, s.group_out()), s.group_out()).count;
}

void pack_task(core::Isa isa, const ConvShape& s, const float* weights, float* packed, int64_t task) {
  if (s.depthwise()) return transpose(weights, s.taps(), s.in_c, s.taps(), packed, s.in_c);
  const TileSet& tiles = tile_set(isa, s.group_out());
  const int64_t panels = cut_panels(tiles, s.group_out()).count, group = task / panels, panel = task % panels;
  const int64_t gi = s.group_in(), per_output = gi * s.taps();
  if (task == 0) std::fill_n(packed + s.groups * group_floats(tiles, s), zero_floats(s), 0.0f);
  float* const to = packed + group * group_floats(tiles, s);
  const float* const from = weights + group * s.group_out() * per_output;
  if (s.taps() == 1) return pack_panels(tiles, {from, 1, per_output}, gi, s.group_out(), panel, panel + 1, to);
  pack_taps(tiles, {from, 0, s.kernel_w, s.kernel_h, 0, 1, s.kernel_w, gi, s.taps(), s.group_out(), per_output}, panel, panel + 1, to);
}

void run_depthwise(core::Isa isa, const ConvArgs& a, const float* packed, core::ThreadPool& pool) {
  const ConvShape& s = a.shape;
  const DepthwiseKernels& kernels = depthwise_kernels(isa);
  const int64_t out_h = s.out_h(), out_w = s.out_w(), row_work = std::max<int64_t>(1, out_w * s.taps() * s.in_c);
  const int64_t rows = s.images * out_h, per_task = std::max<int64_t>(1, kDepthwiseTask / row_work);
  pool.parallel_for((rows + per_task - 1) / per_task, [&](int64_t task) {
    const float* lines[ConvShape::kMaxKernelLines];
    for (int64_t row = task * per_task; row < std::min(rows, (task + 1) * per_task); ++row) {
      const int64_t image = row / out_h, oy = row % out_h;
      for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
        const int64_t iy = oy * s.stride_h + ky * s.dilation_h - s.pad_top;
        lines[ky] = iy >= 0 && iy < s.in_h ? a.x + (image * s.in_h + iy) * s.in_w * s.in_c : nullptr;
      }
      const int64_t out = row * out_w * s.out_c;
      kernels.row({&s, lines, packed, a.bias, a.residual != nullptr ? a.residual + out : nullptr, a.y + out, 0, s.in_c, a.clamp, a.lo, a.hi});
    }
  });
}

void run_gemm(core::Isa isa, const ConvArgs& a, const float* packed, core::ThreadPool& pool) {
  const ConvShape& s = a.shape;
  GemmArgs g;
  g.shape = {s.images * s.in_h * s.in_w, s.out_c, s.in_c, false, true, true, 1};
  g.a = a.x;
  g.a_row = s.in_c;
  g.b = packed;
  g.c = a.y;
  g.c_row = s.out_c;
  g.epilogue.addend = a.bias;
  g.epilogue.residual = a.residual;
  g.epilogue.residual_row = s.out_c;
  g.epilogue.clamp = a.clamp;
  g.epilogue.lo = a.lo;
  g.epilogue.hi = a.hi;
  gemm(isa, g, pool);
}

void run_windows(core::Isa isa, const ConvArgs& a, const float* packed, core::ThreadPool& pool) {
  const ConvShape& s = a.shape;
  const TileSet& tiles = tile_set(isa, s.group_out());
  const Window w = window_of(s);
  const WindowCut cut = cut_window(tiles, w);
  const int64_t each = cut.tasks();
  if (each == 0) return;
  pool.parallel_for(s.groups * each, [&](int64_t task) {
    const int64_t group = task / each, in = group * s.group_in(), out = group * s.group_out();
    WindowArgs args{a.x + in, packed + group * group_floats(tiles, s), packed + s.groups * group_floats(tiles, s), a.y + out, {}};
    args.epilogue.addend = a.bias != nullptr ? a.bias + out : nullptr;
    args.epilogue.residual = a.residual != nullptr ? a.residual + out : nullptr;
    args.epilogue.clamp = a.clamp;
    args.epilogue.lo = a.lo;
    args.epilogue.hi = a.hi;
    run_window_task(tiles, w, cut, args, task % each);
  });
}

}  // namespace

size_t conv_packed_bytes(core::Isa isa, const ConvShape& shape) { return static_cast<size_t>(packed_floats(isa, shape)) * sizeof(float); }

void conv_pack(core::Isa isa, const ConvShape& shape, const float* weights, float* packed) {
  const int64_t tasks = pack_tasks(isa, shape);
  for (int64_t i = 0; i < tasks; ++i) pack_task(isa, shape, weights, packed, i);
}

size_t conv_scratch_bytes(core::Isa isa, const ConvShape& shape, bool packed) {
  return static_cast<size_t>(halo_floats(shape)) * sizeof(float) + (packed ? 0 : conv_packed_bytes(isa, shape));
}

void conv(core::Isa isa, const ConvArgs& given, core::ThreadPool& pool) noexcept {
  ConvArgs a = given;
  float* const scratch = reinterpret_cast<float*>(a.scratch);
  const int64_t halo = halo_floats(a.shape);
  if (halo > 0) {
    copy_with_halo(a.shape, a.x, scratch, pool);
    a.x = scratch;
    a.shape = with_halo(a.shape);
  }
  const float* packed = a.packed;
  if (packed == nullptr) {
    float* const to = scratch + halo;
    pool.parallel_for(pack_tasks(isa, a.shape), [&](int64_t task) { pack_task(isa, a.shape, a.weights, to, task); });
    packed = to;
  }
  if (a.shape.depthwise()) return run_depthwise(isa, a, packed, pool);
  if (is_gemm(a.shape)) return run_gemm(isa, a, packed, pool);
  run_windows(isa, a, packed, pool);
}

}  // namespace omni::kernels
