// Implicit GEMM over windows of a channels-last picture: what the forward convolution and the input gradient have in common.
//
// Row m of A is the window of grid position m = (image, i, j): for each tap (ty, tx) the `channels` floats of input pixel
// (i * stride_y + y_first + ty * y_step, j * stride_x + x_first + tx * x_step), or zeros outside. B is packed panels of
// [y_count * x_count * channels][columns]. Nothing is copied: a tile gets one pointer per row and tap, or per row and run of taps where
// the pixels of a run are contiguous and inside.
#pragma once

#include <cstdint>

#include "kernels/gemm/tile.h"

namespace omni::kernels {

struct Window {
  int64_t images, in_h, in_w;
  int64_t in_pixel;  // floats from one pixel to the next
  int64_t channels;  // of them in the window
  int64_t grid_h, grid_w, stride_y, stride_x;
  int64_t y_first, y_step, y_count;
  int64_t x_first, x_step, x_count;
  int64_t out_image, out_row, out_pixel;  // floats from one image, row, pixel of the grid to the next
  int64_t columns;

  int64_t rows() const { return images * grid_h * grid_w; }
  // No tap of any window lies outside: y and x alike.
  bool inside() const {
    return y_first >= 0 && x_first >= 0 && (grid_h - 1) * stride_y + y_first + (y_count - 1) * y_step < in_h &&
           (grid_w - 1) * stride_x + x_first + (x_count - 1) * x_step < in_w;
  }
  int64_t depth() const { return y_count * x_count * channels; }
};

struct WindowArgs {
  const float* x;
  const float* panels;
  const float* zeros;  // x_count * channels of them
  float* y;
  Epilogue epilogue;  // addend per column; residual is addressed like y
};

// How a window is cut into tasks, and each task into passes over the sum. By shape alone.
struct WindowCut {
  PanelCut panels;
  int64_t row_chunk, row_chunks, panels_per_task, panel_chunks;
  int64_t block_y, block_x;  // taps of one pass
  bool inside;               // the window's

  int64_t tasks() const { return row_chunks * panel_chunks; }
};

WindowCut cut_window(const TileSet& tiles, const Window& w);
void run_window_task(const TileSet& tiles, const Window& w, const WindowCut& cut, const WindowArgs& args, int64_t task) noexcept;

// Packs taps x channels x columns into the panels of a window: element (tap, c, n) is weights[taps[tap] + c * c_stride + n * n_stride].
// Packs panels [first, last).
struct TapWeights {
  const float* weights;
  int64_t y_first, y_step, y_count;  // offsets of the taps in floats: y_first + ty * y_step + x_first + tx * x_step
  int64_t x_first, x_step, x_count;
  int64_t channels, c_stride;
  int64_t columns, n_stride;
};
void pack_taps(const TileSet& tiles, const TapWeights& t, int64_t first, int64_t last, float* packed) noexcept;

}  // namespace omni::kernels
