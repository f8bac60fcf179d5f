// Weight gradient of a convolution: outer products of input and output-gradient pixels, summed over pixels in the tile's registers.
//
// A row of the tile is one (tap, input channel): its A pointers walk the input pixels of one output row, B is dy where it lies, and the tile's taps are
// the output rows of an image. Images are split into at most eight chunks, each with its own sum; the sums are added in order at the end, while
// [tap][in][out] becomes [out][in][tap].
#include <algorithm>

#include "kernels/conv/conv.h"
#include "kernels/conv/depthwise.h"
#include "kernels/conv/halo.h"
#include "kernels/gemm/tile.h"

namespace omni::kernels {

namespace {

constexpr int64_t kMaxChunks = 8;
constexpr int64_t kPartialFloats = 1 << 21;  // most floats of all partial sums
constexpr int64_t kBlockRows = 32;           // output rows of one pass: the pointers of a tile take 2 KB of stack
constexpr int64_t kMergeRows = 64;           // rows of [tap][in] of a task that adds partial sums

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Plan {
  ConvShape s;           // of the picture that is read: with a halo, without padding
  bool halo;
  int64_t rows;          // taps * input channels of a group
  int64_t chunk_floats;  // of one chunk's sums
  int64_t chunks, parts;  // parts: ranges of taps
};

// Few channels do not fill a tile within one tap; without borders a tile may span taps.
bool use_halo(const ConvShape& s) { return s.padded() && s.groups == 1 && s.in_c < kMaxTileRows; }

Plan make_plan(const ConvShape& s) {
  Plan p{s, use_halo(s), s.taps() * s.group_in(), 0, 1, 1};
  if (p.halo) p.s = with_halo(s);
  p.chunk_floats = up16(p.rows * s.out_c);
  p.chunks = std::clamp<int64_t>(kPartialFloats / std::max<int64_t>(1, p.chunk_floats), 1, std::clamp<int64_t>(s.images, 1, kMaxChunks));
  p.parts = s.depthwise() ? 1 : std::min(s.taps(), ceil_div(kMaxChunks, p.chunks));
  return p;
}

// Outputs whose tap at `shift` lies inside, along one axis.
struct Range {
  int64_t lo, hi;
};

Range outputs_of_tap(int64_t shift, int64_t in, int64_t out, int64_t stride) {
  Range r{shift < 0 ? ceil_div(-shift, stride) : 0, in - 1 - shift < 0 ? 0 : std::min(out, (in - 1 - shift) / stride + 1)};
  if (r.hi < r.lo) r.hi = r.lo;
  return r;
}

struct Job {
  const Plan& p;
  const TileSet& tiles;
  PanelCut cut;  // of the full vectors; one masked panel more where columns remain
  bool tail;
  const float* x;
  const float* dy;
  float* sums;  // of the chunk, group 0
};

// Rows [m, m + count) of the sums of one group, all panels, one image.
void run_block(const Job& j, int64_t group, int64_t m, int64_t count, int64_t vectors, int64_t image, bool first) {
  const ConvShape& s = j.p.s;
  const int64_t tap = m / s.group_in(), ky = tap / s.kernel_w, kx = tap % s.kernel_w, out_h = s.out_h(), out_w = s.out_w();
  // With padding all rows of the block are of one tap; without, every tap sees all outputs.
  const Range ys = outputs_of_tap(ky * s.dilation_h - s.pad_top, s.in_h, out_h, s.stride_h);
  const Range xs = outputs_of_tap(kx * s.dilation_w - s.pad_left, s.in_w, out_w, s.stride_w);
  const float* start[kMaxTileRows];
  for (int64_t r = 0; r < count; ++r) {
    const int64_t t = (m + r) / s.group_in(), c = (m + r) % s.group_in();
    const int64_t iy = ys.lo * s.stride_h + t / s.kernel_w * s.dilation_h - s.pad_top, ix = xs.lo * s.stride_w + t % s.kernel_w * s.dilation_w - s.pad_left;
    start[r] = j.x + ((image * s.in_h + iy) * s.in_w + ix) * s.in_c + group * s.group_in() + c;
  }
  const float* rows[kMaxTileRows * kBlockRows];
  TileArgs a{};
  a.rows = rows;
  a.steps = xs.hi - xs.lo;
  a.a_step = s.stride_w * s.in_c;
  a.b_step = s.out_c;
  a.b_tap = out_w * s.out_c;
  a.c_row = s.group_out();
  a.accumulate = !first;
  a.last = true;
  for (int64_t y0 = ys.lo; y0 < ys.hi || (first && y0 == ys.lo); y0 += kBlockRows, a.accumulate = true) {
    a.taps = std::min(kBlockRows, ys.hi - y0);
    for (int64_t t = 0; t < a.taps; ++t) {
      for (int64_t r = 0; r < count; ++r) rows[t * count + r] = start[r] + (y0 + t - ys.lo) * s.stride_h * s.in_w * s.in_c;
    }
    const int64_t panels = j.cut.count + (j.tail ? 1 : 0);
    for (int64_t panel = 0; panel < panels; ++panel) {
      const bool masked = panel == j.cut.count;
      if ((masked ? 1 : j.cut.width(panel)) != vectors) continue;
      const int64_t column = j.cut.first_vector(panel) * j.tiles.lanes;
      a.b = j.dy + ((image * out_h + y0) * out_w + xs.lo) * s.out_c + group * s.group_out() + column;
      a.c = j.sums + (group * j.p.rows + m) * s.group_out() + column;
      a.columns = std::min(vectors * j.tiles.lanes, s.group_out() - column);
      (masked ? j.tiles.masked[count - 1] : j.tiles.tile[vectors - 1][count - 1])(a);
    }
  }
}

// Rows [m0, m1) of one group and image, for panels of `vectors`.
void run_width(const Job& j, int64_t group, int64_t m0, int64_t m1, int64_t vectors, int64_t image, bool first) {
  const int64_t blocks = ceil_div(m1 - m0, j.tiles.max_rows[vectors - 1]);
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t m = m0 + (m1 - m0) * i / blocks;
    run_block(j, group, m, m0 + (m1 - m0) * (i + 1) / blocks - m, vectors, image, first);
  }
}

void run_rows(const Job& j, int64_t group, int64_t m0, int64_t m1, int64_t image, bool first) {
  bool done[kMaxTileVectors + 1] = {};
  const int64_t panels = j.cut.count + (j.tail ? 1 : 0);
  for (int64_t panel = 0; panel < panels; ++panel) {
    const int64_t vectors = panel == j.cut.count ? 1 : j.cut.width(panel);
    if (done[vectors]) continue;
    done[vectors] = true;
    run_width(j, group, m0, m1, vectors, image, first);
  }
}

void run_dense(core::Isa isa, const Plan& p, const float* x, const float* dy, float* sums, core::ThreadPool& pool) {
  const ConvShape& s = p.s;
  const TileSet& tiles = tile_set(isa, s.group_out());
  const PanelCut cut = cut_panels(tiles, s.group_out() / tiles.lanes * tiles.lanes);
  pool.parallel_for(p.chunks * s.groups * p.parts, [&](int64_t task) {
    const int64_t part = task % p.parts, group = task / p.parts % s.groups, chunk = task / (p.parts * s.groups);
    const Job j{p, tiles, cut, s.group_out() % tiles.lanes != 0, x, dy, sums + chunk * p.chunk_floats};
    const int64_t tap0 = s.taps() * part / p.parts, tap1 = s.taps() * (part + 1) / p.parts;
    const int64_t n0 = s.images * chunk / p.chunks, n1 = s.images * (chunk + 1) / p.chunks;
    for (int64_t image = n0; image < n1; ++image) {
      if (!s.padded()) {
        run_rows(j, group, tap0 * s.group_in(), tap1 * s.group_in(), image, image == n0);
        continue;
      }
      for (int64_t tap = tap0; tap < tap1; ++tap) run_rows(j, group, tap * s.group_in(), (tap + 1) * s.group_in(), image, image == n0);
    }
  });
}

void run_depthwise(core::Isa isa, const Plan& p, const float* x, const float* dy, float* sums, core::ThreadPool& pool) {
  const ConvShape& s = p.s;
  const DepthwiseKernels& kernels = depthwise_kernels(isa);
  pool.parallel_for(p.chunks, [&](int64_t chunk) {
    float* const to = sums + chunk * p.chunk_floats;
    std::fill_n(to, p.chunk_floats, 0.0f);
    const float* lines[ConvShape::kMaxKernelLines];
    for (int64_t image = s.images * chunk / p.chunks; image < s.images * (chunk + 1) / p.chunks; ++image) {
      for (int64_t oy = 0; oy < s.out_h(); ++oy) {
        for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
          const int64_t iy = oy * s.stride_h + ky * s.dilation_h - s.pad_top;
          lines[ky] = iy >= 0 && iy < s.in_h ? x + (image * s.in_h + iy) * s.in_w * s.in_c : nullptr;
        }
        kernels.weight_grad_row({&s, lines, dy + (image * s.out_h() + oy) * s.out_w() * s.out_c, to, 0, s.in_c});
      }
    }
  });
}

// Sums [group][tap][in][out of group] of all chunks to dw [out][in][tap]. Depthwise sums are [tap][channel], which is the same with one group.
void merge(const Plan& p, const float* sums, float* dw, core::ThreadPool& pool) {
  const ConvShape& s = p.s;
  const bool depthwise = s.depthwise();
  const int64_t groups = depthwise ? 1 : s.groups, outs = depthwise ? s.out_c : s.group_out(), ins = s.group_in(), taps = s.taps();
  const int64_t rows = groups * p.rows;
  pool.parallel_for(ceil_div(rows, kMergeRows), [&](int64_t task) {
    for (int64_t row = task * kMergeRows; row < std::min(rows, (task + 1) * kMergeRows); ++row) {
      const int64_t group = row / p.rows, tap = row % p.rows / ins, c = row % ins;
      for (int64_t o = 0; o < outs; ++o) {
        float sum = sums[row * outs + o];
        for (int64_t chunk = 1; chunk < p.chunks; ++chunk) sum += sums[chunk * p.chunk_floats + row * outs + o];
        dw[((group * outs + o) * ins + c) * taps + tap] = sum;
      }
    }
  });
}

}  // namespace

size_t conv_weight_grad_scratch_bytes(core::Isa, const ConvShape& shape) {
  const Plan p = make_plan(shape);
  return static_cast<size_t>(p.chunks * p.chunk_floats + (p.halo ? picture_floats(p.s) : 0)) * sizeof(float);
}

void conv_weight_grad(core::Isa isa, const ConvGradArgs& a, core::ThreadPool& pool) noexcept {
  const Plan p = make_plan(a.shape);
  float* const sums = reinterpret_cast<float*>(a.scratch);
  const float* x = a.x;
  if (p.halo) {
    float* const copy = sums + p.chunks * p.chunk_floats;
    copy_with_halo(a.shape, a.x, copy, pool);
    x = copy;
  }
  if (a.shape.depthwise()) {
    run_depthwise(isa, p, x, a.dy, sums, pool);
  } else {
    run_dense(isa, p, x, a.dy, sums, pool);
  }
  merge(p, sums, a.dw, pool);
}

}  // namespace omni::kernels
