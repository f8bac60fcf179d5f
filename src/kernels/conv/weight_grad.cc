// Weight gradient of a convolution: outer products of input and output-gradient pixels, summed over pixels in the tile's registers.
//
// A row of the tile is one (tap, input channel): its A pointers walk the input pixels of one output row, B is dy where it lies, and the tile's taps
// are the output rows of an image. Images are split into at most eight chunks, each with its own sum; the sums are added in order at the end, while
// [tap][in][out] becomes [out][in][tap].
#include <algorithm>
#include <cstring>

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
  ConvShape s;  // as it is run: with a halo instead of padding, output channels up to whole vectors
  bool halo, widened;
  int64_t rows;           // taps * input channels of a group
  int64_t chunk_floats;   // of one chunk's sums
  int64_t chunks, parts;  // parts: ranges of taps
};

// Few channels do not fill a tile within one tap; without borders a tile may span taps.
bool use_halo(const ConvShape& s) { return s.padded() && s.groups == 1 && s.in_c < kMaxTileRows; }

// dy with zeros up to whole vectors: a last vector of two channels would take as long as a full one, and its masked loads and stores longer.
constexpr int64_t kWidenRows = 128;  // of the tile's rows, between which the copy is shared

int64_t widened_channels(core::Isa isa, const ConvShape& s) {
  if (s.groups != 1 || s.taps() * s.in_c < kWidenRows) return s.out_c;
  const int64_t lanes = tile_set(isa, s.out_c).lanes;
  return ceil_div(s.out_c, lanes) * lanes;
}

int64_t dy_floats(const ConvShape& s) { return up16(s.images * s.out_h() * s.out_w() * s.out_c); }

Plan make_plan(core::Isa isa, const ConvShape& s) {
  Plan p{s, use_halo(s), false, s.taps() * s.group_in(), 0, 1, 1};
  if (p.halo) p.s = with_halo(s);
  p.s.out_c = widened_channels(isa, s);
  p.widened = p.s.out_c != s.out_c;
  p.chunk_floats = up16(p.rows * p.s.out_c);
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
  PanelCut cut;         // of the full vectors; one masked panel more where columns remain
  const TileSet* tail;  // of the columns beyond the full vectors, or null: few of them fit a half-width vector
  const float* x;
  const float* dy;
  float* sums;  // of the chunk, group 0
};

// Images [first, last), and whether the sums start here.
struct Images {
  int64_t first, last;
  bool fresh;
};

// Rows [m, m + count) of the sums of one group.
struct Block {
  int64_t group, m, count;
  Range ys, xs;                      // outputs that see the block's tap; all of them where there is no padding
  const float* start[kMaxTileRows];  // input of output (ys.lo, xs.lo) of image 0
};

// Rows follow each other by channel, then tap column, then tap row. (Divisions per row would take as long as a quarter of a tile.)
Block make_block(const Job& j, int64_t group, int64_t m, int64_t count) {
  const ConvShape& s = j.p.s;
  Block b{group, m, count, {}, {}, {}};
  int64_t c = m % s.group_in(), row = m / s.group_in() / s.kernel_w, column = m / s.group_in() % s.kernel_w;
  b.ys = outputs_of_tap(row * s.dilation_h - s.pad_top, s.in_h, s.out_h(), s.stride_h);
  b.xs = outputs_of_tap(column * s.dilation_w - s.pad_left, s.in_w, s.out_w(), s.stride_w);
  for (int64_t r = 0; r < count; ++r) {
    const int64_t iy = b.ys.lo * s.stride_h + row * s.dilation_h - s.pad_top, ix = b.xs.lo * s.stride_w + column * s.dilation_w - s.pad_left;
    b.start[r] = j.x + (iy * s.in_w + ix) * s.in_c + group * s.group_in() + c;
    if (++c < s.group_in()) continue;
    c = 0;
    if (++column < s.kernel_w) continue;
    column = 0;
    ++row;
  }
  return b;
}

// `taps` output rows from row y of `image` on, whose pointers stand in `rows`: all panels of `vectors`.
void run_tiles(const Job& j, const Block& b, int64_t vectors, const float* const* rows, int64_t taps, int64_t image, int64_t y, bool accumulate) {
  const ConvShape& s = j.p.s;
  TileArgs a{};
  a.rows = rows;
  a.taps = taps;
  a.steps = b.xs.hi - b.xs.lo;
  a.a_step = s.stride_w * s.in_c;
  a.b_step = s.out_c;
  a.b_tap = s.out_w() * s.out_c;
  a.c_row = s.group_out();
  a.accumulate = accumulate;
  a.last = true;
  const int64_t panels = j.cut.count + (j.tail != nullptr ? 1 : 0);
  for (int64_t panel = 0; panel < panels; ++panel) {
    const bool masked = panel == j.cut.count;
    if ((masked ? 1 : j.cut.width(panel)) != vectors) continue;
    const int64_t column = j.cut.first_vector(panel) * j.tiles.lanes;
    a.b = j.dy + ((image * s.out_h() + y) * s.out_w() + b.xs.lo) * s.out_c + b.group * s.group_out() + column;
    a.c = j.sums + (b.group * j.p.rows + b.m) * s.group_out() + column;
    a.columns = std::min(vectors * j.tiles.lanes, s.group_out() - column);
    (masked ? j.tail->masked[b.count - 1] : j.tiles.tile[vectors - 1][b.count - 1])(a);
  }
}

// Output rows of one image follow those of the one before, so that a tile may run through several images where all rows count.
void run_block(const Job& j, const Block& b, int64_t vectors, const Images& images) {
  const ConvShape& s = j.p.s;
  const int64_t line = s.stride_h * s.in_w * s.in_c, picture = s.in_h * s.in_w * s.in_c;
  const bool whole = b.ys.lo == 0 && b.ys.hi == s.out_h();
  const float* rows[kMaxTileRows * kBlockRows];
  bool accumulate = !images.fresh;
  int64_t taps = 0, first_image = images.first, first_y = b.ys.lo;
  const auto flush = [&](int64_t next_image, int64_t next_y) {
    run_tiles(j, b, vectors, rows, taps, first_image, first_y, accumulate);
    accumulate = true;
    taps = 0;
    first_image = next_image;
    first_y = next_y;
  };
  for (int64_t image = images.first; image < images.last; ++image) {
    for (int64_t y = b.ys.lo; y < b.ys.hi; ++y) {
      if (taps == kBlockRows) flush(image, y);
      const int64_t offset = image * picture + (y - b.ys.lo) * line;
      for (int64_t r = 0; r < b.count; ++r) rows[taps * b.count + r] = b.start[r] + offset;
      ++taps;
    }
    if (!whole && taps > 0) flush(image + 1, b.ys.lo);
  }
  if (taps > 0 || !accumulate) flush(0, 0);
}

// Rows [m0, m1) of one group, for panels of every width.
void run_rows(const Job& j, int64_t group, int64_t m0, int64_t m1, const Images& images) {
  bool done[kMaxTileVectors + 1] = {};
  const int64_t panels = j.cut.count + (j.tail != nullptr ? 1 : 0);
  for (int64_t panel = 0; panel < panels; ++panel) {
    const int64_t vectors = panel == j.cut.count ? 1 : j.cut.width(panel);
    if (done[vectors]) continue;
    done[vectors] = true;
    const int64_t blocks = ceil_div(m1 - m0, j.tiles.max_rows[vectors - 1]);  // the tail's tiles have as many rows
    for (int64_t i = 0; i < blocks; ++i) {
      const int64_t m = m0 + (m1 - m0) * i / blocks;
      run_block(j, make_block(j, group, m, m0 + (m1 - m0) * (i + 1) / blocks - m), vectors, images);
    }
  }
}

void run_dense(core::Isa isa, const Plan& p, const float* x, const float* dy, float* sums, core::ThreadPool& pool) {
  const ConvShape& s = p.s;
  const TileSet& tiles = tile_set(isa, s.group_out());
  const PanelCut cut = cut_panels(tiles, s.group_out() / tiles.lanes * tiles.lanes);
  const int64_t rest = s.group_out() % tiles.lanes;
  const TileSet* const tail = rest == 0 ? nullptr : &tile_set(isa, rest);
  pool.parallel_for(p.chunks * s.groups * p.parts, [&](int64_t task) {
    const int64_t part = task % p.parts, group = task / p.parts % s.groups, chunk = task / (p.parts * s.groups);
    const Job j{p, tiles, cut, tail, x, dy, sums + chunk * p.chunk_floats};
    const int64_t tap0 = s.taps() * part / p.parts, tap1 = s.taps() * (part + 1) / p.parts;
    const int64_t n0 = s.images * chunk / p.chunks, n1 = s.images * (chunk + 1) / p.chunks;
    const int64_t together = std::max<int64_t>(1, kBlockRows / std::max<int64_t>(1, s.out_h()));
    for (int64_t n = n0; n < n1; n += together) {
      const Images images{n, std::min(n1, n + together), n == n0};
      if (!s.padded()) {
        run_rows(j, group, tap0 * s.group_in(), tap1 * s.group_in(), images);
        continue;
      }
      for (int64_t tap = tap0; tap < tap1; ++tap) run_rows(j, group, tap * s.group_in(), (tap + 1) * s.group_in(), images);
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

// Copies pixels of `from` floats to pixels of `to` floats with zeros behind.
void widen(const float* dy, int64_t pixels, int64_t from, int64_t to, float* out, core::ThreadPool& pool) {
  constexpr int64_t kPixels = 1024;  // of a task
  pool.parallel_for(ceil_div(pixels, kPixels), [&](int64_t task) {
    for (int64_t i = task * kPixels; i < std::min(pixels, (task + 1) * kPixels); ++i) {
      std::memcpy(out + i * to, dy + i * from, static_cast<size_t>(from) * sizeof(float));
      std::fill(out + i * to + from, out + (i + 1) * to, 0.0f);
    }
  });
}

// Sums [group][tap][in][out of group] of all chunks to dw [out][in][tap], as `s` has them. Depthwise sums are [tap][channel], which is the same with
// one group.
void merge(const Plan& p, const ConvShape& s, const float* sums, float* dw, core::ThreadPool& pool) {
  const bool depthwise = s.depthwise();
  const int64_t groups = depthwise ? 1 : s.groups, outs = depthwise ? s.out_c : s.group_out(), ins = s.group_in(), taps = s.taps();
  const int64_t rows = groups * p.rows, width = depthwise ? s.out_c : p.s.group_out();
  pool.parallel_for(ceil_div(rows, kMergeRows), [&](int64_t task) {
    for (int64_t row = task * kMergeRows; row < std::min(rows, (task + 1) * kMergeRows); ++row) {
      const int64_t group = row / p.rows, tap = row % p.rows / ins, c = row % ins;
      for (int64_t o = 0; o < outs; ++o) {
        float sum = sums[row * width + o];
        for (int64_t chunk = 1; chunk < p.chunks; ++chunk) sum += sums[chunk * p.chunk_floats + row * width + o];
        dw[((group * outs + o) * ins + c) * taps + tap] = sum;
      }
    }
  });
}

}  // namespace

size_t conv_weight_grad_scratch_bytes(core::Isa isa, const ConvShape& shape) {
  const Plan p = make_plan(isa, shape);
  return static_cast<size_t>(p.chunks * p.chunk_floats + (p.halo ? picture_floats(p.s) : 0) + (p.widened ? dy_floats(p.s) : 0)) * sizeof(float);
}

void conv_weight_grad(core::Isa isa, const ConvGradArgs& a, core::ThreadPool& pool) noexcept {
  if (a.shape.images == 0) {
    std::fill_n(a.dw, a.shape.out_c * a.shape.group_in() * a.shape.taps(), 0.0f);
    return;
  }
  const Plan p = make_plan(isa, a.shape);
  float* const sums = reinterpret_cast<float*>(a.scratch);
  float* free = sums + p.chunks * p.chunk_floats;
  const float *x = a.x, *dy = a.dy;
  if (p.halo) {
    copy_with_halo(a.shape, a.x, free, pool);
    x = free;
    free += picture_floats(p.s);
  }
  if (p.widened) {
    widen(a.dy, a.shape.images * a.shape.out_h() * a.shape.out_w(), a.shape.out_c, p.s.out_c, free, pool);
    dy = free;
  }
  if (a.shape.depthwise()) {
    run_depthwise(isa, p, x, dy, sums, pool);
  } else {
    run_dense(isa, p, x, dy, sums, pool);
  }
  merge(p, a.shape, sums, a.dw, pool);
}

}  // namespace omni::kernels
