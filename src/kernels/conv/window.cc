// The loops around the tile for windows: chunks of grid positions x chunks of panels; inside, passes over the sum, row blocks, panels.
#include "kernels/conv/window.h"

#include <algorithm>

namespace omni::kernels {

namespace {

constexpr int64_t kRowChunk = 96;          // grid positions of a task, a multiple of 8 and of 6
constexpr int64_t kBlockK = 512;           // steps of one pass, as in the GEMM
constexpr int64_t kMaxTaps = 64;           // taps of one pass: the pointers of a tile take 4 KB of stack
constexpr int64_t kPanelFloats = 1 << 16;  // panels of a pass: 256 KB, read again for every row block, stay in the second-level cache
constexpr int64_t kTaskWork = 1 << 20;     // multiply-adds that make a task worth handing to a thread

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Part of the taps: rows [y0, y1) of taps, columns [x0, x1).
struct Pass {
  int64_t y0, y1, x0, x1;
  bool first, last;
};

// Walks grid positions in order.
struct Position {
  int64_t image, i, j;

  Position(const Window& w, int64_t m) : image(m / (w.grid_h * w.grid_w)), i(m / w.grid_w % w.grid_h), j(m % w.grid_w) {}
  void advance(const Window& w, int64_t count) {
    j += count;
    while (j >= w.grid_w) {
      j -= w.grid_w;
      if (++i < w.grid_h) continue;
      i = 0;
      ++image;
    }
  }
};

struct Task {
  const TileSet& tiles;
  const Window& w;
  const WindowCut& cut;
  const WindowArgs& args;
};

// The same where no window leaves the picture.
bool fill_pointers_inside(const Task& t, const Pass& pass, Position at, int64_t count, const float** rows) {
  const Window& w = t.w;
  const int64_t line = w.in_w * w.in_pixel, image = w.in_h * line;
  const int64_t x_first = w.x_first + pass.x0 * w.x_step, y_first = w.y_first + pass.y0 * w.y_step;
  const bool run = w.x_step == 1 && w.channels == w.in_pixel;
  const int64_t taps_x = run ? 1 : pass.x1 - pass.x0;
  const int64_t step_y = w.y_step * line, step_x = w.x_step * w.in_pixel, next = w.stride_x * w.in_pixel;
  const float* p = nullptr;
  for (int64_t r = 0; r < count; ++r, at.advance(w, 1)) {
    if (r == 0 || at.j == 0) {
      p = t.args.x + at.image * image + (at.i * w.stride_y + y_first) * line + (at.j * w.stride_x + x_first) * w.in_pixel;
    } else {
      p += next;
    }
    const float* tap = p;
    const float** to = rows + r;
    for (int64_t ty = pass.y0; ty < pass.y1; ++ty, tap += step_y) {
      for (int64_t tx = 0; tx < taps_x; ++tx, to += count) *to = tap + tx * step_x;
    }
  }
  return run;
}

// Fills pointers [tap][count] for `count` grid positions. Returns whether whole runs of taps were taken (one pointer a row of taps).
bool fill_pointers(const Task& t, const Pass& pass, Position at, int64_t count, const float** rows) {
  const Window& w = t.w;
  const int64_t x_low = w.x_first + pass.x0 * w.x_step, x_high = w.x_first + (pass.x1 - 1) * w.x_step;
  const float* origin[kMaxTileRows];  // of the image
  int64_t y[kMaxTileRows], x[kMaxTileRows];
  bool run = w.x_step == 1 && w.channels == w.in_pixel;
  for (int64_t r = 0; r < count; ++r, at.advance(w, 1)) {
    origin[r] = t.args.x + at.image * w.in_h * w.in_w * w.in_pixel;
    y[r] = at.i * w.stride_y + w.y_first;
    x[r] = at.j * w.stride_x;
    run = run && x[r] + x_low >= 0 && x[r] + x_high < w.in_w;
  }
  for (int64_t ty = pass.y0; ty < pass.y1; ++ty) {
    const float* line[kMaxTileRows];
    for (int64_t r = 0; r < count; ++r) {
      const int64_t iy = y[r] + ty * w.y_step;
      line[r] = iy >= 0 && iy < w.in_h ? origin[r] + iy * w.in_w * w.in_pixel : nullptr;
    }
    for (int64_t tx = pass.x0; tx < (run ? pass.x0 + 1 : pass.x1); ++tx) {
      for (int64_t r = 0; r < count; ++r) {
        const int64_t ix = x[r] + w.x_first + tx * w.x_step;
        *rows++ = line[r] != nullptr && ix >= 0 && ix < w.in_w ? line[r] + ix * w.in_pixel : t.args.zeros;
      }
    }
  }
  return run;
}

// `count` grid positions whose outputs follow each other, panels [first, last), all of the same width.
void run_block(const Task& t, const Pass& pass, const Position& at, int64_t count, int64_t first, int64_t last) {
  const Window& w = t.w;
  const float* rows[kMaxTileRows * kMaxTaps];
  const bool run = t.cut.inside ? fill_pointers_inside(t, pass, at, count, rows) : fill_pointers(t, pass, at, count, rows);
  const int64_t xs = pass.x1 - pass.x0, ys = pass.y1 - pass.y0, vectors = t.cut.panels.width(first), width = vectors * t.tiles.lanes;
  const int64_t out = at.image * w.out_image + at.i * w.out_row + at.j * w.out_pixel;
  TileArgs a{};
  a.rows = rows;
  a.taps = run ? ys : ys * xs;
  a.steps = run ? xs * w.channels : w.channels;
  a.a_step = 1;
  a.b_step = width;
  a.b_tap = a.steps * width;
  a.c_row = w.out_pixel;
  a.accumulate = !pass.first;
  a.last = pass.last;
  a.epilogue = t.args.epilogue;
  a.epilogue.residual_row = w.out_pixel;
  for (int64_t panel = first; panel < last; ++panel) {
    const int64_t column = t.cut.panels.first_vector(panel) * t.tiles.lanes;
    a.b = t.args.panels + w.depth() * column + (pass.y0 * w.x_count + pass.x0) * w.channels * width;
    a.c = t.args.y + out + column;
    a.columns = std::min(width, w.columns - column);
    if (t.args.epilogue.addend != nullptr) a.epilogue.addend = t.args.epilogue.addend + column;
    if (t.args.epilogue.residual != nullptr) a.epilogue.residual = t.args.epilogue.residual + out + column;
    t.tiles.tile[vectors - 1][count - 1](a);
  }
}

// Grid positions [m0, m1) whose outputs follow each other at w.out_pixel.
void run_rows(const Task& t, const Pass& pass, int64_t m0, int64_t m1, int64_t first, int64_t last) {
  while (first < last) {
    const int64_t vectors = t.cut.panels.width(first);
    int64_t end = first + 1;
    while (end < last && t.cut.panels.width(end) == vectors) ++end;
    const int64_t blocks = ceil_div(m1 - m0, t.tiles.max_rows[vectors - 1]);
    const int64_t base = (m1 - m0) / blocks, extra = (m1 - m0) % blocks;
    Position at(t.w, m0);
    for (int64_t i = 0; i < blocks; ++i) {
      const int64_t count = base + (i < extra ? 1 : 0);
      run_block(t, pass, at, count, first, end);
      at.advance(t.w, count);
    }
    first = end;
  }
}

bool contiguous(const Window& w) {
  return (w.grid_h == 1 || w.out_row == w.grid_w * w.out_pixel) && (w.images == 1 || w.out_image == w.grid_h * w.grid_w * w.out_pixel);
}

void run_pass(const Task& t, const Pass& pass, int64_t m0, int64_t m1, int64_t first, int64_t last) {
  if (contiguous(t.w)) return run_rows(t, pass, m0, m1, first, last);
  while (m0 < m1) {
    const int64_t end = std::min(m1, (m0 / t.w.grid_w + 1) * t.w.grid_w);
    run_rows(t, pass, m0, end, first, last);
    m0 = end;
  }
}

}  // namespace

WindowCut cut_window(const TileSet& tiles, const Window& w) {
  WindowCut c{};
  c.panels = cut_panels(tiles, w.columns);
  c.inside = w.inside();
  const int64_t line = std::max<int64_t>(1, w.x_count * w.channels);
  c.block_x = std::max<int64_t>(1, std::min({w.x_count, kMaxTaps, std::max<int64_t>(1, kBlockK / std::max<int64_t>(1, w.channels))}));
  c.block_y = c.block_x < w.x_count ? 1 : std::max<int64_t>(1, std::min(kBlockK / line, kMaxTaps / c.block_x));
  const int64_t rows = w.rows();
  c.row_chunk = w.grid_w <= kRowChunk ? kRowChunk / std::max<int64_t>(1, w.grid_w) * w.grid_w : w.grid_w <= 2 * kRowChunk ? w.grid_w : kRowChunk;
  const int64_t pass_floats = std::max<int64_t>(1, c.block_y * c.block_x * w.channels * tiles.lanes * std::max<int64_t>(1, c.panels.base));
  c.panels_per_task = std::max<int64_t>(1, std::min(c.panels.count, kPanelFloats / pass_floats));
  c.panel_chunks = c.panels.count == 0 ? 0 : ceil_div(c.panels.count, c.panels_per_task);
  const int64_t work = std::max<int64_t>(1, c.row_chunk * w.depth() * c.panels_per_task * c.panels.base * tiles.lanes);
  c.row_chunk = std::max<int64_t>(1, c.row_chunk) * std::max<int64_t>(1, kTaskWork / work);
  c.row_chunks = ceil_div(rows, c.row_chunk);
  return c;
}

void run_window_task(const TileSet& tiles, const Window& w, const WindowCut& cut, const WindowArgs& args, int64_t task) noexcept {
  const Task t{tiles, w, cut, args};
  const int64_t m0 = task / cut.panel_chunks * cut.row_chunk, m1 = std::min(w.rows(), m0 + cut.row_chunk);
  const int64_t first = task % cut.panel_chunks * cut.panels_per_task, last = std::min(cut.panels.count, first + cut.panels_per_task);
  if (w.y_count == 0 || w.x_count == 0) return run_pass(t, {0, 0, 0, 1, true, true}, m0, m1, first, last);
  for (int64_t y = 0; y < w.y_count; y += cut.block_y) {
    for (int64_t x = 0; x < w.x_count; x += cut.block_x) {
      const Pass pass{y,
                      std::min(w.y_count, y + cut.block_y),
                      x,
                      std::min(w.x_count, x + cut.block_x),
                      y == 0 && x == 0,
                      y + cut.block_y >= w.y_count && x + cut.block_x >= w.x_count};
      run_pass(t, pass, m0, m1, first, last);
    }
  }
}

void pack_taps(const TileSet& tiles, const TapWeights& t, int64_t first, int64_t last, float* packed) noexcept {
  const PanelCut cut = cut_panels(tiles, t.columns);
  const int64_t depth = t.y_count * t.x_count * t.channels;
  for (int64_t p = first; p < last; ++p) {
    const int64_t column = cut.first_vector(p) * tiles.lanes, width = cut.width(p) * tiles.lanes, valid = std::min(width, t.columns - column);
    float* to = packed + depth * column;
    for (int64_t ty = 0; ty < t.y_count; ++ty) {
      for (int64_t tx = 0; tx < t.x_count; ++tx) {
        const float* const tap = t.weights + t.y_first + ty * t.y_step + t.x_first + tx * t.x_step + column * t.n_stride;
        for (int64_t c = 0; c < t.channels; ++c, to += width) {
          for (int64_t n = 0; n < valid; ++n) to[n] = tap[c * t.c_stride + n * t.n_stride];
          for (int64_t n = valid; n < width; ++n) to[n] = 0.0f;
        }
      }
    }
  }
}

}  // namespace omni::kernels
